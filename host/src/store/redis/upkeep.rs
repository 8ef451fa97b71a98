//! The database as people look after it, by a connection of their own.

use std::path::Path;

use async_trait::async_trait;
use redis::cmd;
use tokio::sync::mpsc;

use super::RedisStore;
use super::login::Login;
use super::scripts::{self, BUCKETS, Bucket};
use super::session::Session;
use crate::manifest::RedisUrl;
use crate::store::upkeep::{BucketStats, Copy, Page, Stats, Upkeep};
use crate::store::{BucketStore, StoreError, Watermark};

/// How many values are asked for at once.
const VALUES: usize = 64;

/// A database that is there.
pub struct RedisUpkeep {
    place: String,
    store: RedisStore,
}

impl RedisUpkeep {
    /// Connects to the database at `url`, if it is a store.
    pub async fn connect(url: &RedisUrl) -> Result<RedisUpkeep, StoreError> {
        let login = Login::new(url)?;
        let (connection, _) = login.connect().await?;
        if !login.check(&connection).await? {
            return Err(StoreError::Missing { place: login.place() });
        }
        let place = login.place();
        Ok(RedisUpkeep { place, store: RedisStore { session: Session::start(login.into()).await? } })
    }

    fn counting(&self) -> impl Fn() -> String + '_ {
        || format!("count what is in {:?}", self.place)
    }

    async fn buckets(&self) -> Result<Vec<String>, StoreError> {
        let mut names: Vec<String> = self.store.read(self.counting(), cmd("SMEMBERS").arg(BUCKETS)).await?;
        names.sort();
        Ok(names)
    }

    async fn bucket(&self, name: String) -> Result<BucketStats, StoreError> {
        let (mut keys, mut bytes, mut after) = (0, 0, 0);
        loop {
            let part = scripts::sizes(Bucket(&name), after);
            let Some((more, larger, last)): Option<(u64, u64, u64)> = self.store.read(self.counting(), &part).await?
            else {
                return Ok(BucketStats { name, keys, bytes });
            };
            (keys, bytes, after) = (keys + more, bytes + larger, last);
        }
    }

    /// What the server tells of itself under a name; 0 if nothing.
    async fn told<T: std::str::FromStr + Default>(&self, name: &str) -> Result<T, StoreError> {
        let text: String = self.store.read(self.counting(), &cmd("INFO")).await?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        Ok(line.and_then(|value| value.trim().parse().ok()).unwrap_or_default())
    }
}

#[async_trait]
impl Upkeep for RedisUpkeep {
    async fn stats(&self) -> Result<Stats, StoreError> {
        let mut buckets = Vec::new();
        for name in self.buckets().await? {
            buckets.push(self.bucket(name).await?);
        }
        // Those whose last key was deleted are none.
        buckets.retain(|bucket| bucket.keys > 0);
        let has_log: u64 = self.told("aof_enabled").await?;
        Ok(Stats {
            engine: "Redis",
            version: self.told("redis_version").await?,
            place: self.place.clone(),
            // Both of all its databases.
            size: self.told("used_memory").await?,
            log: if has_log == 1 { Some(self.told("aof_current_size").await?) } else { None },
            buckets,
        })
    }

    /// Page by page: the server has no view of one moment to read from, but for a
    /// script that it would stop for.
    async fn export(&self, bucket: Option<&str>, to: mpsc::Sender<Page>) -> Result<(), StoreError> {
        let buckets = match bucket {
            Some(bucket) => vec![bucket.to_owned()],
            None => self.buckets().await?,
        };
        // What Redis answers has nothing pending.
        let seen = Watermark::default();
        for bucket in buckets {
            let mut cursor = None;
            loop {
                let keys = self.store.list_keys(&bucket, cursor, &seen).await?;
                for keys in keys.keys.chunks(VALUES) {
                    let found = self.store.get_many(&bucket, keys.to_vec(), usize::MAX, &seen).await?;
                    let mut page = Page::of(&bucket);
                    page.entries = found.into_iter().flatten().collect();
                    // Whoever received them has seen enough.
                    if to.send(page).await.is_err() {
                        return Ok(());
                    }
                }
                cursor = keys.cursor;
                if cursor.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn copy(&self, _: &Path) -> Result<Copy, StoreError> {
        let reason = "what is exported from Redis is not of one moment; make a copy by `redis-cli --rdb FILE`";
        Err(StoreError::NoBackup { place: self.place.clone(), reason })
    }
}
