//! The messages that wait for one subscriber of an event, and how whoever delivers them
//! learns of new ones.
//!
//! They are in the store. One that was put there is handed over here, too, so that it need
//! not be looked for; in the order of the store's log, which is that of their places and not
//! that in which their writers return. So what a writer hands over waits until all who began
//! before that have returned.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use super::RowKey;

/// The most bytes of messages that are handed over and not taken. What comes beyond is to be
/// read from the store.
const MOST_FRESH: usize = 4 << 20;

/// Where messages are kept, and how many they are.
#[derive(Debug)]
pub struct Queue {
    event: String,
    subscriber: String,
    name: String,
    bucket: String,
    most: AtomicU64,
    /// About how many wait: they are counted once, and then added up. It is below zero for
    /// a moment where one is delivered before it was said to be there.
    waiting: AtomicI64,
    /// Protects what is handed over; held for one operation.
    fresh: Mutex<Fresh>,
    written: Notify,
}

/// Messages on their way from who emits to who delivers.
#[derive(Debug, Default)]
struct Fresh {
    /// The number of the next writer.
    next: u64,
    /// The numbers of those who write now, in their order.
    writing: Vec<u64>,
    handed: Vec<Handed>,
    bytes: usize,
    /// Whether something came that is not here.
    missed: bool,
    /// Whether all that was there before is known to who delivers.
    is_wanted: bool,
}

/// A message that was put into the store.
#[derive(Clone, Debug)]
pub struct Handed {
    /// Its row.
    pub row: RowKey,
    /// What it is, as its row has it.
    pub document: Bytes,
    /// Its place in the store's log.
    place: u64,
    /// The number of the first writer who cannot have a place before it.
    before: u64,
}

/// Somebody who writes messages. When this is dropped others are no longer kept waiting.
#[derive(Debug)]
pub struct Writing<'a> {
    queue: &'a Queue,
    number: u64,
}

impl Queue {
    /// That of a service which subscribes to an interface, for `most` messages.
    pub fn new(event: &str, subscriber: &str, most: u64) -> Queue {
        let name = Queue::name_of(event, subscriber);
        Queue {
            event: event.to_owned(),
            subscriber: subscriber.to_owned(),
            bucket: Queue::bucket_of(&name),
            name,
            most: AtomicU64::new(most),
            waiting: AtomicI64::new(0),
            fresh: Mutex::default(),
            written: Notify::new(),
        }
    }

    /// What the queue of a subscriber is called in the store: the event, a slash and the
    /// subscriber, who has none in its name.
    pub fn name_of(event: &str, subscriber: &str) -> String {
        format!("{event}/{subscriber}")
    }

    /// The bucket of the messages of a queue that is called so. No service can be granted it:
    /// names that a manifest may grant have no colon.
    pub fn bucket_of(name: &str) -> String {
        format!("event:{name}")
    }

    /// What it is called in the store.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The interface, as the manifest has it.
    pub fn event(&self) -> &str {
        &self.event
    }

    /// The service that they are for.
    pub fn subscriber(&self) -> &str {
        &self.subscriber
    }

    /// The bucket of its messages, by [`RowKey`].
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The most messages that may wait.
    pub fn most(&self) -> u64 {
        self.most.load(Ordering::Relaxed)
    }

    /// So many may wait from now on.
    pub fn bound(&self, most: u64) {
        self.most.store(most, Ordering::Relaxed);
    }

