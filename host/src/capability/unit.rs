//! A unit of work: what a call of an atomic service writes, kept with the call.
//!
//! The call's own reads see it, nobody else does. When the call has ended well it is
//! appended to the store as one entry of its log, which no commit splits; a unit that is
//! dropped before leaves nothing. Through links to other atomic services goes a unit of
//! its own, which sees that of its caller and becomes a part of it when its call has ended
//! well: a request over several services is one entry, and what a call wrote that was given
//! up is not in it.
//!
//! It is no snapshot: what the call reads beside it is what the store has then, and of two
//! calls that change the same key the later one to end has the last word. Who must know
//! that he is the only one counts: an increment acts at once.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use thiserror::Error;

use self::kept::{Kept, Next, Size};
use crate::message::{Queue, RowKey};
use crate::store::{BucketStore, Change, Entry, Guard, KeyPage, Lsn, StoreError, Watermark};

mod kept;

/// The most keys that one unit changes.
pub const MOST_KEYS: usize = 10_000;

/// The most bytes, of keys and values together, that one unit keeps.
pub const MOST_BYTES: usize = 16 * 1024 * 1024;

/// What a call writes, until it ends.
#[derive(Debug, Default)]
pub struct Unit {
    /// That of the call which made this one, whose part it is to become.
    callers: Option<Arc<Unit>>,
    /// Whether the call has seen something of that.
    has_seen_callers: AtomicBool,
    /// Protects all of it, together; held for one operation.
    kept: Mutex<Kept>,
    /// Whether the store has it.
    is_appended: AtomicBool,
    /// What must be durable for it to be so, once the store has it.
    seen: Watermark,
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
    /// That of a call which another one makes.
    pub fn within(callers: Arc<Unit>) -> Unit {
        Unit { callers: Some(callers), ..Unit::default() }
    }

    /// Whether it has changed nothing.
    pub fn is_empty(&self) -> bool {
        self.kept().size.keys == 0
    }

    /// Whether its call can remember nothing of what may never be kept: it has changed
    /// nothing, and seen no change of those who called it.
    pub fn leaves_no_trace(&self) -> bool {
        self.is_empty() && !self.has_seen_callers.load(Ordering::Acquire)
    }

    /// Take nothing from now on, for the call's answer is on its way; whether it has
    /// nothing that the answer would have to wait for.
    pub fn seal(&self) -> bool {
        let mut kept = self.kept();
        let is_empty = kept.size.keys == 0;
        if is_empty {
            kept.closed.get_or_insert(Refused::Answered);
        }
        is_empty
    }

    /// Make these changes, all or none.
    pub fn write(&self, changes: Vec<Change<'_>>) -> Result<(), Refused> {
        let beside = self.beside()?;
        let mut kept = self.kept();
        kept.admit(beside, changes.len(), changes.iter().map(Change::size).sum())?;
        changes.into_iter().for_each(|change| kept.put(change));
        Ok(())
    }

    /// Put a message into these queues.
    pub fn emit(&self, queues: &[Arc<Queue>], row: RowKey, document: &Bytes) -> Result<(), Refused> {
        let beside = self.beside()?;
        let mut kept = self.kept();
        kept.admit(beside, queues.len(), queues.len() * document.len())?;
        queues.iter().for_each(|queue| kept.emit(queue, [(row, document.clone())]));
        Ok(())
    }

    /// How much its callers' keep, unless one of them takes nothing any more.
    fn beside(&self) -> Result<Size, Refused> {
        match &self.callers {
            Some(callers) => {
                let beside = callers.beside()?;
                callers.kept().open(beside)
            }
            None => Ok(Size::default()),
        }
    }

    /// Whether a counter may be added to.
    pub fn may_increment(&self, bucket: &str, key: &str) -> Result<(), Refused> {
        match self.get(bucket, key) {
            Some(_) => Err(Refused::Counter),
            None => Ok(()),
        }
    }

    /// What the call, or one that led to it, has made of a key; none if they have not
    /// changed it.
    pub fn get(&self, bucket: &str, key: &str) -> Option<Option<Vec<u8>>> {
        let own = self.kept().of(bucket).and_then(|keys| keys.get(key)).map(|next| next.value.clone());
        own.or_else(|| self.callers_get(bucket, key))
    }

