//! The thread that writes.
//!
//! All writes go through one connection. While it commits, others gather in the
//! [`Log`]; it then takes all of them as its next transaction (group commit), so that
//! the more callers there are, the more share one sync of the disk.
//!
//! When a commit fails the thread opens the database again, as often as it takes: what
//! a connection knows after a failed write or sync is in doubt. Until a commit has
//! succeeded there nothing is written.
//!
//! A commit has failed, too, if its files are not at their paths any more (see [`files`]):
//! then this host waits for them to come back, and touches nothing that is there instead.
//! The log alone is not missed for long. Whoever has it open folds what it has into the
//! database, and begins another.
//!
//! [`files`]: super::files

use std::io;
use std::path::Path;
use std::sync::mpsc as sync_mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::watch;

use super::batch::Batch;
use super::checkpoint::Checkpoints;
use super::files::Files;
use super::log::Log;
use super::readers::Readers;
use super::schema;
use crate::store::StoreError;

/// How long dropping the writer waits for what is pending.
const DROP_PATIENCE: Duration = Duration::from_secs(5);

/// How long it waits before it opens a database that failed again: at first, and at
/// most.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(2)];

/// The handle to the thread, which ends after [`close`](Writer::close) or when
/// this is dropped.
pub struct Writer {
    log: Arc<Log>,
    end: watch::Receiver<Option<Result<(), StoreError>>>,
    gone: Mutex<sync_mpsc::Receiver<()>>,
}

/// What the thread has.
struct Work {
    /// None while the database cannot be opened again.
    connection: Option<Connection>,
    log: Arc<Log>,
    checkpoints: Checkpoints,
    readers: Arc<Readers>,
    // Outlives the connections.
    files: Arc<Files>,
}

impl Writer {
    /// Starts the thread, which owns the connection from now on.
    pub fn start(
        mut connection: Connection,
        files: Arc<Files>,
        log: Arc<Log>,
        readers: Arc<Readers>,
    ) -> io::Result<Writer> {
        let (ending, end) = watch::channel(None);
        let (running, gone) = sync_mpsc::channel();
        let checkpoints = Checkpoints::start(files.clone(), readers.clone())?;
        checkpoints.count(&mut connection).map_err(io::Error::other)?;
        let work = Work { connection: Some(connection), log: log.clone(), checkpoints, readers, files };
        thread::Builder::new().name("store-writer".to_owned()).spawn(move || {
            let ended = work.run();
            ending.send_replace(Some(ended));
            drop(running);
        })?;
        Ok(Writer { log, end, gone: Mutex::new(gone) })
    }

    /// Finishes what is pending, folds the WAL into the database and ends the
    /// thread. Closing again is fine.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.log.close();
        let mut end = self.end.clone();
        let ended = end.wait_for(Option::is_some).await;
        ended.map_or(Ok(()), |ended| ended.clone().unwrap_or(Ok(())))
    }
}

impl Drop for Writer {
    /// Waits until the thread has ended, or patience has.
    fn drop(&mut self) {
        self.log.close();
        if let Ok(gone) = self.gone.get_mut()
            && let Err(sync_mpsc::RecvTimeoutError::Timeout) = gone.recv_timeout(DROP_PATIENCE)
        {
            // Nothing is lost that was answered.
            tracing::warn!("store closed while it was still writing");
        }
    }
}

impl Work {
    fn run(mut self) -> Result<(), StoreError> {
        while let Some(batch) = self.log.next() {
            let due = self.checkpoints.due();
            match self.commit(&batch, due.any()) {
                Ok(()) => self.log.committed(&batch),
                Err(error) => {
                    self.recover(error)?;
                    continue;
                }
            }
            if let Some(connection) = &self.connection {
                self.checkpoints.committed(connection, due);
            }
        }
        self.leave();
        // Where it is not at its path, all that was written goes with the process.
        self.files.look_at_database()?;
        let Some(connection) = self.connection.take() else { return Ok(()) };
        let folded = self.checkpoints.fold(&connection);
        folded.map_err(|error| StoreError::engine("fold the log into the database", error))?;
        // SQLite removes the log with the last connection. Who reads on begins another.
        if !self.readers.clear() {
            return Ok(());
        }
        drop(connection);
        self.files.leave_beside()
    }

