//! A folder that only its owner can write in, and the files in it.
//!
//! It knows nothing of what the files hold. Once opened the folder is used by its
//! handle: who renames it, or a folder above it, cannot put another in its place.

use std::{
    collections::hash_map::RandomState,
    fs::{DirBuilder, File, Metadata},
    hash::{BuildHasher, Hasher},
    io::{self, Read, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use rustix::fs::{AtFlags, Mode, OFlags};

pub use self::tidy::{Bounds, ENTRY, is_entry};
use super::CacheError;
use crate::private;

mod tidy;

/// How the name of a file ends that is being written.
const UNFINISHED: &str = ".cwasm.new";

/// A folder that only its owner can write in.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    handle: File,
}

impl Folder {
    /// Open it, and make it if it is missing.
    pub fn open(path: &Path) -> Result<Folder, CacheError> {
        let failed = |source| CacheError::Folder { path: path.into(), source };
        make(path).map_err(failed)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = rustix::fs::open(path, flags, Mode::empty());
        let handle = File::from(opened.map_err(|error| failed(error.into()))?);
        private::check(path, &handle.metadata().map_err(failed)?, "compiled code")?;
        Ok(Folder { path: path.into(), handle })
    }

    /// The folder that is at its path now, made if it is missing.
    pub fn again(&self) -> Result<Folder, CacheError> {
        Folder::open(&self.path)
    }

    /// What a file holds. That it was read makes it the youngest.
    pub fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let (mut file, found) = self.file(name)?;
        let mut bytes = Vec::with_capacity(usize::try_from(found.len()).unwrap_or_default());
        file.read_to_end(&mut bytes)?;
        // Worth no failure: at worst it is removed before its time.
        let _ = file.set_modified(SystemTime::now());
        Ok(bytes)
    }

    /// Write a file whole, in place of any that has its name. It is not synced: one
    /// that a power cut tears fails its seal, and is written again.
    pub fn write(&self, name: &str, parts: &[&[u8]]) -> io::Result<()> {
        let unfinished = format!("{:016x}{UNFINISHED}", RandomState::new().build_hasher().finish());
        let written = self.write_new(&unfinished, parts);
        let written = written.and_then(|file| {
            rustix::fs::renameat(&self.handle, &unfinished, &self.handle, name)?;
            drop(file);
            Ok(())
        });
        if written.is_err() {
            self.remove(&unfinished);
        }
        written
    }

    /// The path of a file, for people.
    pub fn show(&self, name: &str) -> String {
        format!("{:?}", self.path.join(name))
    }

    /// Open a file that nobody but this process's user could have written.
    fn file(&self, name: &str) -> io::Result<(File, Metadata)> {
        // Not blocking, for opening a pipe would wait for somebody to write.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::openat(&self.handle, name, flags, Mode::empty())?);
        let found = file.metadata()?;
        if !found.is_file() || !private::is_private(&found) {
            return Err(io::Error::other("it is not a file that only this user may write"));
        }
        Ok((file, found))
    }

    /// Write a file, which is locked as long as the answer is held: by that others know
    /// that somebody is about it still. Where there are no locks its age must do.
    fn write_new(&self, name: &str, parts: &[&[u8]]) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::openat(&self.handle, name, flags, Mode::RUSR | Mode::WUSR)?);
        let _ = file.try_lock();
        parts.iter().try_for_each(|part| file.write_all(part))?;
        Ok(file)
    }

    /// Somebody else may have done so before, and what stays is removed next time.
    fn remove(&self, name: &str) {
        let _ = rustix::fs::unlinkat(&self.handle, name, AtFlags::empty());
    }
}

