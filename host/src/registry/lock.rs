//! The lock file: which artifact each reference of a manifest stands for.
//!
//! A tag may be moved by whoever can push. The lock file says what it meant when
//! it was pulled first, so that everybody who has the file runs the same bytes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{Artifact, whole};
use crate::manifest::{Digest, Reference};

/// The format that is written, and the only one that is read.
const VERSION: u32 = 1;

/// The permissions of an ordinary file: it is for version control, and holds no secret.
const MODE: u32 = 0o666;

/// A lock file, as it is or is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    path: PathBuf,
    pins: BTreeMap<String, Artifact>,
}

/// Why a lock file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The disk is at fault.
    #[error("the lock file `{}` cannot be {what}", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// `read` or `written`.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// It was changed by something else than this program.
    #[error(
        "the lock file `{}` is damaged: {why}; restore it from version control, or remove it to pin anew", path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    #[serde(default)]
    component: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    reference: String,
    artifact: String,
    digest: String,
    size: u64,
}

impl Lock {
    /// Reads the file; without one nothing is pinned.
    pub fn read(path: &Path) -> Result<Lock, LockError> {
        match fs::read_to_string(path) {
            Ok(text) => Lock::parse(path, &text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(Lock { path: path.to_owned(), pins: BTreeMap::new() })
            }
            Err(source) => Err(LockError::Disk { path: path.to_owned(), what: "read", source }),
        }
    }

    fn parse(path: &Path, text: &str) -> Result<Lock, LockError> {
        let damaged = |why: String| LockError::Damaged { path: path.to_owned(), why };
        let document: Document = toml::from_str(text).map_err(|error| damaged(error.message().to_owned()))?;
        if document.version != VERSION {
            return Err(damaged(format!("its version is {}, and this program knows {VERSION}", document.version)));
        }
        let mut pins = BTreeMap::new();
        for Entry { reference, artifact, digest, size } in document.component {
            let read = |text: &str| {
                Digest::parse(text).ok_or_else(|| damaged(format!("{text:?} of {reference:?} is no SHA-256")))
            };
            let pin = Artifact { digest: read(&artifact)?, component: read(&digest)?, size };
            if pins.insert(reference.clone(), pin).is_some() {
                return Err(damaged(format!("{reference:?} is pinned twice")));
            }
        }
        Ok(Lock { path: path.to_owned(), pins })
    }

    /// What a reference is pinned to. One with a digest is, if it is another, not
    /// the one that was pinned.
    pub fn pin(&self, reference: &Reference) -> Option<&Artifact> {
        let pin = self.pins.get(&reference.to_string())?;
        reference.digest().is_none_or(|digest| digest == pin.digest.as_str()).then_some(pin)
    }

    /// Pin a reference.
    pub fn set(&mut self, reference: &Reference, pin: Artifact) {
        self.pins.insert(reference.to_string(), pin);
    }

