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
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
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
