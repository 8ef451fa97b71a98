//! A folder for what is measured.

use std::{
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicUsize, Ordering},
};

use anyhow::{Context, Result};

use crate::host;

/// How many this process made.
static MADE: AtomicUsize = AtomicUsize::new(0);

/// A folder that only this user may use. Removed when it is dropped.
pub struct Folder(PathBuf);

impl Folder {
    /// A new one beside what was built: on a disk, which the folder for temporary
    /// files often is not.
    pub fn new() -> Result<Folder> {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let target = host::root().join("target");
        let path = target.join(format!("bench-{}-{number}", process::id()));
        // Nothing was built there where the host is given.
        fs::create_dir_all(&target)?;
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.with_context(|| format!("{} could not be made", path.display()))?;
        Ok(Folder(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("{} could not be removed: {error}", self.0.display());
        }
    }
}
