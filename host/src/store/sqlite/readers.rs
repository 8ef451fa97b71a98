//! The connections that read.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::reader::Reader;
use super::schema;

/// The most connections that are kept while idle. Each holds up to 2 MB of
/// pages; more readers than this at one moment open their own.
const IDLE: usize = 16;

/// A pool of read-only connections, opened as they are needed.
pub struct Readers {
    path: PathBuf,
    /// Protects the idle ones; held to take or give back one, or to end what they keep,
    /// never while reading.
    idle: Mutex<Vec<Reader>>,
}

impl Readers {
    /// Readers of the database at `path`, which exists.
    pub fn new(path: PathBuf) -> Readers {
        let idle = Mutex::default();
        Readers { path, idle }
    }

    /// Runs `read` with a connection of its own, on this thread, which may wait
    /// for another process that holds the file.
    pub fn read<T>(&self, read: impl FnOnce(&mut Reader) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        self.read_within(schema::BUSY, read)
    }

    /// As [`read`](Self::read), but none if it would have to wait.
    pub fn read_at_once<T>(
        &self,
        read: impl FnOnce(&mut Reader) -> rusqlite::Result<Option<T>>,
    ) -> rusqlite::Result<Option<T>> {
        match self.read_within(Duration::ZERO, read) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(None),
            read => read,
        }
    }

    /// Ends the transactions of those that are idle, which hold up a checkpoint.
    pub fn rest(&self) {
        self.idle().retain_mut(|reader| reader.rest().is_ok());
    }

    /// Closes the idle connections.
    pub fn clear(&self) {
        self.idle().clear();
    }

    /// The connection is kept for the next reader unless something failed: then its
    /// state is in doubt.
    fn read_within<T>(
        &self,
        patience: Duration,
        read: impl FnOnce(&mut Reader) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let idle = self.idle().pop();
        let mut reader = match idle {
            Some(reader) => reader,
            None => self.open()?,
        };
        reader.connection().busy_timeout(patience)?;
        let found = read(&mut reader)?;
        if reader.finish().is_ok() {
            let mut idle = self.idle();
            if idle.len() < IDLE {
                idle.push(reader);
            }
        }
        Ok(found)
    }

    fn open(&self) -> rusqlite::Result<Reader> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        schema::configure(&connection)?;
        Ok(Reader::new(connection))
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Reader>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
