//! The engine of `postgres://…`, for what several hosts share: one database of a
//! PostgreSQL server, a few connections for all calls.
//!
//! Writes go through one connection, many in a transaction (see [`writer`]). Reads
//! go through others, where none waits for a commit; the driver sends them as they
//! come, and a round trip carries many. A pool that lends a connection to one call
//! at a time would need as many connections as there are calls.
//!
//! When a connection is lost, reads are asked again on another; writes that were
//! sent are not, for they may have been done. Until the server is back calls are
//! told that it is away.

mod batch;
mod driver;
mod login;
mod passfile;
mod schema;
mod session;
mod tls;
mod upkeep;
mod write;
mod writer;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

use super::{BucketStore, Change, Entry, Guard, KEYS_PER_PAGE, KeyPage, Placed, StoreError, Watermark, counter};
use crate::manifest::PostgresUrl;
use login::Login;
use session::{ANSWER, Session, Statements};
pub use upkeep::PostgresUpkeep;
use write::{OwnedChange, Work};
use writer::Writer;

/// How many connections carry reads. With 32 and 256 clients two carried more than
/// twice as many gets as 32 did (2 cores, server and clients beside each other); one
/// would do as well, but a long answer keeps those behind it waiting.
const READERS: usize = 2;

/// How long the server may take to show that it is well.
const HEALTH: Duration = Duration::from_secs(1);

/// A store in a PostgreSQL database.
pub struct PostgresStore {
    readers: Vec<Session>,
    /// The reader whose turn it is.
    turn: AtomicUsize,
    writer: Writer,
}

impl PostgresStore {
    /// Connects to the server, and makes the tables if they are missing.
    pub async fn open(url: &PostgresUrl) -> Result<PostgresStore, StoreError> {
        let login = Arc::new(Login::new(url)?);
        let (mut client, _driver) = login.connect().await?;
        schema::migrate(&mut client, &login).await?;
        schema::warn_of_losses(&client, &login).await?;
        schema::compare_clocks(&client, &login).await?;
        let writer = Writer::start(Arc::new(Session::start(login.clone()).await?));
        let mut readers = Vec::with_capacity(READERS);
        for _ in 0..READERS {
            readers.push(Session::start(login.clone()).await?);
        }
        Ok(PostgresStore { readers, turn: AtomicUsize::new(0), writer })
    }

    /// Whether a store could be opened at the URL, by a look that changes nothing.
    pub async fn inspect(url: &PostgresUrl) -> Result<(), StoreError> {
        let login = Login::new(url)?;
        let (client, _driver) = login.connect().await?;
        schema::inspect(&client, &login).await
    }

    /// The rows that a statement answers with.
    async fn read(
        &self,
        operation: &(dyn Fn() -> String + Sync),
        statement: fn(&Statements) -> &Statement,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, StoreError> {
        let mut tried = 0;
        loop {
            let session = self.reader();
            let live = session.live().await.map_err(|error| session.away(operation(), error))?;
            let asking = live.client.query(statement(&live.statements), parameters);
            tried += 1;
            match timeout(ANSWER, asking).await {
                Ok(Ok(rows)) => return Ok(rows),
                Ok(Err(error)) if batch::is_definite(&error) => return Err(StoreError::engine(operation(), error)),
                // On another if the connection was lost: a read may be done twice. They
                // were all lost, if the server was restarted.
                Ok(Err(_)) if tried <= READERS => live.give_up(),
                Ok(Err(error)) => {
                    live.give_up();
                    return Err(session.away(operation(), error));
                }
                Err(late) => {
                    live.give_up();
                    return Err(session.away(operation(), late));
                }
            }
        }
    }

    /// The next reader, or the one after it that serves.
    fn reader(&self) -> &Session {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let from = |offset: usize| &self.readers[turn.wrapping_add(offset) % self.readers.len()];
        (0..self.readers.len()).map(from).find(|session| session.serves()).unwrap_or(from(0))
    }
}

#[async_trait]
impl BucketStore for PostgresStore {
    async fn get(&self, bucket: &str, key: &str, _seen: &Watermark) -> Result<Option<Vec<u8>>, StoreError> {
        let operation = || format!("get key {key:?} of bucket {bucket:?}");
        let rows = self.read(&operation, |all| &all.get, &[&bucket, &key.as_bytes()]).await?;
        Ok(rows.first().map(|row| row.get(0)))
    }

