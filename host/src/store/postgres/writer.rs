//! The task that writes.
//!
//! While it waits for a commit, writes queue; it then makes one statement of all
//! of them (group commit). So they share a round trip and a sync of the server's
//! disk, and a counter that all of them increment is locked once and not for a
//! commit each. A call that is answered finds its writes durable.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::batch::Batch;
use super::session::Session;
use super::write::{Answer, Work, Write};
use crate::store::StoreError;

/// The most writes that queue. Callers beyond it wait for room.
const QUEUE: usize = 1024;

/// The handle to the task, which ends after [`close`](Writer::close), or when this
/// is dropped and the queue empty.
pub struct Writer {
    queue: mpsc::Sender<Message>,
    session: Arc<Session>,
}

enum Message {
    Write(Write),
    Close(oneshot::Sender<()>),
}

impl Writer {
    /// Starts the task, which alone writes in this session.
    pub fn start(session: Arc<Session>) -> Writer {
        let (queue, messages) = mpsc::channel(QUEUE);
        tokio::spawn(run(session.clone(), messages));
        Writer { queue, session }
    }

    /// Whether it could write now.
    pub async fn health(&self) -> Result<(), StoreError> {
        self.session.live().await.map(drop)
    }

    /// Does it, durably.
    pub async fn write(&self, work: Work) -> Answer {
        let (answer, answered) = oneshot::channel();
        let write = Write { work, answer };
        let bucket = write.bucket().to_owned();
        let closed = || StoreError::Closed { bucket: bucket.clone() };
        self.queue.send(Message::Write(write)).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }

    /// Finishes what is queued and ends the task. Closing again is fine.
    pub async fn close(&self) {
        let (answer, answered) = oneshot::channel();
        if self.queue.send(Message::Close(answer)).await.is_ok() {
            // It ended before, if no answer comes.
            let _ = answered.await;
        }
    }
}

async fn run(session: Arc<Session>, mut messages: mpsc::Receiver<Message>) {
    let (mut taken, mut waiting, mut closers) = (Vec::new(), VecDeque::new(), Vec::new());
    loop {
        // What waits already is not kept waiting for more.
        let more = match waiting.is_empty() {
            true => messages.recv_many(&mut taken, QUEUE).await,
            false => {
                std::iter::from_fn(|| messages.try_recv().ok()).map(|message| taken.push(message)).take(QUEUE).count()
            }
        };
        for message in taken.drain(..) {
            match message {
                Message::Write(write) => waiting.push_back(write),
                // What is queued still comes, and then no more.
                Message::Close(answer) => {
                    messages.close();
                    closers.push(answer);
                }
            }
        }
        if waiting.is_empty() && more == 0 {
            break;
        }
        if !waiting.is_empty() {
            Batch::take(&mut waiting).commit(&session).await;
        }
    }
    for closer in closers {
        // A closer that went away needs no answer.
        let _ = closer.send(());
    }
}