    fn callers_get(&self, bucket: &str, key: &str) -> Option<Option<Vec<u8>>> {
        let found = self.callers.as_ref()?.get(bucket, key)?;
        self.has_seen_callers.store(true, Ordering::Release);
        Some(found)
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
        let own: Vec<_> = keys.iter().map(|key| self.get(bucket, key)).collect();
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
        let mut page = match &self.callers {
            Some(callers) => Box::pin(callers.list_keys(store, bucket, cursor, seen)).await?,
            None => store.list_keys(bucket, cursor, seen).await?,
        };
        if self.callers.as_ref().is_some_and(|callers| callers.has_changed(bucket)) {
            self.has_seen_callers.store(true, Ordering::Release);
        }
        let changed: Vec<(String, bool, bool)> = {
            let kept = self.kept();
            let keys = kept.of(bucket).into_iter().flatten();
            let told = |(key, next): (&String, &Next)| (key.clone(), next.value.is_some(), next.anew);
            keys.map(told).collect()
        };
        if changed.is_empty() {
            return Ok(page);
        }
        let gone: HashSet<&String> =
            changed.iter().filter(|(_, set, anew)| !set || *anew).map(|(key, ..)| key).collect();
        page.keys.retain(|key| !gone.contains(key));
        if page.cursor.is_none() {
            for (key, _, anew) in changed.iter().filter(|(_, set, _)| *set) {
                if *anew || !self.was_there(store, bucket, key, seen).await? {
                    page.keys.push(key.clone());
                }
            }
        }
        Ok(page)
    }

    /// Whether a key was there before this call changed it.
    async fn was_there(
        &self,
        store: &dyn BucketStore,
        bucket: &str,
        key: &str,
        seen: &Watermark,
    ) -> Result<bool, StoreError> {
        match self.callers_get(bucket, key) {
            Some(value) => Ok(value.is_some()),
            None => store.exists(bucket, key, seen).await,
        }
    }

    fn has_changed(&self, bucket: &str) -> bool {
        self.kept().of(bucket).is_some() || self.callers.as_ref().is_some_and(|callers| callers.has_changed(bucket))
    }

    /// The unit of the caller, if it is to be a part of one.
    pub fn callers(&self) -> Option<&Unit> {
        self.callers.as_deref()
    }

    /// Become a part of the caller's unit. It takes nothing from then on, and has nothing.
    pub fn join(&self, callers: &Unit) -> Result<(), Refused> {
        let own = self.take();
        let beside = callers.beside()?;
        let mut kept = callers.kept();
        kept.admit(beside, own.size.keys, own.size.bytes)?;
        own.changes().into_iter().for_each(|change| kept.put(change));
        own.emitted.into_iter().for_each(|(queue, messages)| kept.emit(&queue, messages));
        Ok(())
    }

    /// Make these changes with it, whatever its bounds, and take nothing from then on.
    pub fn conclude(&self, changes: Vec<Change<'_>>) {
        let mut kept = self.kept();
        changes.into_iter().for_each(|change| kept.put(change));
        kept.closed = Some(Refused::Ended);
    }

    /// Append all of it to the store, as one entry of its log. It takes nothing from then
    /// on, and has nothing.
    pub async fn append(&self, store: &dyn BucketStore, seen: &Watermark) -> Result<(), StoreError> {
        self.append_where(None, store, seen).await.map(drop)
    }

    /// The same, if this guard is held, where hosts share the store; otherwise it leaves
    /// nothing. Whether it was.
    pub async fn append_where(
        &self,
        guard: Option<Guard<'_>>,
        store: &dyn BucketStore,
        seen: &Watermark,
    ) -> Result<bool, StoreError> {
        let own = self.take();
        let mut changes = own.changes();
        changes.extend(own.emitted.iter().flat_map(|(queue, messages)| rows(queue, messages)));
        let writing: Vec<_> = own.emitted.iter().map(|(queue, _)| queue.begin()).collect();
        // What it rests on must not be lost, or nothing of it is kept.
        self.seen.include(seen);
        let written = match guard {
            Some(guard) => store.write_where(guard, changes, &self.seen).await?,
            None => Some(store.write(changes, &self.seen).await?),
        };
        let Some(place) = written else { return Ok(false) };
        let place = place.map(Lsn::number);
        for (writing, (_, messages)) in writing.into_iter().zip(&own.emitted) {
            writing.written(place, messages.iter().cloned());
        }
        seen.include(&self.seen);
        self.is_appended.store(true, Ordering::Release);
        Ok(true)
    }

    /// What must be durable before anybody is told of what it changed; none while the store
    /// does not have it, and may never.
    pub fn seen(&self) -> Option<&Watermark> {
        match &self.callers {
            Some(callers) => callers.seen(),
            None => self.is_appended.load(Ordering::Acquire).then_some(&self.seen),
        }
    }

    /// All that it has, which it has no more.
    fn take(&self) -> Kept {
        std::mem::replace(&mut *self.kept(), Kept::closed(Refused::Ended))
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

#[cfg(test)]
mod tests;
