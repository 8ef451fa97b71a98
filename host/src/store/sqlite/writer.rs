//! The thread that writes.
//!
//! All writes go through one connection. While it commits, others gather in the
//! [`Log`]; it then takes all of them as its next transaction (group commit), so that
//! the more callers there are, the more share one sync of the disk.
//!
//! When a commit fails the thread opens the database again, as often as it takes: what
//! a connection knows after a failed write or sync is in doubt. Until a commit has
//! succeeded there nothing is written.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc as sync_mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::watch;

use super::checkpoint::Checkpoints;
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
    path: PathBuf,
    log: Arc<Log>,
    checkpoints: Checkpoints,
}

impl Writer {
    /// Starts the thread, which owns the connection from now on.
    pub fn start(connection: Connection, path: PathBuf, log: Arc<Log>, readers: Arc<Readers>) -> io::Result<Writer> {
        let (ending, end) = watch::channel(None);
        let (running, gone) = sync_mpsc::channel();
        let checkpoints = Checkpoints::start(path.clone(), readers)?;
        let work = Work { path, log: log.clone(), checkpoints };
        thread::Builder::new().name("store-writer".to_owned()).spawn(move || {
            let ended = work.run(connection);
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
    fn run(mut self, mut connection: Connection) -> Result<(), StoreError> {
        while let Some(batch) = self.log.next() {
            match batch.commit(&mut connection) {
                Ok(()) => {
                    self.log.committed(&batch);
                    self.checkpoints.committed(&connection, &batch);
                }
                Err(error) => {
                    drop(connection);
                    connection = self.recover(error)?;
                }
            }
        }
        self.checkpoints.end();
        let folded = self.checkpoints.fold(&connection);
        folded.map_err(|error| StoreError::engine("fold the log into the database", error))
    }

    /// Another connection, once one can commit.
    fn recover(&mut self, error: rusqlite::Error) -> Result<Connection, StoreError> {
        let failed = StoreError::Failed { path: self.path.clone(), source: Arc::new(error) };
        tracing::error!(error = &failed as &dyn std::error::Error, "a commit failed; the store takes no more writes");
        self.log.fail(&failed);
        let [mut pause, longest] = PAUSES;
        while self.log.pause(pause) {
            pause = longest.min(pause * 2);
            match self.open_again() {
                Ok((connection, next_id)) => {
                    tracing::warn!(path = ?self.path, "the store takes writes again");
                    self.log.recover(next_id);
                    return Ok(connection);
                }
                Err(error) => tracing::debug!(error = &error as &dyn std::error::Error, "the store failed again"),
            }
        }
        Err(failed)
    }

    fn open_again(&self) -> Result<(Connection, u64), StoreError> {
        let connection = schema::open(&self.path)?;
        let failed = |error| StoreError::open(&self.path, error);
        // Room that a long log takes is given back first: there may be no other.
        self.checkpoints.fold(&connection).map_err(failed)?;
        schema::try_commit(&connection).map_err(failed)?;
        let next_id = schema::next_id(&connection).map_err(failed)?;
        Ok((connection, next_id))
    }
}
