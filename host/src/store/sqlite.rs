//! The engine of `sqlite:PATH`, the embedded default: one database file in WAL
//! mode, one thread that writes, connections of their own for readers.
//!
//! A reader never waits for the writer, nor the writer for readers. A write
//! waits for one sync of the disk, which it shares with all that queued beside
//! it (see [`writer`]).

mod batch;
mod inspect;
mod lock;
mod readers;
mod schema;
mod upkeep;
mod writer;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row};
use tokio::task::spawn_blocking;

use super::write::Change;
use super::{BucketStore, Entry, KEYS_PER_PAGE, KeyPage, StoreError, counter};
use lock::Lock;
use readers::Readers;
pub use upkeep::SqliteUpkeep;
use writer::Writer;

/// The most keys that one call reads on its caller's thread, where other
/// requests wait meanwhile. With its pages in memory one key takes 3 us and 100
/// of 50 bytes each 90 to 140 us; on another thread, 20 to 50 us and 200 (2 cores).
const KEYS_READ_HERE: usize = 128;

/// The most bytes, keys and values, that one call reads on its caller's thread:
/// 60 values of 4,000 bytes take 170 us.
const BYTES_READ_HERE: usize = 256 * 1024;

/// A store in one SQLite file.
pub struct SqliteStore {
    // In the order in which they are dropped: the last connection to close is
    // the writer's, which can fold the WAL into the database.
    readers: Arc<Readers>,
    writer: Writer,
    // Given back after both.
    _lock: Option<Lock>,
}

impl SqliteStore {
    /// Opens the database at `path`, and creates it and its folder if missing.
    pub async fn open(path: &Path) -> Result<SqliteStore, StoreError> {
        // An absolute path is a file, whatever it is called: SQLite gives names
        // such as `:memory:` another meaning.
        let path = std::path::absolute(path).map_err(|e| StoreError::open(path, e))?;
        let opened = {
            let path = path.clone();
            spawn_blocking(move || {
                let lock = Lock::take(&path)?;
                let writer = Writer::start(schema::open(&path)?).map_err(|error| StoreError::open(&path, error))?;
                let readers = Arc::new(Readers::new(path));
                Ok(SqliteStore { readers, writer, _lock: Some(lock) })
            })
        };
        opened.await.map_err(|e| StoreError::open(&path, e))?
    }

    /// Whether a store could be opened at `path`, by a look that changes nothing.
    pub fn inspect(path: &Path) -> Result<(), StoreError> {
        let path = std::path::absolute(path).map_err(|e| StoreError::open(path, e))?;
        inspect::inspect(&path)
    }

    /// Runs a short read on its caller's thread; none if it turns out to be a
    /// longer one, or would wait for a lock: no deadline stops such a wait.
    fn read_here<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<Option<T>>,
        operation: impl Fn() -> String,
    ) -> Result<Option<T>, StoreError> {
        self.readers.read_at_once(read).map_err(|error| StoreError::engine(operation(), error))
    }

    /// Runs a longer read on a thread that may block, and wait for a lock.
    async fn read_aside<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        operation: impl Fn() -> String,
    ) -> Result<T, StoreError> {
        let readers = Arc::clone(&self.readers);
        match spawn_blocking(move || readers.read(read)).await {
            Ok(result) => result.map_err(|error| StoreError::engine(operation(), error)),
            Err(stopped) => Err(StoreError::engine(operation(), stopped)),
        }
    }
}

#[async_trait]
impl BucketStore for SqliteStore {
    async fn get(&self, bucket: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let operation = || format!("get key {key:?} of bucket {bucket:?}");
        if let Some(value) = self.read_here(|c| get_within(c, bucket, key, BYTES_READ_HERE), operation)? {
            return Ok(value);
        }
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        self.read_aside(move |c| get(c, &bucket, &key), operation).await
    }

    async fn exists(&self, bucket: &str, key: &str) -> Result<bool, StoreError> {
        let operation = || format!("find key {key:?} of bucket {bucket:?}");
        if let Some(found) = self.read_here(|c| exists(c, bucket, key).map(Some), operation)? {
            return Ok(found);
        }
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        self.read_aside(move |c| exists(c, &bucket, &key), operation).await
    }

    async fn set(&self, bucket: &str, key: String, value: Vec<u8>) -> Result<(), StoreError> {
        self.set_many(bucket, vec![(key, value)]).await
    }

    async fn delete(&self, bucket: &str, key: String) -> Result<(), StoreError> {
        self.delete_many(bucket, vec![key]).await
    }