    /// Forget what is not among these.
    pub fn retain(&mut self, references: &[&Reference]) {
        let known: BTreeSet<_> = references.iter().map(ToString::to_string).collect();
        self.pins.retain(|reference, _| known.contains(reference));
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Write the file, whole or not at all.
    pub fn write(&self) -> Result<(), LockError> {
        let written = whole::write(&self.path, self.text().as_bytes(), MODE);
        written.map_err(|source| LockError::Disk { path: self.path.clone(), what: "written", source })
    }

    /// By reference, so that a change is one in version control. Nothing in it
    /// needs escapes: references and digests have no quotes.
    fn text(&self) -> String {
        let mut text = format!(
            "# Which components the references in the manifest stand for. Written by\n\
             # dovetail, kept in version control, moved by `dovetail update`.\n\
             version = {VERSION}\n"
        );
        for (reference, Artifact { digest, component, size }) in &self.pins {
            text.push_str(&format!(
                "\n[[component]]\nreference = \"{reference}\"\nartifact = \"{digest}\"\n\
                 digest = \"{component}\"\nsize = {size}\n"
            ));
        }
        text
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn reference(text: &str) -> Reference {
        Reference::parse(text).expect("a reference")
    }

    fn pin(bytes: &[u8]) -> Artifact {
        Artifact { digest: Digest::of(bytes), component: Digest::of(b"component"), size: 9 }
    }

    #[test]
    fn what_is_written_is_read_again_and_sorted() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("dovetail.lock");
        let mut lock = Lock::read(&path).expect("there is none yet");
        let (one, two) = (reference("oci://a.b/one:1"), reference("oci+http://a.b/two:1"));
        lock.set(&one, pin(b"1"));
        lock.set(&two, pin(b"2"));
        lock.write().expect("there is room");
        let text = fs::read_to_string(&path).expect("it is there");
        assert!(text.find("two:1") < text.find("one:1"), "{text}");
        let mut read = Lock::read(&path).expect("it is whole");
        assert_eq!(read, lock);
        read.retain(&[&one]);
        assert_eq!((read.pin(&one), read.pin(&two)), (Some(&pin(b"1")), None));
    }

    #[test]
    fn what_another_process_left_unfinished_is_not_in_the_way() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("dovetail.lock");
        let theirs = [path.with_extension("lock.tmp"), path.with_extension("lock.1.tmp")];
        theirs.iter().for_each(|theirs| fs::write(theirs, "half").expect("there is room"));
        let mut lock = Lock::read(&path).expect("there is none yet");
        lock.set(&reference("oci://a.b/one:1"), pin(b"1"));
        lock.write().expect("there is room");
        assert_eq!(Lock::read(&path).expect("it is whole"), lock);
        for theirs in theirs {
            assert_eq!(fs::read_to_string(&theirs).expect("it is there still"), "half", "{theirs:?}");
        }
        let ordinary = folder.path().join("ordinary");
        fs::write(&ordinary, "").expect("there is room");
        let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode();
        assert_eq!(mode(&path), mode(&ordinary));
    }

    #[test]
    fn a_write_that_fails_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("dovetail.lock");
        let lock = Lock::read(&path).expect("there is none yet");
        // Even root cannot put a file where a folder is.
        fs::create_dir(&path).expect("there is room");
        let error = lock.write().expect_err("a folder is in its place").to_string();
        assert!(error.ends_with("dovetail.lock` cannot be written"), "{error}");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing else is left");
    }

    #[test]
    fn a_digest_that_is_written_is_pinned_to_itself_alone() {
        let mut lock = Lock::read(Path::new("dovetail.none")).expect("there is none");
        let own = reference("oci://a.b/one:1").pinned(&Digest::of(b"1"));
        lock.set(&own, pin(b"1"));
        assert!(lock.pin(&own).is_some());
        lock.set(&own, pin(b"2"));
        assert!(lock.pin(&own).is_none());
    }

    #[test]
    fn a_damaged_file_is_refused_with_what_is_wrong() {
        let parse = |text: &str| Lock::parse(Path::new("dovetail.lock"), text);
        let entry = |digest: &str| {
            format!("[[component]]\nreference = \"a\"\nartifact = \"{digest}\"\ndigest = \"{digest}\"\nsize = 1\n")
        };
        let good = entry(Digest::of(b"1").as_str());
        for (text, why) in [
            ("version = 2".to_owned(), "its version is 2"),
            ("<<<<<<< HEAD".to_owned(), "damaged"),
            (format!("version = 1\n{}", entry("sha256:1")), "is no SHA-256"),
            (format!("version = 1\n{good}{good}"), "pinned twice"),
            ("version = 1\nmore = 1".to_owned(), "unknown field"),
        ] {
            let error = parse(&text).expect_err(why).to_string();
            assert!(error.contains(why) && error.contains("restore it from version control"), "{error}");
        }
        parse(&format!("version = 1\n{good}")).expect("it is well-formed");
    }
}
