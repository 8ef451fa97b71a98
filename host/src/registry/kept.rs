//! Components that were pulled, kept on disk, so that a restart needs no registry.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use super::Artifact;
use crate::manifest::Digest;

/// Whether the file is the component of this artifact, to the last byte.
pub fn is_kept(file: &Path, artifact: &Artifact) -> bool {
    fs::read(file).is_ok_and(|bytes| Digest::of(&bytes) == artifact.component)
}

/// Keep a component in this file, whole or not at all. Its folder is made for its
/// owner alone: whoever writes there decides what the host runs.
pub fn keep(file: &Path, component: &[u8]) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        make(folder)?;
    }
    // Of its own for each process: two may pull the same.
    let unfinished = file.with_extension(format!("{}.tmp", std::process::id()));
    let written = File::options().write(true).create(true).truncate(true).mode(0o600).open(&unfinished);
    let written = written.and_then(|mut written| {
        written.write_all(component)?;
        written.sync_all()?;
        fs::rename(&unfinished, file)
    });
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written
}

/// Make a folder and those above it. Their names are on the disk when this returns:
/// the history is in one of them, and takes one that is there for such.
fn make(folder: &Path) -> io::Result<()> {
    let Some(above) = folder.parent().filter(|_| !folder.is_dir()) else { return Ok(()) };
    make(above)?;
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    File::open(above)?.sync_all()
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_kept_is_whole_and_its_owners_alone() {
        let above = tempfile::tempdir().expect("a folder");
        let file = above.path().join("state/registry/a.wasm");
        let artifact = |bytes| Artifact { digest: Digest::of(b""), component: Digest::of(bytes), size: 1 };
        assert!(!is_kept(&file, &artifact(b"1")));
        for bytes in [b"1", b"2"] {
            keep(&file, bytes).expect("there is room");
            assert!(is_kept(&file, &artifact(bytes)));
        }
        assert!(!is_kept(&file, &artifact(b"1")));
        let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        let folder = file.parent().expect("a folder");
        assert_eq!((mode(folder), mode(folder.parent().expect("a folder")), mode(&file)), (0o700, 0o700, 0o600));
        assert_eq!(fs::read_dir(folder).expect("a folder").count(), 1, "nothing else is left");
    }
}
