//! What was written and is not durable yet.
//!
//! A write is applied here, in the order of the log, and returns its place in it
//! at once. The writer commits what has gathered as one transaction, and batches one
//! after the other: the disk always holds a prefix of the log. So whatever was
//! derived from a write comes after it, and nobody may be told of either before
//! [`Log::durable`] returns.
//!
//! A commit that fails takes with it all that came after: it is lost, and nothing is
//! written until the database has been opened again.

use std::collections::HashMap;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use self::state::{Patience, Sleep, State};
use super::batch::{Batch, End, Pending};
use crate::store::watermark::{Durability, Lsn, Watermark};
use crate::store::{Change, Guard, StoreError, counter};

mod state;

/// The most bytes, keys and values, that wait to be durable. Writers beyond it wait
/// for room. One write may have 16 MiB.
const MOST_PENDING: usize = 32 << 20;

/// How long a write waits for room: half of the default `limits.deadline`, so that its
/// call can still say why it failed.
const PATIENCE: Duration = Duration::from_secs(5);

/// The log of one database, from where it is not durable.
pub struct Log {
    /// Protects all of it, together; held for one operation.
    state: Mutex<State>,
    /// Wakes the writer, where [`Sleep`] says that it has to be: each time is a call of the
    /// kernel, and a request has several writes.
    changed: Condvar,
    /// The place up to which it is durable, but for what was lost.
    durable: AtomicU64,
    /// Whether anything is pending, so that a snapshot needs no look at it while nothing is.
    pending: AtomicBool,
    /// Whether anything was lost, ever.
    has_lost: AtomicBool,
    /// When the writer takes what gathers.
    patience: Patience,
}

/// What an increment came to.
pub enum Counted {
    /// The new value.
    Sum(u64),
    /// What the database has must be read first, or again.
    Unknown,
}

/// What a guarded write came to.
pub enum Guarded<'a> {
    /// It is at this place.
    Written(Lsn),
    /// The key has another value.
    Refused,
    /// What the database has must be read first, or again; then these are to be made.
    Unknown(Vec<Change<'a>>),
}

impl Log {
    /// An empty log, for a database that gives this id to the next key.
    pub fn new(next_id: u64) -> Log {
        Log {
            state: Mutex::new(State::new(next_id)),
            changed: Condvar::new(),
            durable: AtomicU64::new(0),
            pending: AtomicBool::new(false),
            has_lost: AtomicBool::new(false),
            patience: Patience::default(),
        }
    }

    /// What becomes of a key, or is known to be in the database; none if that has to be
    /// asked. What is found is held against `seen`.
    pub fn get(&self, bucket: &str, key: &str, seen: &Watermark) -> Option<Option<Bytes>> {
        self.state().known(bucket, key, seen)
    }

    /// The same for each of these keys, all at one time; none if one is not known.
    pub fn get_all(&self, bucket: &str, keys: &[String], seen: &Watermark) -> Option<Vec<Option<Bytes>>> {
        let mut state = self.state();
        keys.iter().map(|key| state.known(bucket, key, seen)).collect()
    }

