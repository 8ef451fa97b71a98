//! The store: named buckets of keys and their values, kept by one of several
//! engines behind [`BucketStore`].
//!
//! The invariant: a write that has returned is seen by every read that starts then, and
//! was applied whole or not at all. It is as durable as its engine can make it (SQLite,
//! PostgreSQL: synced to the disk; Redis: as its server is set up) once
//! [`BucketStore::durable`] says so of its place in the log. Whatever leaves the host on
//! behalf of a call waits for all places that the call wrote *or read*, so that nobody
//! learns of what a crash undoes.
//!
//! Left to others: which service may open which bucket, how large a key, a value
//! or a batch may be, and how `wasi:keyvalue` shows all this to a component
//! (`capability`).

mod change;
mod clock;
mod counter;
mod error;
mod memory;
mod pages;
mod postgres;
mod redis;
mod secret;
mod sqlite;
mod trusted;
mod upkeep;
mod watermark;

#[cfg(test)]
mod contract;
#[cfg(test)]
mod kept;
#[cfg(test)]
mod servers;

use std::sync::Arc;

use async_trait::async_trait;

pub use change::{Change, Guard};
pub use error::StoreError;
pub use pages::Pages;
pub use secret::read as read_secret;
pub use trusted::roots as trusted_roots;
pub use upkeep::{BucketStats, Copy, Page, Stats, Upkeep, upkeep};
pub use watermark::{Durability, Lsn, Watermark};

use crate::manifest::StoreUrl;
use memory::MemoryStore;
use postgres::PostgresStore;
use redis::RedisStore;
use sqlite::SqliteStore;

/// The place of a write in the log, if the engine has one log for all who write.
pub type Placed = Option<Lsn>;

/// A key and its value.
pub type Entry = (String, Vec<u8>);

/// The most keys that one [`KeyPage`] holds, which bounds the memory and the
/// time of a listing whatever the size of its bucket.
const KEYS_PER_PAGE: usize = 1000;

/// What every engine does. An operation that meets what is not durable yet raises
/// `seen`, whether it succeeds or not. A bucket exists as soon as it is named; one without
/// keys takes no room.
///
/// A write whose caller goes away (its future is dropped) is applied whole or
/// not at all, and harms no other.
#[async_trait]
pub trait BucketStore: Send + Sync + 'static {
    /// The value of `key`, if it has one.
    async fn get(&self, bucket: &str, key: &str, seen: &Watermark) -> Result<Option<Vec<u8>>, StoreError>;

    /// Whether `key` has a value.
    async fn exists(&self, bucket: &str, key: &str, seen: &Watermark) -> Result<bool, StoreError>;

    /// Makes all changes or none, in one entry of the log, which no commit splits. Of
    /// several to one key the last counts. The answer is its place there, if the engine has
    /// one log for all who write.
    async fn write(&self, changes: Vec<Change<'_>>, seen: &Watermark) -> Result<Placed, StoreError>;

    /// The next page of keys after `cursor`, which is where the page before
    /// ended. Keys come in the order in which they were first set, so a listing
    /// holds each key that exists throughout it exactly once, whatever is set
    /// and deleted meanwhile.
    async fn list_keys(&self, bucket: &str, cursor: Option<u64>, seen: &Watermark) -> Result<KeyPage, StoreError>;

    /// Adds `delta` to the counter at `key` and returns the sum; a missing key
    /// counts as 0. A `delta` of 0 only reads.
    async fn increment(&self, bucket: &str, key: String, delta: u64, seen: &Watermark) -> Result<u64, StoreError>;

    /// One answer for each key, in the order asked, all from one moment. Refused
    /// if they have more than `most` bytes, keys and values together: reading
    /// ends there, so that no more than this is ever gathered.
    async fn get_many(
        &self,
        bucket: &str,
        keys: Vec<String>,
        most: usize,
        seen: &Watermark,
    ) -> Result<Vec<Option<Entry>>, StoreError>;

    /// Makes all changes if a key has this value, and otherwise none: then the answer is none.
    async fn write_where(
        &self,
        guard: Guard<'_>,
        changes: Vec<Change<'_>>,
        seen: &Watermark,
    ) -> Result<Option<Placed>, StoreError>;

    /// Gives `key` this value, whether it had one or not.
    async fn set(&self, bucket: &str, key: String, value: Vec<u8>, seen: &Watermark) -> Result<(), StoreError> {
        self.write(vec![Change { bucket, key, value: Some(value) }], seen).await.map(drop)
    }

    /// Removes `key`; that it has no value is fine.
    async fn delete(&self, bucket: &str, key: String, seen: &Watermark) -> Result<(), StoreError> {
        self.write(vec![Change { bucket, key, value: None }], seen).await.map(drop)
    }

    /// Sets all entries or none.
    async fn set_many(&self, bucket: &str, entries: Vec<Entry>, seen: &Watermark) -> Result<(), StoreError> {
        let changes = entries.into_iter().map(|(key, value)| Change { bucket, key, value: Some(value) });
        self.write(changes.collect(), seen).await.map(drop)
    }

    /// Deletes all keys or none.
    async fn delete_many(&self, bucket: &str, keys: Vec<String>, seen: &Watermark) -> Result<(), StoreError> {
        let changes = keys.into_iter().map(|key| Change { bucket, key, value: None });
        self.write(changes.collect(), seen).await.map(drop)
    }

    /// Returns when all that was seen is durable. An error says that some of it may be
    /// lost: nobody may be told of what was derived from it.
    ///
    /// What an engine raises no watermark for is durable when it returns.
    async fn durable(&self, seen: &Watermark) -> Result<(), StoreError> {
        debug_assert!(seen.is_empty(), "nothing was ever pending");
        Ok(())
    }

    /// What has become of it by now.
    fn durability(&self, seen: &Watermark) -> Durability {
        debug_assert!(seen.is_empty(), "nothing was ever pending");
        Durability::Durable
    }

    /// Whether it could be read and written now.
    async fn health(&self) -> Result<(), StoreError> {
        self.exists("dovetail", "ready", &Watermark::default()).await.map(drop)
    }

    /// Whether several hosts may write to it at once.
    fn is_shared(&self) -> bool {
        false
    }

    /// Finishes the writes that are queued and leaves the data tidy on disk.
    /// Later writes are refused by an engine that has something to close.
    async fn close(&self) -> Result<(), StoreError>;
}

