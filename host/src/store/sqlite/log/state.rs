//! What a log holds: what is pending, and what is known of the database besides.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::super::batch::{Batch, Pending};
use super::super::cache::Cache;
use crate::store::StoreError;
use crate::store::watermark::{Lsn, Watermark};

pub struct State {
    /// What the next commit takes.
    pub gathering: Batch,
    /// What is being committed.
    pub committing: Option<Arc<Batch>>,
    /// What the database had when `durable` was what it is.
    cache: Cache,
    /// The place of the last write.
    pub last: Lsn,
    pub durable: Lsn,
    /// The id of the next key that is set.
    pub next_id: u64,
    /// Why nothing can be written now.
    pub failed: Option<StoreError>,
    /// The places after which commits failed, up to the last that these took along.
    pub lost: Vec<(Range<u64>, StoreError)>,
    /// What the writer sleeps for now.
    pub sleep: Sleep,
    /// When the last commit ended.
    committed: Instant,
    /// Half of those who waited then, for that or the next: one at least. The other half is
    /// served while these wait.
    quorum: usize,
    pub closed: bool,
}

/// How long a commit is put off that could begin.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// After the commit before, for those who waited then to do so again: they share what a
    /// commit costs beside their writes, a sync and pages of which each has a part.
    pub gather: Duration,
    /// After a write that nobody waits for. Most calls make all their writes and end within
    /// that, so that these are one commit.
    pub linger: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience { gather: Duration::from_micros(500), linger: Duration::from_millis(5) }
    }
}

/// What the writer is to be woken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sleep {
    /// It does not sleep, or was woken.
    No,
    /// Something gathers.
    UntilWritten,
    /// So many wait for what gathers.
    UntilAwaited {
        /// The number.
        by: usize,
    },
}

impl State {
    /// Nothing, before a database that gives this id to the next key.
    pub fn new(next_id: u64) -> State {
        State {
            gathering: Batch::default(),
            committing: None,
            cache: Cache::new(),
            last: Lsn::default(),
            durable: Lsn::default(),
            next_id,
            failed: None,
            lost: Vec::new(),
            sleep: Sleep::No,
            committed: Instant::now(),
            quorum: 1,
            closed: false,
        }
    }

    /// What becomes of a key, if anything does. It is held against `seen`.
    pub fn pending(&self, bucket: &str, key: &str, seen: &Watermark) -> Option<Option<Bytes>> {
        let (pending, lsn) = self.find(bucket, key)?;
        seen.raise(lsn);
        Some(pending.value().cloned())
    }

    /// What becomes of a key, or is known to be in the database.
    pub fn known(&mut self, bucket: &str, key: &str, seen: &Watermark) -> Option<Option<Bytes>> {
        self.pending(bucket, key, seen).or_else(|| self.cache.get(bucket, key))
    }

    /// The database has this value. While something is pending for the key, it may have
    /// that already, or not: what is stored then tells.
    pub fn remember(&mut self, bucket: &str, key: &str, value: Option<&[u8]>) {
        if self.find(bucket, key).is_none() {
            self.cache.offer(bucket, key, value);
        }
    }

    /// What the writer is to sleep for, and how long at most, until what gathers is due;
    /// none if it is.
    pub fn rest(&self, patience: Patience) -> Option<(Sleep, Duration)> {
        let waiters = self.gathering.waiters();
        if self.closed || waiters >= self.quorum {
            return None;
        }
        let gathers = patience.gather.saturating_sub(self.committed.elapsed());
        if !gathers.is_zero() {
            return Some((Sleep::UntilAwaited { by: self.quorum }, gathers));
        }
        let Some(begun) = self.gathering.begun else { return Some((Sleep::UntilWritten, Duration::MAX)) };
        let lingers = patience.linger.saturating_sub(begun.elapsed());
        (waiters == 0 && !lingers.is_zero()).then_some((Sleep::UntilAwaited { by: 1 }, lingers))
    }

    /// A batch is in the database.
    pub fn stored(&mut self, batch: &Batch) {
        self.committed = Instant::now();
        self.quorum = 1.max((batch.waiters() + self.gathering.waiters()).div_ceil(2));
        self.durable = batch.last;
        for (bucket, key, pending) in batch.changes() {
            self.cache.update(bucket, key, pending.value());
        }
    }

    /// Why some of what was seen may be lost, if so. Where the lowest place was durable
    /// before the commit failed and the highest was written after it, nothing is; but
    /// whoever went on through a failure may as well be told of it.
    pub fn loss(&self, seen: &Watermark) -> Option<&StoreError> {
        let (lowest, highest) = seen.span()?;
        let met = |lost: &Range<u64>| lost.start <= highest.0 && lowest.0 < lost.end;
        self.lost.iter().find(|(range, _)| met(range)).map(|(_, error)| error)
    }

    /// What the database has is in doubt.
    pub fn forget(&mut self) {
        self.cache.clear();
    }

    pub fn put(&mut self, bucket: &str, key: String, value: Option<Vec<u8>>) {
        let change = match value {
            None => Pending::Deleted,
            Some(value) => {
                let id = self.next_id;
                self.next_id += 1;
                Pending::Set { id, anew: false, value: value.into() }
            }
        };
        self.gathering.put(bucket, key, change);
    }

    /// What becomes of a key, and the place in the log that this depends on.
    fn find(&self, bucket: &str, key: &str) -> Option<(&Pending, Lsn)> {
        let newer = self.gathering.get(bucket, key).map(|pending| (pending, self.gathering.last));
        newer.or_else(|| {
            let batch = self.committing.as_deref()?;
            Some((batch.get(bucket, key)?, batch.last))
        })
    }
}
