//! The engine of `redis://…`, which several hosts share: a database of a Redis
//! server, one connection for all calls.
//!
//! The server runs one command after the other, so a script is atomic, and what
//! arrives while it syncs its log is synced together. How durable a write is when
//! it is answered is the server's setting: synced with `appendonly yes` and
//! `appendfsync always`, and otherwise less, which is warned of (see [`login`]).
//!
//! When the connection is lost a read is asked again on the next; a write is not,
//! for it may have been done.

mod login;
mod scripts;
mod session;
mod upkeep;

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use redis::{Cmd, FromRedisValue, cmd};
use tokio::time::timeout;

use super::{BucketStore, Change, Entry, Guard, KEYS_PER_PAGE, KeyPage, Placed, StoreError, Watermark, counter};
use crate::manifest::RedisUrl;
use login::Login;
use scripts::Bucket;
use session::{ANSWER, Session};
pub use upkeep::RedisUpkeep;

/// The largest number that the order of a bucket's keys has: up to here a score,
/// which is a floating-point number, is exact.
const LAST: u64 = 1 << 53;

/// A store in a Redis database.
pub struct RedisStore {
    session: Session,
}

impl RedisStore {
    /// Connects to the server, and marks the database as a store.
    pub async fn open(url: &RedisUrl) -> Result<RedisStore, StoreError> {
        let login = Arc::new(Login::new(url)?);
        let session = Session::start(login.clone()).await?;
        let live = session.live().await?;
        login.warn_of_losses(&live.connection).await;
        login.compare_clocks(&live.connection).await;
        Ok(RedisStore { session })
    }

    /// Whether a store could be opened at the URL, by a look that changes nothing.
    pub async fn inspect(url: &RedisUrl) -> Result<(), StoreError> {
        let login = Login::new(url)?;
        let (connection, _) = login.connect().await?;
        login.check(&connection).await.map(drop)
    }

    /// What the server answers a question, asked again if the connection was lost.
    async fn read<T: FromRedisValue>(&self, operation: impl Fn() -> String, question: &Cmd) -> Result<T, StoreError> {
        let mut again = true;
        loop {
            let live = self.session.live().await.map_err(|error| self.session.away(operation(), error))?;
            let mut connection = live.connection.clone();
            let why = match timeout(ANSWER, question.query_async(&mut connection)).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) if session::is_definite(&error) => return Err(StoreError::engine(operation(), error)),
                Ok(Err(error)) => self.session.away(operation(), error),
                Err(late) => {
                    again = false;
                    self.session.away(operation(), late)
                }
            };
            live.give_up();
            if !std::mem::take(&mut again) {
                return Err(why);
            }
        }
    }

    /// What the server answers to a change, which is asked for once.
    async fn change<T: FromRedisValue>(&self, operation: impl Fn() -> String, change: &Cmd) -> Result<T, StoreError> {
        let live = self.session.live().await.map_err(|error| self.session.away(operation(), error))?;
        let mut connection = live.connection.clone();
        let why = match timeout(ANSWER, change.query_async(&mut connection)).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) if session::is_of_a_replica(&error) => self.session.away(operation(), error),
            Ok(Err(error)) if session::is_definite(&error) => return Err(StoreError::engine(operation(), error)),
            Ok(Err(error)) => self.session.unknown(operation(), error),
            Err(late) => self.session.unknown(operation(), late),
        };
        live.give_up();
        Err(why)
    }
}

#[async_trait]
impl BucketStore for RedisStore {
    async fn get(&self, bucket: &str, key: &str, _seen: &Watermark) -> Result<Option<Vec<u8>>, StoreError> {
        let operation = || format!("get key {key:?} of bucket {bucket:?}");
        self.read(operation, cmd("HGET").arg(Bucket(bucket).values()).arg(key)).await
    }

