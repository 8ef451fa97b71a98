//! A unit of work: what a call of an atomic service writes, kept with the call.
//!
//! The call's own reads see it, nobody else does. When the call has ended well it is
//! appended to the store as one entry of its log, which no commit splits; a unit that is
//! dropped before leaves nothing. It goes with the call through links to other atomic
//! services, so that a request over several of them is one entry.
//!
//! It is no snapshot: what the call reads beside it is what the store has then, and of two
//! calls that change the same key the later one to end has the last word. Who must know
//! that he is the only one counts: an increment acts at once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hashlink::LinkedHashMap;
use thiserror::Error;

use crate::message::{Queue, RowKey};
use crate::store::{BucketStore, Change, Entry, KeyPage, Lsn, StoreError, Watermark};

/// The most keys that one unit changes.
pub const MOST_KEYS: usize = 10_000;

/// The most bytes, of keys and values together, that one unit keeps.
pub const MOST_BYTES: usize = 16 * 1024 * 1024;

/// What a call writes, until it ends.
#[derive(Debug, Default)]
pub struct Unit {
    /// Protects all of it, together; held for one operation.
    kept: Mutex<Kept>,
    /// Whether the store has it.
    is_appended: AtomicBool,
    /// What must be durable for it to be so, once the store has it.
    seen: Watermark,
}

#[derive(Debug, Default)]
struct Kept {
    /// By bucket, in the order in which keys were first set: that of listings.
    buckets: HashMap<Arc<str>, LinkedHashMap<String, Next>>,
    /// What the call emits, by the queue that it goes to.
    emitted: Vec<(Arc<Queue>, Vec<(RowKey, Bytes)>)>,
    keys: usize,
    bytes: usize,
    /// How often something was changed.
    writes: u64,
    /// Why it takes nothing any more.
    closed: Option<Refused>,
}

/// What becomes of a key.
#[derive(Clone, Debug)]
struct Next {
    /// None if it is deleted.
    value: Option<Vec<u8>>,
    /// Whether it was deleted before it was set, so that its place in listings is the last.
    anew: bool,
}

/// Why a unit does not take a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// See [`MOST_KEYS`].
    #[error("a call of an atomic service may change at most {MOST_KEYS} keys")]
    Keys,
    /// See [`MOST_BYTES`].
    #[error("a call of an atomic service may write at most {MOST_BYTES} bytes, keys and values together")]
    Bytes,
    /// An increment acts at once, on what the store has, and not on what the call keeps.
    #[error("an atomic service cannot increment a key that it has set or deleted in the same call")]
    Counter,
    /// The answer is on its way.
    #[error("a call of an atomic service cannot write once its answer is sent, which begins after 1 MiB of it")]
    Answered,
    /// It was appended.
    #[error("the call that this write belongs to has ended")]
    Ended,
}

impl Unit {
    /// Whether it has changed nothing.
    pub fn is_empty(&self) -> bool {
        self.kept().keys == 0
    }

    /// How often it was changed.
    pub fn writes(&self) -> u64 {
        self.kept().writes
    }

    /// Take nothing from now on, for the call's answer is on its way; whether it has
    /// nothing that the answer would have to wait for.
    pub fn seal(&self) -> bool {
        let mut kept = self.kept();
        let is_empty = kept.keys == 0;
        if is_empty {
            kept.closed.get_or_insert(Refused::Answered);
        }
        is_empty
    }

    /// Make these changes, all or none.
    pub fn write(&self, changes: Vec<Change<'_>>) -> Result<(), Refused> {
        let mut kept = self.kept();
        kept.admit(changes.len(), changes.iter().map(Change::size).sum())?;
        for Change { bucket, key, value } in changes {
            kept.put(bucket, key, value);
        }
        Ok(())
    }

    /// Put a message into these queues.
    pub fn emit(&self, queues: &[Arc<Queue>], row: RowKey, document: &Bytes) -> Result<(), Refused> {
        let mut kept = self.kept();
        kept.admit(queues.len(), queues.len() * document.len())?;
        kept.keys += queues.len();
        for queue in queues {
            let message = (row, document.clone());
            match kept.emitted.iter_mut().find(|(other, _)| Arc::ptr_eq(other, queue)) {
                Some((_, messages)) => messages.push(message),
                None => kept.emitted.push((queue.clone(), vec![message])),
            }
        }
        Ok(())
    }

    /// Whether a counter may be added to.
    pub fn may_increment(&self, bucket: &str, key: &str) -> Result<(), Refused> {
        let kept = self.kept();
        match kept.of(bucket).is_some_and(|keys| keys.contains_key(key)) {
            true => Err(Refused::Counter),
            false => Ok(()),
        }
    }

    /// What the call has made of a key; none if it has not changed it.
    pub fn get(&self, bucket: &str, key: &str) -> Option<Option<Vec<u8>>> {
        self.kept().of(bucket)?.get(key).map(|next| next.value.clone())
    }

