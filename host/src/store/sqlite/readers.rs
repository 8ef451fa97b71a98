//! The connections that read.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use super::files::Files;
use super::reader::Reader;
use super::schema;
use crate::store::StoreError;

/// The most connections that are kept while idle. Each holds up to 2 MB of
/// pages; more readers than this at one moment open their own.
const IDLE: usize = 16;

/// A pool of read-only connections, opened as they are needed.
pub struct Readers {
    /// Protects who reads; held to take or give back one, or to end what they keep,
    /// never while reading.
    state: Mutex<State>,
    /// Told of each that is given back.
    given_back: Condvar,
    // Outlives the connections.
    files: Arc<Files>,
}

#[derive(Default)]
struct State {
    idle: Vec<Reader>,
    /// How many others there are, or are about to be.
    lent: usize,
    /// How many threads wait for one that is given back.
    waiting: usize,
}

/// That somebody has a reader, or is about to.
struct Loan<'a>(&'a Readers);

impl Readers {
    /// Readers of the database, which exists.
    pub fn new(files: Arc<Files>) -> Readers {
        Readers { state: Mutex::default(), given_back: Condvar::new(), files }
    }

    /// Runs `read` with a connection of its own, on this thread, which may wait
    /// for another process that holds the file.
    pub fn read<T>(&self, read: impl FnOnce(&mut Reader) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let lent = self.lend(schema::BUSY).or_else(|error| self.lend_again(&error))?;
        self.read_with(lent, schema::BUSY, read)
    }

    /// As [`read`](Self::read), but none if it would have to wait.
    pub fn read_at_once<T>(
        &self,
        read: impl FnOnce(&mut Reader) -> rusqlite::Result<Option<T>>,
    ) -> rusqlite::Result<Option<T>> {
        // Where none can be opened now, one may be given back.
        let Ok(lent) = self.lend(Duration::ZERO) else { return Ok(None) };
        match self.read_with(lent, Duration::ZERO, read) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(None),
            read => read,
        }
    }

    /// Ends the transactions of those that are idle, which hold up a checkpoint.
    pub fn rest(&self) {
        self.state().idle.retain_mut(|reader| reader.rest().is_ok());
    }

    /// Closes the idle connections. Whether there are no others.
    pub fn clear(&self) -> bool {
        let mut state = self.state();
        state.idle.clear();
        state.lent == 0
    }

    /// An idle reader, or a new one.
    fn lend(&self, patience: Duration) -> Result<(Loan<'_>, Reader), StoreError> {
        let idle = {
            let mut state = self.state();
            state.lent += 1;
            state.idle.pop()
        };
        let loan = Loan(self);
        let reader = match idle {
            Some(reader) => reader,
            None => self.open(patience)?,
        };
        Ok((loan, reader))
    }

    /// One that is given back, where no other can be opened: those that are there read on
    /// in files that are gone.
    fn lend_again(&self, error: &StoreError) -> rusqlite::Result<(Loan<'_>, Reader)> {
        if matches!(error, StoreError::Displaced { .. }) {
            let mut state = self.state();
            state.waiting += 1;
            let waited = self.given_back.wait_timeout_while(state, schema::BUSY, |state| state.idle.is_empty());
            let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
            if let Some(reader) = state.idle.pop() {
                state.lent += 1;
                return Ok((Loan(self), reader));
            }
        }
        let code = ffi::Error::new(ffi::SQLITE_CANTOPEN);
        Err(rusqlite::Error::SqliteFailure(code, Some(error.to_string())))
    }

    /// The connection is kept for the next reader unless something failed: then its
    /// state is in doubt, and it is closed before its loan is over.
    fn read_with<T>(
        &self,
        (_loan, mut reader): (Loan<'_>, Reader),
        patience: Duration,
        read: impl FnOnce(&mut Reader) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        reader.connection().busy_timeout(patience)?;
        let found = read(&mut reader)?;
        if reader.finish().is_ok() {
            let mut state = self.state();
            if state.idle.len() < IDLE {
                state.idle.push(reader);
                // To tell nobody would be a call of the system for each read.
                if state.waiting > 0 {
                    self.given_back.notify_one();
                }
            }
        }
        Ok(found)
    }

    fn open(&self, patience: Duration) -> Result<Reader, StoreError> {
        let connection = self.files.open(|path| {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(path, flags)?;
            schema::configure(&connection)?;
            connection.busy_timeout(patience)?;
            Ok(connection)
        })?;
        Ok(Reader::new(connection))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        self.0.state().lent -= 1;
    }
}
