//! One host at a time: counters are kept in memory until they are durable, so a
//! second one on the same file would give out the same numbers.

use std::fs::{self, File, TryLockError};
use std::path::Path;

use super::schema;
use crate::store::StoreError;

/// That no other host has the file open. The system gives it back when the process
/// ends, however that comes. Others may read meanwhile: it is none of SQLite's own
/// locks.
///
/// To close a file gives up the locks that SQLite has on it in this process, so
/// this is dropped after all connections.
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the file at `path`, and creates it and its folder if missing. One that
    /// is not a store of ours is left alone.
    pub fn take(path: &Path) -> Result<Lock, StoreError> {
        schema::check_header(path)?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| StoreError::open(folder, error))?;
        }
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path);
        let file = file.map_err(|error| StoreError::open(path, error))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(error)) => Err(StoreError::open(path, error)),
        }
    }
}
