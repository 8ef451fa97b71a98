//! Keys and values in SQLite: one thread writes, and takes what is queued as one
//! transaction; readers have connections of their own.

use std::{
    iter,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, mpsc},
    thread,
};

use anyhow::{Context, Result};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use tokio::sync::oneshot;

/// The host's table and settings, and a table of what somebody is to be told.
const OPEN: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE entries (
        id INTEGER PRIMARY KEY,
        bucket TEXT NOT NULL,
        key TEXT NOT NULL,
        value BLOB NOT NULL,
        UNIQUE (bucket, key)
    ) STRICT;
    CREATE INDEX entries_by_bucket ON entries (bucket);
    CREATE TABLE outbox (
        id INTEGER PRIMARY KEY,
        message BLOB NOT NULL
    ) STRICT;
";

/// What one transaction takes.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Commit {
    /// All that is queued
    Group,
    /// One request
    Each,
}

/// A store in one file.
pub struct Store {
    path: PathBuf,
    writer: mpsc::Sender<Job>,
    /// Held to take or give back one, never while reading.
    readers: Mutex<Vec<Connection>>,
}

/// A transaction, or a part of one.
pub struct Writing<'a>(&'a Connection);

/// A part of a transaction; what it comes to tells who waits that it is durable.
type Job = Box<dyn FnOnce(&Writing<'_>) -> Result<Tell> + Send>;

type Tell = Box<dyn FnOnce() + Send>;

impl Store {
    /// A new one.
    pub fn open(path: &Path, commit: Commit) -> Result<Store> {
        let connection = Connection::open(path)?;
        connection.execute_batch(OPEN)?;
        let (writer, jobs) = mpsc::channel();
        let most = match commit {
            Commit::Group => 1024,
            Commit::Each => 1,
        };
        thread::spawn(move || run(connection, &jobs, most));
        Ok(Store { path: path.to_owned(), writer, readers: Mutex::default() })
    }

    /// What is under the key.
    pub fn get(&self, bucket: &str, key: &str) -> Result<Option<Vec<u8>>> {
        self.read(|reader| get(reader, bucket, key))
    }

    /// The first messages of the outbox, so many at most, with their numbers.
    pub fn messages(&self, most: usize) -> Result<Vec<(i64, Vec<u8>)>> {
        self.read(|reader| {
            let mut messages = reader.prepare_cached("SELECT id, message FROM outbox ORDER BY id LIMIT ?1")?;
            messages.query_map([most as i64], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
    }

    /// Write, durably.
    pub async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Writing<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let job = move |writing: &Writing<'_>| {
            let made = write(writing)?;
            // Durable all the same if its caller went away.
            let tell: Tell = Box::new(move || drop(answer.send(made)));
            Ok(tell)
        };
        let sent = self.writer.send(Box::new(job));
        sent.ok().context("the writer has ended")?;
        answered.await.context("the commit failed")
    }

    fn read<T>(&self, look: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let reader = idle.map_or_else(|| Connection::open(&self.path), Ok)?;
        let found = look(&reader)?;
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
        Ok(found)
    }
}

impl Writing<'_> {
    /// The counter's next number.
    pub fn next(&self, bucket: &str, counter: &str) -> Result<u64> {
        let last = get(self.0, bucket, counter)?.map(String::from_utf8).transpose()?;
        let next = last.map_or(Ok(0), |last| last.parse::<u64>())? + 1;
        self.set(bucket, counter, next.to_string().as_bytes())?;
        Ok(next)
    }

    /// Put the value under the key.
    pub fn set(&self, bucket: &str, key: &str, value: &[u8]) -> Result<()> {
        let mut set = self.0.prepare_cached(
            "INSERT INTO entries (bucket, key, value) VALUES (?1, ?2, ?3)
             ON CONFLICT (bucket, key) DO UPDATE SET value = excluded.value",
        )?;
        set.execute((bucket, key, value))?;
        Ok(())
    }

    /// Put a message behind those of the outbox.
    pub fn announce(&self, message: &[u8]) -> Result<()> {
        self.0.prepare_cached("INSERT INTO outbox (message) VALUES (?1)")?.execute([message])?;
        Ok(())
    }

    /// Take a message out of the outbox.
    pub fn forget(&self, message: i64) -> Result<()> {
        self.0.prepare_cached("DELETE FROM outbox WHERE id = ?1")?.execute([message])?;
        Ok(())
    }
}

fn run(mut connection: Connection, jobs: &mpsc::Receiver<Job>, most: usize) {
    while let Ok(first) = jobs.recv() {
        let batch = iter::once(first).chain(jobs.try_iter()).take(most);
        if let Err(error) = commit(&mut connection, batch) {
            eprintln!("a commit failed: {error:#}");
        }
    }
}

fn commit(connection: &mut Connection, jobs: impl Iterator<Item = Job>) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let made = jobs.map(|job| job(&Writing(&transaction))).collect::<Result<Vec<_>>>()?;
    transaction.commit()?;
    made.into_iter().for_each(|tell| tell());
    Ok(())
}

fn get(connection: &Connection, bucket: &str, key: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut get = connection.prepare_cached("SELECT value FROM entries WHERE bucket = ?1 AND key = ?2")?;
    get.query_row([bucket, key], |row| row.get(0)).optional()
}
