//! The engine of `sqlite:PATH`, the embedded default: one database file in WAL
//! mode, one thread that writes, connections of their own for readers.
//!
//! A reader never waits for the writer, nor the writer for readers. A write is
//! applied in memory and returns its place in the [`log`]; whoever waits until that is
//! durable waits for one sync of the disk, and shares it with all that gathered beside
//! it (see [`writer`]). A read looks at what is pending first, then at what is known of
//! the database (see [`cache`]), which nobody else writes to meanwhile, then at the
//! database: what is not pending any more is there.

mod batch;
mod cache;
mod checkpoint;
mod files;
mod inspect;
mod listing;
mod log;
mod mark;
mod read;
mod reader;
mod readers;
mod schema;
mod upkeep;
mod writer;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::task::spawn_blocking;

use super::{BucketStore, Change, Durability, Entry, Guard, KeyPage, Lsn, Placed, StoreError, Watermark, counter};
use files::Files;
use log::{Counted, Guarded, Log};
use reader::Reader;
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
    readers: Arc<Readers>,
    // At its end it closes what is idle of the readers.
    writer: Writer,
    log: Arc<Log>,
    files: Arc<Files>,
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
                let files = Arc::new(Files::take(&path)?);
                let connection = schema::open(&files)?;
                let next_id = schema::next_id(&connection).map_err(|error| StoreError::open(&path, error))?;
                files.take_beside(&connection)?;
                if let Err(error) = checkpoint::mark(&files) {
                    // Where the disk is full it can be read from all the same.
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "what is copied over the store's database is not noticed until a checkpoint");
                }
                files.opened()?;
                let log = Arc::new(Log::new(next_id));
                let readers = Arc::new(Readers::new(files.clone()));
                let writer = Writer::start(connection, files.clone(), log.clone(), readers.clone());
                let writer = writer.map_err(|error| StoreError::open(&path, error))?;
                Ok(SqliteStore { readers, writer, log, files })
            })
        };
        opened.await.map_err(|e| StoreError::open(&path, e))?
    }

    /// Whether a store could be opened at `path`, by a look that changes nothing.
    pub fn inspect(path: &Path) -> Result<(), StoreError> {
        let path = std::path::absolute(path).map_err(|e| StoreError::open(path, e))?;
        inspect::inspect(&path)
    }

    /// The same for a host that is to open it, and that no other has it open.
    pub fn inspect_to_open(path: &Path) -> Result<(), StoreError> {
        SqliteStore::inspect(path)?;
        inspect::try_to_make(&std::path::absolute(path).map_err(|e| StoreError::open(path, e))?)?;
        files::refuse_in_use(path)
    }

    /// What the database has of a key, everything up to `place` included.
    async fn get_durable(&self, place: Lsn, bucket: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let operation = || format!("get key {key:?} of bucket {bucket:?}");
        let get = |reader: &mut Reader| read::get_within(reader.at(place)?, bucket, key, BYTES_READ_HERE);
        if let Some(value) = self.read_here(get, operation)? {
            return Ok(value);
        }
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        self.read_aside(move |reader| read::get(reader.at(place)?, &bucket, &key), operation).await
    }

    /// What each of some keys has at one moment; none if that is more than `most` bytes, or
    /// would have to wait.
    fn get_many_here(
        &self,
        bucket: &str,
        keys: &[String],
        most: usize,
        seen: &Watermark,
        operation: impl Fn() -> String,
    ) -> Result<Option<Vec<Option<Vec<u8>>>>, StoreError> {
        if let Some(known) = self.log.get_all(bucket, keys, seen) {
            let values: Vec<_> = known.into_iter().map(|value| value.map(Vec::from)).collect();
            return Ok(read::fits(keys, &values, most).then_some(values));
        }
        let place = self.log.place();
        let values = self.read_here(|reader| read::get_many(reader, &self.log, bucket, keys, most, seen), operation)?;
        if let Some(values) = &values {
            let found = keys.iter().map(String::as_str).zip(values.iter().map(Option::as_deref));
            self.log.remember(place, bucket, found);
        }
        Ok(values)
    }

    /// Runs a short read on its caller's thread; none if it turns out to be a
    /// longer one, or would wait for a lock: no deadline stops such a wait.
    fn read_here<T>(
        &self,
        read: impl FnOnce(&mut Reader) -> rusqlite::Result<Option<T>>,
        operation: impl Fn() -> String,
    ) -> Result<Option<T>, StoreError> {
        self.readers.read_at_once(read).map_err(|error| StoreError::engine(operation(), error))
    }

    /// Runs a longer read on a thread that may block, and wait for a lock.
    async fn read_aside<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Reader) -> rusqlite::Result<T> + Send + 'static,
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
    async fn get(&self, bucket: &str, key: &str, seen: &Watermark) -> Result<Option<Vec<u8>>, StoreError> {
        if let Some(known) = self.log.get(bucket, key, seen) {
            return Ok(known.map(Vec::from));
        }
        let place = self.log.place();
        let value = self.get_durable(place, bucket, key).await?;
        self.log.remember(place, bucket, [(key, value.as_deref())]);
        Ok(value)
    }

    async fn exists(&self, bucket: &str, key: &str, seen: &Watermark) -> Result<bool, StoreError> {
        if let Some(known) = self.log.get(bucket, key, seen) {
            return Ok(known.is_some());
        }
        let operation = || format!("find key {key:?} of bucket {bucket:?}");
        let place = self.log.place();
        let exists = |reader: &mut Reader| read::exists(reader.at(place)?, bucket, key).map(Some);
        if let Some(found) = self.read_here(exists, operation)? {
            return Ok(found);
        }
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        self.read_aside(move |reader| read::exists(reader.at(place)?, &bucket, &key), operation).await
    }

    async fn write(&self, changes: Vec<Change<'_>>, seen: &Watermark) -> Result<Placed, StoreError> {
        self.log.write(changes, seen).await
    }

    async fn write_where(
        &self,
        guard: Guard<'_>,
        changes: Vec<Change<'_>>,
        seen: &Watermark,
    ) -> Result<Option<Placed>, StoreError> {
        let (mut changes, mut stored) = (changes, None);
        loop {
            match self.log.write_where(&guard, changes, stored, seen).await? {
                Guarded::Written(place) => return Ok(Some(Some(place))),
                Guarded::Refused => return Ok(None),
                Guarded::Unknown(again) => {
                    let place = self.log.place();
                    let value = self.get_durable(place, guard.bucket, guard.key).await?;
                    self.log.remember(place, guard.bucket, [(guard.key, value.as_deref())]);
                    (changes, stored) = (again, Some((place, value)));
                }
            }
        }
    }

    async fn list_keys(&self, bucket: &str, cursor: Option<u64>, seen: &Watermark) -> Result<KeyPage, StoreError> {
        let (owned, log) = (bucket.to_owned(), self.log.clone());
        let operation = || format!("list the keys of bucket {bucket:?}");
        let (page, read) =
            self.read_aside(move |reader| listing::page(reader, &log, &owned, cursor), operation).await?;
        seen.include(&read);
        Ok(page)
    }

    async fn increment(&self, bucket: &str, key: String, delta: u64, seen: &Watermark) -> Result<u64, StoreError> {
        if delta == 0 {
            let stored = self.get(bucket, &key, seen).await?;
            return counter::add(bucket, &key, stored.as_deref(), 0);
        }
        let mut stored = None;
        loop {
            match self.log.increment(bucket, &key, delta, stored, seen).await? {
                Counted::Sum(sum) => return Ok(sum),
                Counted::Unknown => {
                    let place = self.log.place();
                    let value = self.get_durable(place, bucket, &key).await?;
                    self.log.remember(place, bucket, [(key.as_str(), value.as_deref())]);
                    stored = Some((place, value));
                }
            }
        }
    }

    async fn get_many(
        &self,
        bucket: &str,
        keys: Vec<String>,
        most: usize,
        seen: &Watermark,
    ) -> Result<Vec<Option<Entry>>, StoreError> {
        let count = keys.len();
        let operation = || format!("get {count} keys of bucket {bucket:?}");
        let here = match count {
            ..=KEYS_READ_HERE => self.get_many_here(bucket, &keys, most.min(BYTES_READ_HERE), seen, operation)?,
            _ => None,
        };
        let (keys, values) = match here {
            Some(values) => (keys, Some(values)),
            None => {
                let (owned, log) = (bucket.to_owned(), self.log.clone());
                let read = move |reader: &mut Reader| {
                    let read = Watermark::default();
                    let values = read::get_many(reader, &log, &owned, &keys, most, &read)?;
                    Ok((keys, values, read))
                };
                let (keys, values, read) = self.read_aside(read, operation).await?;
                seen.include(&read);
                (keys, values)
            }
        };
        let values = values.ok_or_else(|| StoreError::too_much(bucket, count, most))?;
        Ok(keys.into_iter().zip(values).map(|(key, value)| Some((key, value?))).collect())
    }

    async fn durable(&self, seen: &Watermark) -> Result<(), StoreError> {
        self.log.durable(seen).await
    }

    fn durability(&self, seen: &Watermark) -> Durability {
        self.log.durability(seen)
    }

    async fn health(&self) -> Result<(), StoreError> {
        self.files.look_at_database()?;
        self.log.health()?;
        let seen = Watermark::default();
        if !self.files.seem_whole() {
            // Whoever commits finds out, and mends what can be.
            self.delete("dovetail", "ready".to_owned(), &seen).await?;
            self.durable(&seen).await?;
        }
        self.exists("dovetail", "ready", &seen).await.map(drop)
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.readers.clear();
        self.writer.close().await
    }
}

#[cfg(test)]
mod tests;