    async fn exists(&self, bucket: &str, key: &str, _seen: &Watermark) -> Result<bool, StoreError> {
        let operation = || format!("find key {key:?} of bucket {bucket:?}");
        let rows = self.read(&operation, |all| &all.exists, &[&bucket, &key.as_bytes()]).await?;
        Ok(!rows.is_empty())
    }

    async fn write(&self, changes: Vec<Change<'_>>, _seen: &Watermark) -> Result<Placed, StoreError> {
        if changes.is_empty() {
            return Ok(None);
        }
        self.writer.write(Work::Change(changes.into_iter().map(Into::into).collect(), None)).await.map(|_| None)
    }

    async fn write_where(
        &self,
        guard: Guard<'_>,
        changes: Vec<Change<'_>>,
        _seen: &Watermark,
    ) -> Result<Option<Placed>, StoreError> {
        let value = guard.value.map(<[u8]>::to_vec);
        let guard = OwnedChange { bucket: guard.bucket.to_owned(), key: guard.key.to_owned(), value };
        let work = Work::Change(changes.into_iter().map(Into::into).collect(), Some(guard));
        self.writer.write(work).await.map(|applied| (applied == 1).then_some(None))
    }

    async fn list_keys(&self, bucket: &str, cursor: Option<u64>, _seen: &Watermark) -> Result<KeyPage, StoreError> {
        let operation = || format!("list the keys of bucket {bucket:?}");
        // No id is above `i64::MAX`, so a cursor that is (a component may make one
        // up) has nothing after it.
        let after = i64::try_from(cursor.unwrap_or(0)).unwrap_or(i64::MAX);
        let most = (KEYS_PER_PAGE + 1) as i64;
        let rows = self.read(&operation, |all| &all.list_keys, &[&bucket, &after, &most]).await?;
        let found = rows.iter().map(|row| {
            let key = String::from_utf8(row.get(1)).map_err(|error| StoreError::engine(operation(), error))?;
            Ok((row.get::<_, i64>(0).unsigned_abs(), key))
        });
        Ok(KeyPage::new(found.collect::<Result<_, StoreError>>()?))
    }

    async fn increment(&self, bucket: &str, key: String, delta: u64, seen: &Watermark) -> Result<u64, StoreError> {
        if delta == 0 {
            let stored = self.get(bucket, &key, seen).await?;
            return counter::add(bucket, &key, stored.as_deref(), 0);
        }
        self.writer.write(Work::Increment { bucket: bucket.to_owned(), key, delta }).await
    }

    async fn get_many(
        &self,
        bucket: &str,
        keys: Vec<String>,
        most: usize,
        _seen: &Watermark,
    ) -> Result<Vec<Option<Entry>>, StoreError> {
        let count = keys.len();
        let operation = || format!("get {count} keys of bucket {bucket:?}");
        let mut asked: HashMap<&[u8], i64> = HashMap::with_capacity(count);
        for key in &keys {
            *asked.entry(key.as_bytes()).or_default() += 1;
        }
        let (each, times): (Vec<&[u8]>, Vec<i64>) = asked.into_iter().unzip();
        let most_bytes = i64::try_from(most).unwrap_or(i64::MAX);
        let rows = self.read(&operation, |all| &all.get_many, &[&bucket, &each, &times, &most_bytes]).await?;
        if rows.first().is_some_and(|row| row.get("too_much")) {
            return Err(StoreError::too_much(bucket, count, most));
        }
        let found = rows.iter().filter_map(|row| Some((row.get::<_, Option<&[u8]>>(0)?, row.get(1))));
        let found: HashMap<&[u8], &[u8]> = found.collect();
        let entry = |key: String| {
            let value = found.get(key.as_bytes())?.to_vec();
            Some((key, value))
        };
        Ok(keys.into_iter().map(entry).collect())
    }

    /// Both ways, that of reads and that of writes; whoever asks has little patience.
    async fn health(&self) -> Result<(), StoreError> {
        let reader = self.reader();
        reader.live().await?;
        self.writer.health().await?;
        match timeout(HEALTH, self.exists("dovetail", "ready", &Watermark::default())).await {
            Ok(found) => found.map(drop),
            Err(late) => Err(reader.unwell(late)),
        }
    }

    fn is_shared(&self) -> bool {
        true
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.writer.close().await;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
