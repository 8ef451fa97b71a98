//! The database file: what is in it, and whether it is ours.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, ffi};

use super::files::Files;
use crate::store::StoreError;

/// Marks the file as a store of Dovetail, in SQLite's header and for `file`.
const APPLICATION_ID: i32 = i32::from_be_bytes(*b"DVTL");

/// The version of [`TABLES`], kept as `user_version`.
const VERSION: i32 = 1;

/// `id` is what a listing goes by: it is given when a key is first set and kept
/// until the key is deleted. An index ends with the row's id by itself, so
/// `entries_by_bucket` holds the ids of each bucket in order. Without it every
/// page would sort its whole bucket: 110 ms instead of 0.6 in one of a million
/// keys. It takes 7% of the file and of the write rate.
pub const TABLES: &str = "
    CREATE TABLE entries (
        id INTEGER PRIMARY KEY,
        bucket TEXT NOT NULL,
        key TEXT NOT NULL,
        value BLOB NOT NULL,
        UNIQUE (bucket, key)
    ) STRICT;
    CREATE INDEX entries_by_bucket ON entries (bucket);
";

/// A page of keys: bucket, the id to start after, the most keys to return.
pub const LIST_KEYS: &str = "SELECT id, key FROM entries WHERE bucket = ?1 AND id > ?2 ORDER BY id LIMIT ?3";

/// Each commit is synced to the disk before it returns. Checkpoints have a thread of
/// their own (see [`checkpoint`](super::checkpoint)); a WAL that grew beside a long
/// reader is cut when it is begun anew.
const SETTINGS: &str = "
    PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 0;
    PRAGMA journal_size_limit = 67108864;
";

/// How long a connection waits for another process that holds the file, on a
/// thread that may block.
pub const BUSY: Duration = Duration::from_secs(5);

/// Opens the database for writing, and fills it if it is empty. What is there and not ours
/// is left as it is; who opens it first looks at that before ([`check_header`]).
pub fn open(files: &Files) -> Result<Connection, StoreError> {
    let path = files.path();
    let failed = |error| refused(path, error);
    let mut connection = files.connect()?;
    let (application, version) = create_if_empty(&mut connection).map_err(failed)?;
    // The header may be older than what the WAL holds.
    check(path, application, version)?;
    tables(&connection).map_err(failed)?;
    // SQLite answers with the mode that it is in, whatever was asked.
    if write_ahead(&connection).map_err(failed)? != "wal" {
        let reason = "its file system has no shared memory for SQLite's WAL mode; use a local one";
        return Err(StoreError::open(path, io::Error::other(reason)));
    }
    Ok(connection)
}

/// What every connection is told.
pub fn configure(connection: &Connection) -> rusqlite::Result<()> {
    // The schema has no foreign keys and calls no functions: nothing that
    // someone adds to the file may run code here.
    connection.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF;")
}

/// Reads the first bytes, if there are any, without SQLite, which would replay
/// the journal of a foreign database or leave files beside it.
///
/// Not for a process that has a connection: to close the file gives up the locks that
/// SQLite has on it here (<https://www.sqlite.org/howtocorrupt.html>, section 2.2), and
/// somebody's `sqlite3` takes itself for the last and deletes the log.
pub fn check_header(path: &Path) -> Result<(), StoreError> {
    let header = match header(path) {
        Ok(header) => header,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StoreError::no_file(path, error)),
    };
    if header.is_empty() {
        return Ok(());
    }
    // The places are those of https://sqlite.org/fileformat.html#the_database_header.
    let number = |at: usize| header.get(at..)?.first_chunk().copied();
    match (header.starts_with(b"SQLite format 3\0"), number(68), number(60)) {
        (true, Some(application), Some(version)) => {
            check(path, i32::from_be_bytes(application), i32::from_be_bytes(version))
        }
        _ => Err(StoreError::NotADatabase { path: path.to_owned() }),
    }
}

fn header(path: &Path) -> io::Result<Vec<u8>> {
    let mut header = Vec::with_capacity(100);
    File::open(path)?.take(100).read_to_end(&mut header)?;
    Ok(header)
}

/// Refuses a database that is not of this application, or not of this version.
pub fn check(path: &Path, application: i32, version: i32) -> Result<(), StoreError> {
    if application != APPLICATION_ID {
        return Err(StoreError::OtherApplication { path: path.to_owned(), found: application });
    }
    if version != VERSION {
        let place = path.display().to_string();
        return Err(StoreError::OtherVersion { place, found: version, known: VERSION });
    }
    Ok(())
}

/// A connection that writes to a file that is there: see [`Files::connect`].
pub fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    configure(&connection)?;
    connection.busy_timeout(BUSY)?;
    connection.execute_batch(SETTINGS)?;
    Ok(connection)
}

/// The id that is free for the next key.
pub fn next_id(connection: &Connection) -> rusqlite::Result<u64> {
    let last: Option<i64> = connection.query_row("SELECT max(id) FROM entries", [], |row| row.get(0))?;
    Ok(last.map_or(1, |last| last.unsigned_abs() + 1))
}

/// Commits a transaction that writes a page and changes nothing.
pub fn try_commit(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "user_version", VERSION)
}

/// Writes a number of a [`Mark`](super::mark::Mark) into the header.
pub fn mark(connection: &Connection, number: u32) -> rusqlite::Result<()> {
    connection.pragma_update(None, "schema_version", number.cast_signed())
}

/// Fills a new file, and returns the `application_id` and `user_version` that
/// the file then has. Done before the file is in WAL mode, so that both are in
/// the file itself from the start, and in one transaction, so that two hosts
/// that start at once make one schema.
fn create_if_empty(connection: &mut Connection) -> rusqlite::Result<(i32, i32)> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if number(&transaction, "schema_version")? == 0 {
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    let ids = ids(&transaction)?;
    transaction.commit()?;
    Ok(ids)
}

/// Refuses a database without the tables, or whose first and last entries are not
/// to be read. To look at every page would take seconds where there is a million of
/// them.
pub fn tables(connection: &Connection) -> rusqlite::Result<()> {
    for order in ["id", "id DESC"] {
        let sql = format!("SELECT id, bucket, key, length(value) FROM entries ORDER BY {order} LIMIT 1");
        connection.prepare(&sql)?.exists([])?;
    }
    Ok(())
}

/// The error of a database that could not be opened.
pub fn refused(path: &Path, error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt) => StoreError::Damaged { path: path.to_owned(), source: Arc::new(error) },
        Some(ErrorCode::DiskFull) => StoreError::Full { path: path.to_owned() },
        Some(ErrorCode::ReadOnly) => StoreError::no_file(path, io::Error::new(io::ErrorKind::PermissionDenied, error)),
        // For the index of its log SQLite has no words of its own.
        _ if error.sqlite_error().is_some_and(|it| it.extended_code == ffi::SQLITE_IOERR_SHMSIZE) => {
            StoreError::Full { path: path.to_owned() }
        }
        _ => StoreError::open(path, error),
    }
}

/// The `application_id` and the `user_version`.
pub fn ids(connection: &Connection) -> rusqlite::Result<(i32, i32)> {
    Ok((number(connection, "application_id")?, number(connection, "user_version")?))
}

fn number(connection: &Connection, pragma: &str) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, pragma, |row| row.get(0))
}

/// In WAL mode readers and the writer do not wait for each other, and a commit
/// is one sync.
fn write_ahead(connection: &Connection) -> rusqlite::Result<String> {
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
}
