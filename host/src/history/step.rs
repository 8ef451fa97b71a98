//! What is done on the disk to record something, one step after another.

use std::{
    borrow::Cow,
    fs::{self, File},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::error::HistoryError;

/// What a file is called until it is whole.
pub const UNFINISHED: &str = ".tmp";

/// A step. A host may die before it, after it, or in the middle.
#[derive(Debug)]
pub enum Step<'a> {
    /// Write a file of this content, for its owner alone, and wait until it is
    /// on the disk.
    Write(PathBuf, Cow<'a, [u8]>),
    /// Give a file another name, and with it the place of the one that had it.
    Rename(PathBuf, PathBuf),
    /// Wait until the names in a folder are on the disk.
    Sync(PathBuf),
}

impl<'a> Step<'a> {
    /// The steps that put a file into a folder, whole or not at all. That it has its
    /// name there is on the disk when the folder has been synced.
    pub fn put(folder: &Path, name: &str, bytes: Cow<'a, [u8]>) -> [Step<'a>; 2] {
        let unfinished = folder.join(format!("{name}{UNFINISHED}"));
        let write = Step::Write(unfinished.clone(), bytes);
        [write, Step::Rename(unfinished, folder.join(name))]
    }

    /// Does it.
    pub fn take(&self) -> Result<(), HistoryError> {
        match self {
            Step::Write(path, bytes) => {
                let options = File::options().write(true).create(true).truncate(true).mode(0o600).open(path);
                let written = options.and_then(|mut file| {
                    file.write_all(bytes)?;
                    file.sync_all()
                });
                written.map_err(HistoryError::disk("write", path))
            }
            Step::Rename(from, to) => fs::rename(from, to).map_err(HistoryError::disk("replace", to)),
            Step::Sync(folder) => sync(folder),
        }
    }
}

/// Waits until the names in a folder are on the disk.
pub fn sync(folder: &Path) -> Result<(), HistoryError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(HistoryError::disk("sync", folder))
}
