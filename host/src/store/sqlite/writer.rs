//! The thread that writes.
//!
//! All writes go through one connection. While it commits, others queue; it
//! then takes all of them as its next transaction (group commit), so that the
//! more callers there are, the more share one sync of the disk. Each is
//! answered after the commit: what was answered is durable.

use std::io;
use std::sync::Mutex;
use std::sync::mpsc as sync_mpsc;
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::batch::Batch;
use crate::store::StoreError;
use crate::store::write::{Answer, Change, Write};

/// The most writes that queue, and so the most that one transaction takes.
/// Callers beyond it wait for room.
const QUEUE: usize = 1024;

/// How long dropping the writer waits for what is queued.
const DROP_PATIENCE: Duration = Duration::from_secs(5);

/// The handle to the thread, which ends after [`close`](Writer::close) or when
/// this is dropped.
pub struct Writer {
    // In the order in which they are dropped: the thread ends once it sees
    // that no more writes can come, which is then waited for.
    queue: mpsc::Sender<Message>,
    _ended: Ended,
}

enum Message {
    Write(Write),
    Close(oneshot::Sender<Result<(), StoreError>>),
}

impl Writer {
    /// Starts the thread, which owns the connection from now on.
    pub fn start(connection: Connection) -> io::Result<Writer> {
        let (queue, messages) = mpsc::channel(QUEUE);
        let (running, ended) = sync_mpsc::channel();
        thread::Builder::new().name("store-writer".to_owned()).spawn(move || {
            run(connection, messages);
            drop(running);
        })?;
        let _ended = Ended(Mutex::new(ended));
        Ok(Writer { queue, _ended })
    }

    /// Makes one change, durably.
    pub async fn write(&self, bucket: &str, change: Change) -> Answer {
        let (answer, answered) = oneshot::channel();
        let write = Write { bucket: bucket.to_owned(), change, answer };
        let closed = || StoreError::Closed { bucket: bucket.to_owned() };
        let sent = self.queue.send(Message::Write(write)).await;
        sent.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }

    /// Finishes what is queued, folds the WAL into the database and ends the
    /// thread. Closing again is fine.
    pub async fn close(&self) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        if self.queue.send(Message::Close(answer)).await.is_err() {
            return Ok(());
        }
        answered.await.unwrap_or(Ok(()))
    }
}

/// Waits on drop until the thread has ended, or patience has.
struct Ended(Mutex<sync_mpsc::Receiver<()>>);

impl Drop for Ended {
    fn drop(&mut self) {
        if let Ok(ended) = self.0.get_mut()
            && let Err(sync_mpsc::RecvTimeoutError::Timeout) = ended.recv_timeout(DROP_PATIENCE)
        {
            // Nothing is lost that was answered.
            tracing::warn!("store closed while it was still writing");
        }
    }
}

fn run(mut connection: Connection, mut messages: mpsc::Receiver<Message>) {
    let mut taken = Vec::new();
    let mut closers = Vec::new();
    while messages.blocking_recv_many(&mut taken, QUEUE) > 0 {
        let mut batch = Batch::default();
        for message in taken.drain(..) {
            match message {
                Message::Write(write) => batch.0.push(write),
                // What is queued still comes, and then no more.
                Message::Close(answer) => {
                    messages.close();
                    closers.push(answer);
                }
            }
        }
        batch.commit(&mut connection);
    }
    let folded = connection
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .map_err(|error| StoreError::engine("fold the log into the database", error));
    drop(connection);
    for closer in closers {
        // A closer that went away needs no answer.
        let _ = closer.send(folded.clone());
    }
}
