//! What is done on the disk to record something, one step after another.

use std::{
    borrow::Cow,
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use rustix::fs::{Mode, OFlags};

use super::{error::HistoryError, folder::Folder};
use crate::private::is_full;

/// What a file is called until it is whole.
pub const UNFINISHED: &str = ".tmp";

/// A step, in the folder of a history, by the names of what is in it. A host may die
/// before it, after it, or in the middle.
#[derive(Debug)]
pub enum Step<'a> {
    /// Write a file of this content, for its owner alone, and wait until it is
    /// on the disk.
    Write(PathBuf, Cow<'a, [u8]>),
    /// Give a file another name, and with it the place of the one that had it.
    Rename(PathBuf, PathBuf),
    /// Wait until the names in a folder are on the disk: in one that is there, or,
    /// without a name, in the folder of the history itself.
    Sync(PathBuf),
}

impl<'a> Step<'a> {
    /// The steps that put a file there, whole or not at all. That it has its name there
    /// is on the disk when its folder has been synced.
    pub fn put(name: PathBuf, bytes: Cow<'a, [u8]>) -> [Step<'a>; 2] {
        let unfinished = name.with_added_extension(&UNFINISHED[1..]);
        [Step::Write(unfinished.clone(), bytes), Step::Rename(unfinished, name)]
    }

    /// Does it.
    pub fn take(&self, folder: &Folder) -> Result<(), HistoryError> {
        match self {
            Step::Write(name, bytes) => write(folder, name, bytes).map_err(|error| {
                // The disk may be full of it.
                folder.remove(name);
                // What is in the way has this name; what there is no room for has another in
                // the end, by which people know it.
                let known = if is_full(&error) { &name.with_extension("") } else { name };
                HistoryError::disk("write", &folder.shown(known))(error)
            }),
            Step::Rename(from, to) => {
                let renamed = rustix::fs::renameat(&folder.handle, from, &folder.handle, to);
                renamed.map_err(|error| HistoryError::disk("replace", &folder.shown(to))(error.into()))
            }
            Step::Sync(name) => {
                let synced = folder.open_file(name).and_then(|names| names.sync_all());
                synced.map_err(HistoryError::disk("sync", &folder.shown(name)))
            }
        }
    }
}

fn write(folder: &Folder, name: &Path, bytes: &[u8]) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::openat(&folder.handle, name, flags, Mode::RUSR | Mode::WUSR)?);
    file.write_all(bytes)?;
    file.sync_all()
}

/// Waits until the names in the folder at this path are on the disk.
pub fn sync(folder: &Path) -> Result<(), HistoryError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(HistoryError::disk("sync", folder))
}
