//! What people do with a store from outside: look at what is in it, take entries
//! out, keep a copy. A host may serve from it meanwhile.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;
use tokio::sync::mpsc;

use super::postgres::PostgresUpkeep;
use super::redis::RedisUpkeep;
use super::sqlite::SqliteUpkeep;
use super::{Entry, StoreError};
use crate::manifest::StoreUrl;

/// How many entries a [`Page`] has, and how many bytes before the last of them:
/// what an export holds in memory.
const ENTRIES_PER_PAGE: usize = 1000;
const BYTES_PER_PAGE: usize = 256 * 1024;

/// What each engine does for people. Nothing here changes the store.
#[async_trait]
pub trait Upkeep: Send + Sync {
    /// What is in it, and how much room that takes.
    async fn stats(&self) -> Result<Stats, StoreError>;

    /// Sends the entries of a bucket, or of all, in the order in which `list-keys`
    /// has them and bucket by bucket; all from one moment, where the engine has such
    /// a thing. Ends early if nobody receives.
    async fn export(&self, bucket: Option<&str>, to: mpsc::Sender<Page>) -> Result<(), StoreError>;

    /// Writes the store, as it is at one moment, into a file that is empty.
    /// Nothing is written if the engine has no file of its own kind: then what
    /// [`export`](Self::export) sends is a backup.
    async fn copy(&self, file: &Path) -> Result<Copy, StoreError>;
}

/// What became of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copy {
    /// It is in the file.
    Made,
    /// It is to be made of entries.
    OfEntries,
}

/// Entries of one bucket that follow each other.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The bucket.
    pub bucket: String,
    /// What is in it.
    pub entries: Vec<Entry>,
    /// The bytes of keys and values.
    bytes: usize,
}

/// What a store has.
#[derive(Clone, Debug, Serialize)]
pub struct Stats {
    /// Who keeps it: `SQLite`.
    pub engine: &'static str,
    /// The engine's version.
    pub version: String,
    /// The file or database.
    pub place: String,
    /// The bytes that it takes where it is kept, the log not counted.
    pub size: u64,
    /// The bytes of its log of writes, where it has one of its own.
    pub log: Option<u64>,
    /// What is in it, by bucket.
    pub buckets: Vec<BucketStats>,
}

/// What a bucket has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BucketStats {
    /// The bucket.
    pub name: String,
    /// How many keys.
    pub keys: u64,
    /// The bytes of keys and values.
    pub bytes: u64,
}

/// What looks after the store at `url`, which is there.
pub async fn upkeep(url: &StoreUrl) -> Result<Arc<dyn Upkeep>, StoreError> {
    match url {
        StoreUrl::Memory => Err(StoreError::NotKept),
        StoreUrl::Sqlite(path) => Ok(Arc::new(SqliteUpkeep::new(path)?)),
        StoreUrl::Postgres(url) => Ok(Arc::new(PostgresUpkeep::connect(url).await?)),
        StoreUrl::Redis(url) => Ok(Arc::new(RedisUpkeep::connect(url).await?)),
    }
}

impl Page {
    /// A page without entries yet.
    pub(super) fn of(bucket: &str) -> Page {
        Page { bucket: bucket.to_owned(), ..Page::default() }
    }

    /// Takes one more entry; returns the page once it is full, and is empty again.
    pub(super) fn push(&mut self, entry: Entry) -> Option<Page> {
        self.bytes += entry.0.len() + entry.1.len();
        self.entries.push(entry);
        let full = self.entries.len() >= ENTRIES_PER_PAGE || self.bytes >= BYTES_PER_PAGE;
        full.then(|| std::mem::replace(self, Page::of(&self.bucket)))
    }
}