/// A part of a bucket's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPage {
    /// The keys, in the order in which they were first set.
    pub keys: Vec<String>,
    /// Where the next page starts; none if this is the last one.
    pub cursor: Option<u64>,
}

impl KeyPage {
    /// A page of `found`, which holds one key more than a page if there are
    /// more: that is how the last page knows that it is.
    fn new(mut found: Vec<(u64, String)>) -> KeyPage {
        let more = found.len() > KEYS_PER_PAGE;
        found.truncate(KEYS_PER_PAGE);
        let cursor = found.last().filter(|_| more).map(|(id, _)| *id);
        let keys = found.into_iter().map(|(_, key)| key).collect();
        KeyPage { keys, cursor }
    }
}

/// Opens the store at `url`, and creates it if it is missing.
pub async fn open(url: &StoreUrl) -> Result<Arc<dyn BucketStore>, StoreError> {
    match url {
        StoreUrl::Memory => Ok(Arc::new(MemoryStore::default())),
        StoreUrl::Sqlite(path) => Ok(Arc::new(SqliteStore::open(path).await?)),
        StoreUrl::Postgres(url) => Ok(Arc::new(PostgresStore::open(url).await?)),
        StoreUrl::Redis(url) => Ok(Arc::new(RedisStore::open(url).await?)),
    }
}

/// Refuses what [`open`] would refuse, and changes nothing, whoever uses the
/// store meanwhile; not for a process that has it open itself, which would lose
/// its locks on the file. That there is no store yet is fine.
pub async fn inspect(url: &StoreUrl) -> Result<(), StoreError> {
    match url {
        StoreUrl::Memory => Ok(()),
        StoreUrl::Sqlite(path) => SqliteStore::inspect(path),
        StoreUrl::Postgres(url) => PostgresStore::inspect(url).await,
        StoreUrl::Redis(url) => RedisStore::inspect(url).await,
    }
}

/// The same for a host that is about to [`open`] it: refuses what another has open as well.
pub async fn inspect_to_open(url: &StoreUrl) -> Result<(), StoreError> {
    match url {
        StoreUrl::Sqlite(path) => SqliteStore::inspect_to_open(path),
        url => inspect(url).await,
    }
}
