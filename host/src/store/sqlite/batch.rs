//! Writes that share one commit: what they come to, key by key.

use std::collections::HashMap;
use std::time::Instant;

use bytes::Bytes;
use hashlink::DefaultHashBuilder;
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::watch;

use super::schema;
use crate::store::StoreError;
use crate::store::watermark::Lsn;

/// By name, with a hash that is faster than the standard library's.
type Map<T> = HashMap<String, T, DefaultHashBuilder>;

/// How a commit ended; none while it has not.
pub type End = Option<Result<(), StoreError>>;

/// A contiguous part of the log. Of several writes to a key the last one counts.
#[derive(Default)]
pub struct Batch {
    buckets: Map<Map<Pending>>,
    /// When its first write came.
    pub begun: Option<Instant>,
    /// The place of its last write.
    pub last: Lsn,
    /// What its keys and values take, those written over included.
    pub bytes: usize,
    /// Told of its end.
    pub end: watch::Sender<End>,
}

/// What becomes of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pending {
    /// It has no value any more.
    Deleted,
    /// It has this value.
    Set {
        /// Its place in listings, unless it has one.
        id: u64,
        /// Whether it was deleted before, and so has none, whatever the database says.
        anew: bool,
        /// The value.
        value: Bytes,
    },
}

impl Batch {
    /// Whether there is nothing to commit.
    pub fn is_empty(&self) -> bool {
        self.begun.is_none()
    }

    /// How many wait for its end.
    pub fn waiters(&self) -> usize {
        self.end.receiver_count()
    }

    /// What becomes of a key; none if nothing does.
    pub fn get(&self, bucket: &str, key: &str) -> Option<&Pending> {
        self.buckets.get(bucket)?.get(key)
    }

    /// What becomes of the keys of a bucket.
    pub fn of(&self, bucket: &str) -> impl Iterator<Item = (&str, &Pending)> {
        let keys = self.buckets.get(bucket).into_iter().flatten();
        keys.map(|(key, pending)| (key.as_str(), pending))
    }

    /// What becomes of each of its keys: bucket, key and change.
    pub fn changes(&self) -> impl Iterator<Item = (&str, &str, &Pending)> {
        let buckets = self.buckets.iter();
        buckets.flat_map(|(bucket, keys)| keys.iter().map(|(key, pending)| (bucket.as_str(), key.as_str(), pending)))
    }

    /// Adds one change after all others.
    pub fn put(&mut self, bucket: &str, key: String, change: Pending) {
        self.begun.get_or_insert_with(Instant::now);
        self.bytes += key.len() + change.value().map_or(0, Bytes::len);
        let keys = match self.buckets.get_mut(bucket) {
            Some(keys) => keys,
            None => self.buckets.entry(bucket.to_owned()).or_default(),
        };
        match keys.get_mut(&key) {
            Some(pending) => *pending = change.after(pending),
            None => drop(keys.insert(key, change)),
        }
    }

    /// Makes one transaction of all, and of the database's next mark if there is one, which
    /// is durable when this returns.
    pub fn commit(&self, connection: &mut Connection, mark: Option<u32>) -> rusqlite::Result<()> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        self.write(&transaction)?;
        if let Some(number) = mark {
            schema::mark(&transaction, number)?;
        }
        transaction.commit()
    }

    fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut delete = connection.prepare_cached("DELETE FROM entries WHERE bucket = ?1 AND key = ?2")?;
        let mut insert = connection.prepare_cached(
            "INSERT INTO entries (id, bucket, key, value) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (bucket, key) DO UPDATE SET value = excluded.value",
        )?;
        let mut set = Vec::new();
        for (bucket, key, pending) in self.changes() {
            match pending {
                Pending::Deleted => drop(delete.execute([bucket, key])?),
                Pending::Set { id, anew, value } => set.push((*id, *anew, bucket, key, value)),
            }
        }
        // New rows go to the end of their table one after the other.
        set.sort_unstable_by_key(|(id, ..)| *id);
        for (id, anew, bucket, key, value) in set {
            if anew {
                delete.execute([bucket, key])?;
            }
            insert.execute((id.cast_signed(), bucket, key, &value[..]))?;
        }
        Ok(())
    }
}

impl Pending {
    /// The value that the key has then.
    pub fn value(&self) -> Option<&Bytes> {
        match self {
            Pending::Deleted => None,
            Pending::Set { value, .. } => Some(value),
        }
    }

    /// This change after an earlier one.
    pub fn after(self, before: &Pending) -> Pending {
        match (self, before) {
            (Pending::Deleted, _) => Pending::Deleted,
            (Pending::Set { id, value, .. }, Pending::Deleted) => Pending::Set { id, anew: true, value },
            (Pending::Set { anew: true, id, value }, _) => Pending::Set { id, anew: true, value },
            (Pending::Set { value, .. }, Pending::Set { id, anew, .. }) => Pending::Set { id: *id, anew: *anew, value },
        }
    }
}

#[cfg(test)]
mod tests;