    /// What [`BucketStore::get_many`] answers, with what the call has changed.
    pub async fn get_many(
        &self,
        store: &dyn BucketStore,
        bucket: &str,
        keys: Vec<String>,
        most: usize,
        seen: &Watermark,
    ) -> Result<Vec<Option<Entry>>, StoreError> {
        let own: Vec<_> = {
            let kept = self.kept();
            let changed = kept.of(bucket);
            keys.iter().map(|key| changed?.get(key).map(|next| next.value.clone())).collect()
        };
        let count = keys.len();
        let bytes: usize =
            keys.iter().zip(&own).filter_map(|(key, own)| Some(key.len() + own.as_ref()?.as_ref()?.len())).sum();
        let Some(most) = most.checked_sub(bytes) else { return Err(StoreError::too_much(bucket, count, most)) };
        let others = keys.iter().zip(&own).filter(|(_, own)| own.is_none()).map(|(key, _)| key.clone()).collect();
        let mut others = store.get_many(bucket, others, most, seen).await?.into_iter();
        let found = keys.into_iter().zip(own).map(|(key, own)| match own {
            Some(value) => Some((key, value?)),
            None => others.next().flatten(),
        });
        Ok(found.collect())
    }

    /// What [`BucketStore::list_keys`] answers, with what the call has changed: keys that
    /// are new are on the last page, which may be longer for them.
    pub async fn list_keys(
        &self,
        store: &dyn BucketStore,
        bucket: &str,
        cursor: Option<u64>,
        seen: &Watermark,
    ) -> Result<KeyPage, StoreError> {
        let mut page = store.list_keys(bucket, cursor, seen).await?;
        let changed: Vec<(String, bool, bool)> = {
            let kept = self.kept();
            let keys = kept.of(bucket).into_iter().flatten();
            let told = |(key, next): (&String, &Next)| (key.clone(), next.value.is_some(), next.anew);
            keys.map(told).collect()
        };
        if changed.is_empty() {
            return Ok(page);
        }
        let gone = |key: &String| changed.iter().any(|(other, set, anew)| other == key && (!set || *anew));
        page.keys.retain(|key| !gone(key));
        if page.cursor.is_none() {
            for (key, _, anew) in changed.into_iter().filter(|(_, set, _)| *set) {
                if anew || !store.exists(bucket, &key, seen).await? {
                    page.keys.push(key);
                }
            }
        }
        Ok(page)
    }

    /// Make these changes with it, whatever its bounds, and take nothing from then on.
    pub fn conclude(&self, changes: Vec<Change<'_>>) {
        let mut kept = self.kept();
        for Change { bucket, key, value } in changes {
            kept.put(bucket, key, value);
        }
        kept.closed = Some(Refused::Ended);
    }

    /// Append all of it to the store, as one entry of its log. It takes nothing from then
    /// on, and has nothing.
    pub async fn append(&self, store: &dyn BucketStore, seen: &Watermark) -> Result<(), StoreError> {
        let Kept { buckets, emitted, keys, .. } = {
            let mut kept = self.kept();
            let ended = Kept { closed: Some(Refused::Ended), ..Kept::default() };
            std::mem::replace(&mut *kept, ended)
        };
        let (names, keys_of): (Vec<_>, Vec<_>) = buckets.into_iter().unzip();
        let mut changes = Vec::with_capacity(keys);
        for (bucket, keys) in names.iter().zip(keys_of) {
            for (key, Next { value, anew }) in keys {
                if anew {
                    changes.push(Change { bucket, key: key.clone(), value: None });
                }
                changes.push(Change { bucket, key, value });
            }
        }
        changes.extend(emitted.iter().flat_map(|(queue, messages)| rows(queue, messages)));
        let writing: Vec<_> = emitted.iter().map(|(queue, _)| queue.begin()).collect();
        let place = store.write(changes, &self.seen).await?.map(Lsn::number);
        for (writing, (_, messages)) in writing.into_iter().zip(&emitted) {
            writing.written(place, messages.iter().cloned());
        }
        seen.include(&self.seen);
        self.is_appended.store(true, Ordering::Release);
        Ok(())
    }

    /// What must be durable before anybody is told of what it changed; none while the store
    /// does not have it, and may never.
    pub fn seen(&self) -> Option<&Watermark> {
        self.is_appended.load(Ordering::Acquire).then_some(&self.seen)
    }

    // Nothing is left half changed by a panic: only memory could run out.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Messages as they are put into a queue's bucket.
pub(super) fn rows<'a>(queue: &'a Queue, messages: &'a [(RowKey, Bytes)]) -> impl Iterator<Item = Change<'a>> {
    let bucket = queue.bucket();
    messages.iter().map(move |(row, document)| Change { bucket, key: row.to_string(), value: Some(document.to_vec()) })
}

impl Kept {
    /// Count so many keys, of so many bytes with their values, if there is room for them.
    /// Keys that are there already count again: what is bounded need not be exact.
    fn admit(&mut self, keys: usize, bytes: usize) -> Result<(), Refused> {
        match self.closed {
            Some(why) => return Err(why),
            None if self.keys + keys > MOST_KEYS => return Err(Refused::Keys),
            None if self.bytes + bytes > MOST_BYTES => return Err(Refused::Bytes),
            None => {}
        }
        self.bytes += bytes;
        self.writes += 1;
        Ok(())
    }

    fn of(&self, bucket: &str) -> Option<&LinkedHashMap<String, Next>> {
        self.buckets.get(bucket)
    }

    fn put(&mut self, bucket: &str, key: String, value: Option<Vec<u8>>) {
        let keys = match self.buckets.get_mut(bucket) {
            Some(keys) => keys,
            None => self.buckets.entry(bucket.into()).or_default(),
        };
        match keys.get_mut(&key) {
            Some(next) => {
                let anew = value.is_some() && (next.anew || next.value.is_none());
                let moved = anew && next.value.is_none();
                *next = Next { value, anew };
                if moved {
                    keys.to_back(&key);
                }
            }
            None => {
                self.keys += 1;
                keys.insert(key, Next { value, anew: false });
            }
        }
    }
}