/// Make a folder for its owner alone, and so those above it that are missing: others
/// may keep there what only its owner may write.
fn make(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use std::{
        fs,
        os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink},
    };

    use rustix::process::geteuid;

    use super::*;
    use crate::private::NotPrivate;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("it is there").mode() & 0o7777
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("it is there");
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_missing_folder_is_made_for_its_owner_alone() {
        let above = tempfile::tempdir().expect("a folder");
        let path = above.path().join("data/code");
        let folder = Folder::open(&path).expect("it can be made");
        assert_eq!((mode(&path), mode(&above.path().join("data"))), (0o700, 0o700));
        folder.write("a", &[b"1", b"23"]).expect("there is room");
        assert_eq!(folder.read("a").expect("it is there"), b"123");
        assert_eq!(mode(&path.join("a")), 0o600);
        assert_eq!(names(&path), ["a"]);
        Folder::open(&path).expect("it may be there");
    }

    #[test]
    fn a_folder_that_others_may_write_in_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path();
        for (wrong, shown) in [(0o770, "0770"), (0o702, "0702"), (0o1777, "1777")] {
            set_mode(path, wrong);
            let error = Folder::open(path).expect_err("others may write in it").to_string();
            assert_eq!(
                error,
                format!(
                    "the folder {path:?} cannot be used for compiled code: others than its owner may write in it \
                     (its mode is {shown}); run `chmod 700 {path:?}`"
                )
            );
        }
        set_mode(path, 0o755);
        Folder::open(path).expect("that others may read in it does no harm");
    }

    #[test]
    fn a_folder_of_another_user_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        // Only root can give a folder away; to others that of root is another's.
        let path = match geteuid().is_root() {
            true => folder.path(),
            false => Path::new("/"),
        };
        if geteuid().is_root() {
            chown(path, Some(65534), None).expect("root may");
        }
        let error = Folder::open(path).expect_err("it is another's");
        assert!(matches!(error, CacheError::NotPrivate(NotPrivate::Owner { .. })), "{error}");
        assert!(error.to_string().contains(&format!("run `chown {} {path:?}`", geteuid().as_raw())), "{error}");
    }

    #[test]
    fn what_is_no_folder_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        fs::write(&path, "").expect("there is room");
        for path in [path.clone(), path.join("below")] {
            let error = Folder::open(&path).expect_err("a file is there");
            assert!(matches!(&error, CacheError::Folder { path: named, .. } if *named == path), "{error}");
        }
    }

    #[test]
    fn a_file_is_read_only_if_nobody_else_could_write_it() {
        let above = tempfile::tempdir().expect("a folder");
        let (path, folder) = (above.path(), Folder::open(above.path()).expect("it is ours"));
        folder.write("a", &[b"1"]).expect("there is room");
        symlink("a", path.join("link")).expect("there is room");
        fs::create_dir(path.join("folder")).expect("there is room");
        folder.write("open", &[b"1"]).expect("there is room");
        set_mode(&path.join("open"), 0o620);
        for wrong in ["link", "folder", "open", "missing"] {
            folder.read(wrong).expect_err(wrong);
        }
        folder.read("a").expect("it is as it was written");
    }

    #[test]
    fn a_folder_that_took_its_place_is_not_used() {
        let above = tempfile::tempdir().expect("a folder");
        let (path, moved) = (above.path().join("code"), above.path().join("moved"));
        let folder = Folder::open(&path).expect("it can be made");
        fs::rename(&path, &moved).expect("it is there");
        fs::create_dir(&path).expect("there is room");
        fs::write(path.join("a"), "theirs").expect("there is room");
        folder.write("a", &[b"ours"]).expect("there is room");
        assert_eq!(folder.read("a").expect("it is there"), b"ours");
        assert_eq!(fs::read(moved.join("a")).expect("it is there"), b"ours");
    }

    #[test]
    fn a_write_that_fails_leaves_nothing() {
        let above = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(above.path()).expect("it is ours");
        fs::create_dir(above.path().join("a")).expect("there is room");
        folder.write("a", &[b"1"]).expect_err("a folder is in its place");
        assert_eq!(names(above.path()), ["a"]);
    }
}