    async fn exists(&self, bucket: &str, key: &str, _seen: &Watermark) -> Result<bool, StoreError> {
        let operation = || format!("find key {key:?} of bucket {bucket:?}");
        self.read(operation, cmd("HEXISTS").arg(Bucket(bucket).values()).arg(key)).await
    }

    async fn write(&self, changes: Vec<Change<'_>>, _seen: &Watermark) -> Result<Placed, StoreError> {
        match changes.is_empty() {
            true => Ok(None),
            false => {
                self.change::<bool>(|| Change::operation(&changes), &scripts::write(None, &changes)).await.map(|_| None)
            }
        }
    }

    async fn write_where(
        &self,
        guard: Guard<'_>,
        changes: Vec<Change<'_>>,
        _seen: &Watermark,
    ) -> Result<Option<Placed>, StoreError> {
        let write = scripts::write(Some(&guard), &changes);
        let is_held: bool = self.change(|| Change::operation(&changes), &write).await?;
        Ok(is_held.then_some(None))
    }

    async fn list_keys(&self, bucket: &str, cursor: Option<u64>, _seen: &Watermark) -> Result<KeyPage, StoreError> {
        let operation = || format!("list the keys of bucket {bucket:?}");
        // A component may make up a cursor that is above all numbers.
        let after = format!("({}", cursor.unwrap_or(0).min(LAST));
        let mut page = cmd("ZRANGEBYSCORE");
        page.arg(Bucket(bucket).order()).arg(after).arg("+inf").arg("WITHSCORES");
        page.arg("LIMIT").arg(0).arg(KEYS_PER_PAGE + 1);
        let found: Vec<(String, f64)> = self.read(operation, &page).await?;
        Ok(KeyPage::new(found.into_iter().map(|(key, number)| (number as u64, key)).collect()))
    }

    async fn increment(&self, bucket: &str, key: String, delta: u64, seen: &Watermark) -> Result<u64, StoreError> {
        if delta == 0 {
            let stored = self.get(bucket, &key, seen).await?;
            return counter::add(bucket, &key, stored.as_deref(), 0);
        }
        let operation = || format!("increment key {key:?} of bucket {bucket:?}");
        let add = scripts::increment(Bucket(bucket), &key, delta);
        let (sum, stored): (Option<String>, Option<Vec<u8>>) = self.change(operation, &add).await?;
        let refused = || StoreError::NotACounter { bucket: bucket.to_owned(), key: key.clone() };
        match sum {
            Some(sum) => sum.parse().map_err(|_| refused()),
            // It says why the server left it alone.
            None => counter::add(bucket, &key, stored.as_deref(), delta).and(Err(refused())),
        }
    }

    async fn get_many(
        &self,
        bucket: &str,
        keys: Vec<String>,
        most: usize,
        _seen: &Watermark,
    ) -> Result<Vec<Option<Entry>>, StoreError> {
        let count = keys.len();
        if count == 0 {
            return Ok(Vec::new());
        }
        let operation = || format!("get {count} keys of bucket {bucket:?}");
        let mut asked: HashMap<&str, usize> = HashMap::with_capacity(count);
        for key in &keys {
            *asked.entry(key).or_default() += 1;
        }
        let asked: Vec<_> = asked.into_iter().collect();
        let get = scripts::get_many(Bucket(bucket), &asked, most);
        let Some(values): Option<Vec<Option<Vec<u8>>>> = self.read(operation, &get).await? else {
            return Err(StoreError::too_much(bucket, count, most));
        };
        let found: HashMap<&str, Vec<u8>> =
            asked.iter().zip(values).filter_map(|((key, _), value)| Some((*key, value?))).collect();
        Ok(keys.iter().map(|key| Some((key.clone(), found.get(key.as_str())?.clone()))).collect())
    }

    async fn health(&self) -> Result<(), StoreError> {
        self.session.health().await
    }

    fn is_shared(&self) -> bool {
        true
    }

    /// Nothing is queued here: what was asked for was sent, and is answered.
    async fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