    /// About how many wait.
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed).max(0).cast_unsigned()
    }

    /// Whether one more may be emitted.
    pub fn has_room(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) < self.most().cast_signed()
    }

    /// Begin to put messages into the bucket.
    pub fn begin(&self) -> Writing<'_> {
        let mut fresh = self.fresh();
        let number = fresh.next;
        fresh.next += 1;
        fresh.writing.push(number);
        Writing { queue: self, number }
    }

    /// Forget what was handed over by now, which the store has, and have what comes handed
    /// over.
    pub fn discard(&self) {
        let mut fresh = self.fresh();
        fresh.is_wanted = true;
        fresh.missed = false;
        fresh.handed.clear();
        fresh.bytes = 0;
    }

    /// What was handed over and may be delivered, in the order of the log; none if something
    /// was not, so that all of it is to be read from the store.
    pub fn take(&self) -> Option<Vec<Handed>> {
        let mut fresh = self.fresh();
        if fresh.missed {
            return None;
        }
        let first = fresh.writing.first().copied();
        let is_settled = |handed: &&Handed| first.is_none_or(|first| handed.before <= first);
        // Whoever has a place before that of one that is settled is here, too.
        let last = fresh.handed.iter().filter(is_settled).map(|handed| handed.place).max();
        let mut due: Vec<_> = fresh.handed.extract_if(.., |handed| Some(handed.place) <= last).collect();
        fresh.bytes -= due.iter().map(|handed| handed.document.len()).sum::<usize>();
        // Those of one entry have one place, and stay in their order.
        due.sort_by_key(|handed| handed.place);
        Some(due)
    }

    /// Wait until something is put into the bucket, or was since the last wait.
    pub async fn written(&self) {
        self.written.notified().await;
    }

    /// So many of them are there no more.
    pub fn removed(&self, count: u64) {
        self.waiting.fetch_sub(count.cast_signed(), Ordering::Relaxed);
    }

    /// So many were found.
    pub fn counted(&self, count: u64) {
        self.waiting.store(count.cast_signed(), Ordering::Relaxed);
    }

    // Nothing is left half changed by a panic: only memory could run out.
    fn fresh(&self) -> MutexGuard<'_, Fresh> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writing<'_> {
    /// They are in the store. Its log has them at this place, if it says so: then who delivers
    /// need not read it.
    pub fn written(self, place: Option<u64>, rows: impl ExactSizeIterator<Item = (RowKey, Bytes)>) {
        self.queue.waiting.fetch_add((rows.len() as u64).cast_signed(), Ordering::Relaxed);
        let mut fresh = self.queue.fresh();
        let before = fresh.next;
        match place.filter(|_| fresh.is_wanted && fresh.bytes < MOST_FRESH) {
            Some(place) => {
                for (row, document) in rows {
                    fresh.bytes += document.len();
                    fresh.handed.push(Handed { row, document, place, before });
                }
            }
            None => fresh.missed = true,
        }
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let mut fresh = self.queue.fresh();
        fresh.writing.retain(|number| *number != self.number);
        if fresh.missed || !fresh.handed.is_empty() {
            drop(fresh);
            self.queue.written.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::MessageId;

    fn row() -> (RowKey, Bytes) {
        (RowKey { id: MessageId::fresh(), hash: None }, Bytes::from_static(b"{}"))
    }

    fn taken(queue: &Queue) -> Option<Vec<RowKey>> {
        Some(queue.take()?.into_iter().map(|handed| handed.row).collect())
    }

    #[test]
    fn what_is_handed_over_waits_for_who_may_have_come_before() {
        let queue = Queue::new("a:b/c", "d", 10);
        queue.discard();
        let (first, second) = (queue.begin(), queue.begin());
        let (before, after) = (row(), row());
        second.written(Some(6), [after.clone()].into_iter());
        assert_eq!(taken(&queue), Some(vec![]), "the first may have place 5");
        // Who begins later has a later place.
        let third = queue.begin();
        first.written(Some(5), [before.clone()].into_iter());
        assert_eq!(taken(&queue), Some(vec![before.0, after.0]));
        drop(third);
        assert_eq!(taken(&queue), Some(vec![]));
    }

    #[test]
    fn what_is_of_one_entry_stays_in_its_order() {
        let queue = Queue::new("a:b/c", "d", 1000);
        queue.discard();
        let rows: Vec<_> = (0..100).map(|_| row()).collect();
        let (first, second) = (queue.begin(), queue.begin());
        second.written(Some(2), rows[50..].iter().cloned());
        first.written(Some(1), rows[..50].iter().cloned());
        assert_eq!(taken(&queue), Some(rows.into_iter().map(|(row, _)| row).collect()));
    }

    #[test]
    fn what_is_not_wanted_or_has_no_place_is_read_from_the_store() {
        let queue = Queue::new("a:b/c", "d", 10);
        queue.begin().written(Some(1), [row()].into_iter());
        assert_eq!(taken(&queue), None, "nobody wanted it");
        queue.discard();
        queue.begin().written(None, [row()].into_iter());
        // What comes behind it would be out of its order.
        queue.begin().written(Some(3), [row()].into_iter());
        assert_eq!(taken(&queue), None);
        queue.discard();
        assert_eq!(taken(&queue), Some(vec![]));
    }

    #[test]
    fn one_that_is_gone_before_it_was_said_to_be_there_takes_no_room() {
        let queue = Queue::new("a:b/c", "d", 1);
        for _ in 0..3 {
            queue.removed(1);
            queue.begin().written(None, [row()].into_iter());
        }
        assert!(queue.has_room());
        queue.begin().written(None, [row()].into_iter());
        assert!(!queue.has_room());
    }

    #[test]
    fn a_writer_who_gives_up_keeps_nobody_waiting() {
        let queue = Queue::new("a:b/c", "d", 10);
        queue.discard();
        let (first, row) = (queue.begin(), row());
        queue.begin().written(Some(2), [row.clone()].into_iter());
        assert_eq!(taken(&queue), Some(vec![]));
        drop(first);
        assert_eq!(taken(&queue), Some(vec![row.0]));
    }
}
