//! A look at a database file that leaves it as it is, whoever uses it meanwhile.

use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::files::{refuse_lone_log, with_suffix};
use super::schema;
use crate::store::StoreError;

/// Refuses what [`schema::open`] would refuse, as far as that can be seen.
/// Nothing is written: no folder, no table, no byte of the log.
pub fn inspect(path: &Path) -> Result<(), StoreError> {
    refuse_lone_log(path)?;
    let failed = |error| StoreError::open(path, error);
    // Whoever may not write to it cannot open the store.
    match File::options().read(true).write(true).open(path) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StoreError::no_file(path, error)),
    }
    schema::check_header(path)?;
    // The header may be older than what the log holds. SQLite reads a log through
    // the index beside it, and makes one where there is none: such a log, of a
    // copy of the files, is left to those who open the store.
    let beside = |suffix| fs::metadata(with_suffix(path, suffix)).is_ok_and(|file| file.len() > 0);
    if beside("-wal") && beside("-shm") {
        match ids(path) {
            Ok((application, version)) => schema::check(path, application, version)?,
            Err(error) if is_unseen(&error) => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(())
}

/// Whether the log has to be recovered before anything can be read of it, as after a host that
/// was killed while it opened the file. A look may not, and whoever opens the store does.
fn is_unseen(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::FileLockingProtocolFailed | ErrorCode::ReadOnly))
}

/// Refuses where there is no file and none can be made, for a host that is to make it. Whether
/// a folder takes one is seen by trying: another one is made for a moment. One of its name was
/// left by a host that was killed then.
pub fn try_to_make(path: &Path) -> Result<(), StoreError> {
    let folder = path.ancestors().skip(1).find(|folder| folder.exists());
    let Some(folder) = folder.filter(|_| !path.exists()) else { return Ok(()) };
    let trial = folder.join(format!(".dovetail-{}", std::process::id()));
    let made =
        File::options().write(true).create(true).truncate(false).open(&trial).and_then(|_| fs::remove_file(&trial));
    made.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => StoreError::no_place(path, error),
        _ => StoreError::no_file(path, error),
    })
}

/// The marks of a database as its last commit left them.
fn ids(path: &Path) -> rusqlite::Result<(i32, i32)> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(uri(path), flags)?;
    schema::configure(&connection)?;
    connection.busy_timeout(schema::BUSY)?;
    schema::ids(&connection)
}

/// By this name SQLite takes even the index of the log, which readers share with
/// the writer, as read only.
fn uri(path: &Path) -> String {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => uri.push(char::from(*byte)),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri + "?readonly_shm=1"
}