    /// Makes a batch durable, in files that are at their paths, with another mark or without.
    fn commit(&mut self, batch: &Batch, is_marked: bool) -> Result<(), StoreError> {
        self.files.look_at_database()?;
        let log = match self.files.look_beside() {
            Ok(log) => log,
            Err(_) => {
                self.open_again()?;
                self.files.look_beside()?
            }
        };
        let Some(connection) = &mut self.connection else {
            return Err(StoreError::open(self.files.path(), io::Error::other("it is closed")));
        };
        self.files.look_into_log(log, connection)?;
        let mark = is_marked.then(|| self.files.mark().next());
        if let Err(error) = batch.commit(connection, mark) {
            self.files.look_at_database()?;
            return Err(failed(self.files.path(), error));
        }
        self.files.look_again(log, connection)
    }

    /// Returns once a commit can be made again.
    fn recover(&mut self, failed: StoreError) -> Result<(), StoreError> {
        tracing::error!(error = &failed as &dyn std::error::Error, "a commit failed; the store takes no more writes");
        self.log.fail(&failed);
        // One whose files are gone has what was in them.
        if !matches!(failed, StoreError::Displaced { .. }) {
            self.connection = None;
        }
        let [mut pause, longest] = PAUSES;
        while self.log.pause(pause) {
            pause = longest.min(pause * 2);
            match self.open_again() {
                Ok(next_id) => {
                    tracing::warn!(path = ?self.files.path(), "the store takes writes again");
                    self.log.recover(next_id);
                    return Ok(());
                }
                Err(error) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "the store failed again");
                    self.log.refuse(error);
                }
            }
        }
        self.leave();
        Err(failed)
    }

    /// Another connection to the same files, and the id that is free there.
    fn open_again(&mut self) -> Result<u64, StoreError> {
        self.files.look_at_database()?;
        if let Err(missing) = self.files.look_beside() {
            self.close_all(missing)?;
        }
        self.connection = None;
        let mut connection = schema::open(&self.files)?;
        let failed = |error| StoreError::open(self.files.path(), error);
        self.checkpoints.count(&mut connection).map_err(failed)?;
        // Room that a long log takes is given back first: there may be no other.
        self.checkpoints.fold(&connection).map_err(failed)?;
        schema::try_commit(&connection).map_err(failed)?;
        let next_id = schema::next_id(&connection).map_err(failed)?;
        self.files.take_beside(&connection)?;
        self.files.look()?;
        self.checkpoints.start_again().map_err(|error| StoreError::open(self.files.path(), error))?;
        self.connection = Some(connection);
        Ok(next_id)
    }

    /// Closes all connections, since each new one would begin another log while these go
    /// on in the one that is `missing`. What that has is in the database then.
    fn close_all(&mut self, missing: StoreError) -> Result<(), StoreError> {
        if let Some(connection) = &self.connection {
            let folded = self.checkpoints.fold(connection);
            if !folded.map_err(|error| StoreError::open(self.files.path(), error))? {
                return Err(missing);
            }
        }
        self.checkpoints.end();
        if !self.readers.clear() {
            return Err(missing);
        }
        self.connection = None;
        self.files.leave_beside()
    }

    /// Lets the connection be the last. It would fold the log into the database, and remove
    /// it: not where something else is at their paths.
    fn leave(&mut self) {
        self.checkpoints.end();
        if self.files.look_at_database().is_err()
            && let Some(connection) = &self.connection
        {
            // Where this fails SQLite looks at the paths itself.
            let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        }
    }
}

fn failed(path: &Path, error: rusqlite::Error) -> StoreError {
    let why = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "the disk is full",
        Some(ErrorCode::SystemIoFailure) => "the disk does not take it",
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => "its files may not be written to",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "another process has it locked",
        Some(ErrorCode::DatabaseCorrupt) => "the database is damaged",
        _ => "SQLite refused it",
    };
    StoreError::Failed { path: path.to_owned(), why, source: Arc::new(error) }
}
