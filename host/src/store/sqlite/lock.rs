//! One host at a time: counters are kept in memory until they are durable, so a
//! second one on the same file would give out the same numbers.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::Path;

use super::schema;
use crate::store::StoreError;

/// Held as long as the database is open. It is a lock of another kind than SQLite's
/// own, so anybody may read the file meanwhile; a process that ends gives it back.
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock on the file at `path`, made if missing. What is there and not ours
    /// is left as it is.
    pub fn on(path: &Path) -> Result<Lock, StoreError> {
        schema::check_header(path)?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| StoreError::open(folder, error))?;
        }
        let opened = OpenOptions::new().read(true).append(true).create(true).open(path);
        let file = opened.map_err(|error| StoreError::open(path, error))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(error)) => Err(StoreError::open(path, error)),
        }
    }
}