    async fn list_keys(&self, bucket: &str, cursor: Option<u64>) -> Result<KeyPage, StoreError> {
        let owned = bucket.to_owned();
        self.read_aside(
            move |connection| list_keys(connection, &owned, cursor),
            || format!("list the keys of bucket {bucket:?}"),
        )
        .await
    }

    async fn increment(&self, bucket: &str, key: String, delta: u64) -> Result<u64, StoreError> {
        if delta == 0 {
            let stored = self.get(bucket, &key).await?;
            return counter::add(bucket, &key, stored.as_deref(), 0);
        }
        let change = Change::Increment { key, delta };
        self.writer.write(bucket, change).await
    }

    async fn get_many(&self, bucket: &str, keys: Vec<String>, most: usize) -> Result<Vec<Option<Entry>>, StoreError> {
        let count = keys.len();
        let operation = || format!("get {count} keys of bucket {bucket:?}");
        let here = match count {
            ..=KEYS_READ_HERE => {
                self.read_here(|c| get_many(c, bucket, &keys, most.min(BYTES_READ_HERE)), operation)?
            }
            _ => None,
        };
        let (keys, values) = match here {
            Some(values) => (keys, Some(values)),
            None => {
                let owned = bucket.to_owned();
                self.read_aside(move |c| get_many(c, &owned, &keys, most).map(|values| (keys, values)), operation)
                    .await?
            }
        };
        let values = values.ok_or_else(|| StoreError::too_much(bucket, count, most))?;
        Ok(keys.into_iter().zip(values).map(|(key, value)| Some((key, value?))).collect())
    }

    async fn set_many(&self, bucket: &str, entries: Vec<Entry>) -> Result<(), StoreError> {
        self.writer.write(bucket, Change::Set(entries)).await?;
        Ok(())
    }

    async fn delete_many(&self, bucket: &str, keys: Vec<String>) -> Result<(), StoreError> {
        self.writer.write(bucket, Change::Delete(keys)).await?;
        Ok(())
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.readers.clear();
        self.writer.close().await
    }
}

fn get(connection: &Connection, bucket: &str, key: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare_cached("SELECT value FROM entries WHERE bucket = ?1 AND key = ?2")?
        .query_row([bucket, key], |row| row.get(0))
        .optional()
}

fn exists(connection: &Connection, bucket: &str, key: &str) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM entries WHERE bucket = ?1 AND key = ?2")?.exists([bucket, key])
}

/// None if the value has more than `most` bytes. It is then not read: the length
/// is in the row, the bytes of a large value are in pages of their own.
fn get_within(
    connection: &Connection,
    bucket: &str,
    key: &str,
    most: usize,
) -> rusqlite::Result<Option<Option<Vec<u8>>>> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let value = connection
        .prepare_cached("SELECT iif(length(value) <= ?3, value, NULL) FROM entries WHERE bucket = ?1 AND key = ?2")?
        .query_row((bucket, key, most), |row| row.get::<_, Option<Vec<u8>>>(0))
        .optional()?;
    Ok(match value {
        None => Some(None),
        Some(value) => value.map(Some),
    })
}

/// The value of each key; none if keys and values have more than `most` bytes.
fn get_many(
    connection: &Connection,
    bucket: &str,
    keys: &[String],
    most: usize,
) -> rusqlite::Result<Option<Vec<Option<Vec<u8>>>>> {
    // One transaction is one snapshot: a `set_many` is seen whole or not at all.
    let snapshot = connection.unchecked_transaction()?;
    let (mut values, mut room) = (Vec::with_capacity(keys.len()), most);
    for key in keys {
        let Some(value) = get_within(&snapshot, bucket, key, room)? else { return Ok(None) };
        let bytes = value.as_ref().map_or(0, |value| key.len() + value.len());
        let Some(left) = room.checked_sub(bytes) else { return Ok(None) };
        room = left;
        values.push(value);
    }
    Ok(Some(values))
}

fn list_keys(connection: &Connection, bucket: &str, cursor: Option<u64>) -> rusqlite::Result<KeyPage> {
    // No id is above `i64::MAX`, so a cursor that is (a component may make one
    // up) has nothing after it.
    let after = i64::try_from(cursor.unwrap_or(0)).unwrap_or(i64::MAX);
    let key = |row: &Row| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?));
    let found = connection
        .prepare_cached(schema::LIST_KEYS)?
        .query_map((bucket, after, (KEYS_PER_PAGE + 1) as i64), key)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(KeyPage::new(found))
}

#[cfg(test)]
mod tests;