    /// The database had these values at `place`: if it does still, the next readers need
    /// not ask it.
    pub fn remember<'a>(
        &self,
        place: Lsn,
        bucket: &str,
        values: impl IntoIterator<Item = (&'a str, Option<&'a [u8]>)>,
    ) {
        let Some(mut state) = self.state_at(place) else { return };
        for (key, value) in values {
            state.remember(bucket, key, value);
        }
    }

    /// Whether anything is pending.
    pub fn has_pending(&self) -> bool {
        self.pending.load(Ordering::Acquire)
    }

    /// The place up to which the database has everything: take it before a look at
    /// the database that goes with one at what is pending.
    pub fn place(&self) -> Lsn {
        Lsn(self.durable.load(Ordering::Acquire))
    }

    /// A look at what is pending for these keys, if nothing has become durable since
    /// `place`: then a snapshot of the database that was made between lacks nothing.
    pub fn get_many(
        &self,
        place: Lsn,
        bucket: &str,
        keys: &[String],
        seen: &Watermark,
    ) -> Option<Vec<Option<Option<Bytes>>>> {
        let state = self.state_at(place)?;
        Some(keys.iter().map(|key| state.pending(bucket, key, seen)).collect())
    }

    /// The same for all keys of a bucket.
    pub fn keys(&self, place: Lsn, bucket: &str, seen: &Watermark) -> Option<Vec<(String, Pending)>> {
        let state = self.state_at(place)?;
        let older = state.committing.iter().flat_map(|batch| batch.of(bucket));
        let newer = state.gathering.of(bucket);
        let mut keys: HashMap<&str, Pending> = HashMap::new();
        for (key, pending) in older.chain(newer) {
            let merged = match keys.get(key) {
                Some(before) => pending.clone().after(before),
                None => pending.clone(),
            };
            keys.insert(key, merged);
        }
        if !keys.is_empty() {
            seen.raise(state.last);
        }
        Some(keys.into_iter().map(|(key, pending)| (key.to_owned(), pending)).collect())
    }

    /// Makes these changes, all at one place of the log. It waits for room and for nothing
    /// else.
    pub async fn write(&self, changes: Vec<Change<'_>>, seen: &Watermark) -> Result<Option<Lsn>, StoreError> {
        let Some(first) = changes.first() else { return Ok(None) };
        let mut state = self.room(first.bucket, changes.iter().map(Change::size).sum(), seen).await?;
        for Change { bucket, key, value } in changes {
            state.put(bucket, key, value);
        }
        Ok(Some(self.written(state, seen)))
    }

    /// Makes these changes if a key has this value. `stored` is what the database had of it at
    /// a place, if that was asked, and counts as it does for [`Log::increment`].
    pub async fn write_where<'a>(
        &self,
        guard: &Guard<'_>,
        changes: Vec<Change<'a>>,
        stored: Option<(Lsn, Option<Vec<u8>>)>,
        seen: &Watermark,
    ) -> Result<Guarded<'a>, StoreError> {
        let bytes = changes.iter().map(Change::size).sum();
        let mut state = self.room(guard.bucket, bytes, seen).await?;
        let is_held = match (state.known(guard.bucket, guard.key, seen), stored) {
            (Some(value), _) => value.as_deref() == guard.value,
            (None, Some((place, value))) if place == state.durable => value.as_deref() == guard.value,
            (None, _) => return Ok(Guarded::Unknown(changes)),
        };
        if !is_held {
            return Ok(Guarded::Refused);
        }
        for Change { bucket, key, value } in changes {
            state.put(bucket, key, value);
        }
        Ok(Guarded::Written(self.written(state, seen)))
    }

    /// Adds to the counter at a key. `stored` is what the database had at a place, if
    /// that was asked; it counts if the key is not known here and nothing has become
    /// durable since.
    pub async fn increment(
        &self,
        bucket: &str,
        key: &str,
        delta: u64,
        stored: Option<(Lsn, Option<Vec<u8>>)>,
        seen: &Watermark,
    ) -> Result<Counted, StoreError> {
        let mut state = self.room(bucket, key.len(), seen).await?;
        let sum = match (state.known(bucket, key, seen), stored) {
            (Some(value), _) => counter::add(bucket, key, value.as_deref(), delta)?,
            (None, Some((place, value))) if place == state.durable => {
                counter::add(bucket, key, value.as_deref(), delta)?
            }
            (None, _) => return Ok(Counted::Unknown),
        };
        state.put(bucket, key.to_owned(), Some(sum.to_string().into_bytes()));
        self.written(state, seen);
        Ok(Counted::Sum(sum))
    }

    /// Returns when all that was seen is durable, or some of it is known to be lost.
    pub async fn durable(&self, seen: &Watermark) -> Result<(), StoreError> {
        let Some((_, highest)) = seen.span() else { return Ok(()) };
        if highest <= self.place() && !self.has_lost.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut end = {
            let state = self.state();
            if let Some(error) = state.loss(seen) {
                return Err(error.clone());
            }
            if highest <= state.durable {
                return Ok(());
            }
            match &state.committing {
                Some(batch) if highest <= batch.last => batch.end.subscribe(),
                _ => self.gathering_end(state),
            }
        };
        let ended = end.wait_for(Option::is_some).await;
        match ended {
            Ok(end) => end.clone().unwrap_or(Ok(())),
            Err(gone) => Err(StoreError::engine("tell whether a write is durable", gone)),
        }
    }

    /// What has become of what was seen.
    pub fn durability(&self, seen: &Watermark) -> Durability {
        let Some((_, highest)) = seen.span() else { return Durability::Durable };
        if self.has_lost.load(Ordering::Acquire) && self.state().loss(seen).is_some() {
            return Durability::Lost;
        }
        if highest <= self.place() { Durability::Durable } else { Durability::Pending }
    }

    /// Why nothing can be written, if so.
    pub fn health(&self) -> Result<(), StoreError> {
        self.state().failed.clone().map_or(Ok(()), Err)
    }

    /// Takes no more writes.
    pub fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    /// What the writer is to commit next, once it is due; none after the end.
    pub fn next(&self) -> Option<Arc<Batch>> {
        let mut state = self.state();
        while let Some((sleep, patience)) = state.rest(self.patience) {
            state.sleep = sleep;
            state = self.changed.wait_timeout(state, patience).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.sleep = Sleep::No;
        if state.gathering.is_empty() {
            return None;
        }
        let batch = Arc::new(mem::take(&mut state.gathering));
        state.committing = Some(batch.clone());
        Some(batch)
    }

    /// The batch that was taken is durable.
    pub fn committed(&self, batch: &Batch) {
        let mut state = self.state();
        let committed = state.committing.take();
        state.stored(batch);
        self.durable.store(batch.last.0, Ordering::Release);
        self.pending.store(!state.gathering.is_empty(), Ordering::Release);
        drop(state);
        batch.end.send_replace(Some(Ok(())));
        drop(committed);
    }

    /// The batch that was taken is lost, and all that came after it.
    pub fn fail(&self, error: &StoreError) {
        let mut state = self.state();
        let lost = state.durable.0 + 1..state.last.0 + 1;
        state.lost.push((lost, error.clone()));
        self.has_lost.store(true, Ordering::Release);
        self.pass(&mut state);
        state.failed = Some(error.clone());
        // A commit that failed may be in the database all the same.
        state.forget();
        let committing = state.committing.take();
        let gathering = mem::take(&mut state.gathering);
        self.pending.store(false, Ordering::Release);
        drop(state);
        for batch in committing.as_deref().into_iter().chain([&gathering]) {
            batch.end.send_replace(Some(Err(error.clone())));
        }
    }

    /// Nothing can be written still, now because of this.
    pub fn refuse(&self, error: StoreError) {
        if matches!(error, StoreError::Displaced { .. }) {
            self.state().failed = Some(error);
        }
    }

    /// The database was opened again; this id is free in it.
    pub fn recover(&self, next_id: u64) {
        let mut state = self.state();
        state.next_id = state.next_id.max(next_id);
        state.failed = None;
        // What was read of the database before counts no more.
        state.forget();
        state.last.0 += 1;
        self.pass(&mut state);
    }

    /// Waits a while. Whether it is still open then.
    pub fn pause(&self, patience: Duration) -> bool {
        let state = self.state();
        let paused = self.changed.wait_timeout_while(state, patience, |state| !state.closed);
        !paused.unwrap_or_else(PoisonError::into_inner).0.closed
    }

    /// The state, when so many bytes may be added. Who has seen what was lost adds nothing:
    /// it may be derived from that, and would be there without it.
    async fn room(&self, bucket: &str, bytes: usize, seen: &Watermark) -> Result<MutexGuard<'_, State>, StoreError> {
        let patience = Instant::now() + PATIENCE;
        loop {
            let mut end = {
                let state = self.state();
                if state.closed {
                    return Err(StoreError::Closed { bucket: bucket.to_owned() });
                }
                if let Some(error) = state.failed.as_ref().or_else(|| state.loss(seen)) {
                    return Err(error.clone());
                }
                let pending = state.gathering.bytes + state.committing.as_ref().map_or(0, |batch| batch.bytes);
                if pending == 0 || pending + bytes <= MOST_PENDING {
                    return Ok(state);
                }
                match &state.committing {
                    Some(batch) => batch.end.subscribe(),
                    None => self.gathering_end(state),
                }
            };
            // However it ended: the next look tells.
            if timeout_at(patience, end.wait_for(Option::is_some)).await.is_err() {
                let bucket = bucket.to_owned();
                return Err(StoreError::Behind { bucket, most: MOST_PENDING, waited: PATIENCE });
            }
        }
    }

    fn written(&self, mut state: MutexGuard<'_, State>, seen: &Watermark) -> Lsn {
        state.last.0 += 1;
        let lsn = state.last;
        state.gathering.last = lsn;
        self.pending.store(true, Ordering::Release);
        self.wake(state, |sleep| sleep == Sleep::UntilWritten);
        seen.raise(lsn);
        lsn
    }

    /// The end of what gathers, for one more who waits for it.
    fn gathering_end(&self, state: MutexGuard<'_, State>) -> watch::Receiver<End> {
        let end = state.gathering.end.subscribe();
        let waiters = state.gathering.waiters();
        self.wake(state, |sleep| matches!(sleep, Sleep::UntilAwaited { by } if by <= waiters));
        end
    }

    /// Wakes the writer out of such a sleep, once.
    fn wake(&self, mut state: MutexGuard<'_, State>, is_over: impl FnOnce(Sleep) -> bool) {
        let wakes = is_over(state.sleep);
        if wakes {
            state.sleep = Sleep::No;
        }
        drop(state);
        if wakes {
            self.changed.notify_one();
        }
    }

    /// Goes on behind the last write.
    fn pass(&self, state: &mut State) {
        state.durable = state.last;
        self.durable.store(state.last.0, Ordering::Release);
    }

    fn state_at(&self, place: Lsn) -> Option<MutexGuard<'_, State>> {
        Some(self.state()).filter(|state| state.durable == place)
    }

    // Nothing is left half changed by a panic: only memory could run out.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
