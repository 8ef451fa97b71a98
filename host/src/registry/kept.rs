//! Components that were pulled, kept on disk, so that a restart needs no registry.

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::Path,
};

use super::{Artifact, whole};
use crate::{
    manifest::Digest,
    private::{self, NotPrivate},
};

/// Whether the file is the component of this artifact, to the last byte.
pub fn is_kept(file: &Path, artifact: &Artifact) -> bool {
    fs::read(file).is_ok_and(|bytes| Digest::of(&bytes) == artifact.component)
}

/// Refuse a file that is kept, or is to be, where others may write: in the manifest's
/// folder, in that of all manifests, or in that of the state. Whoever writes there decides what the host runs.
pub fn look(file: &Path) -> Result<(), NotPrivate> {
    let mut folders = file.ancestors().skip(1).take(3);
    folders.try_for_each(|folder| private::look(folder, "pulled components"))
}

/// Keep a component in this file, whole or not at all. Its folder is made for its
/// owner alone; one that is there is refused like by [`look`].
pub fn keep(file: &Path, component: &[u8]) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        make(folder)?;
    }
    look(file).map_err(io::Error::other)?;
    whole::write(file, component, 0o600)
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
        let file = above.path().join("state/registry/dovetail.toml/a.wasm");
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

    #[test]
    fn nothing_is_kept_where_others_may_write() {
        let above = tempfile::tempdir().expect("a folder");
        let file = above.path().join("state/registry/dovetail.toml/a.wasm");
        look(&file).expect("what is missing is made");
        keep(&file, b"1").expect("there is room");
        let folder = file.parent().expect("a folder");
        for wrong in folder.ancestors().take(3) {
            let set = |mode| fs::set_permissions(wrong, fs::Permissions::from_mode(mode)).expect("it is ours");
            set(0o777);
            let told = format!(
                "the folder {wrong:?} cannot be used for pulled components: others than its owner may write in it \
                 (its mode is 0777); run `chmod 700 {wrong:?}`"
            );
            assert_eq!(look(&file).expect_err("others may write there").to_string(), told);
            assert_eq!(keep(&file, b"2").expect_err("others may write there").to_string(), told);
            set(0o755);
        }
        look(&file).expect("that others may read there does no harm");
        assert_eq!(fs::read(&file).expect("it is there"), b"1");
    }
}
