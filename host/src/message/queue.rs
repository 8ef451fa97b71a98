//! The messages that wait for one subscriber of an event.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// Where they are kept, and how many they are. Whoever emits puts a row into its bucket,
/// and says so; who delivers waits for that.
#[derive(Debug)]
pub struct Queue {
    event: String,
    subscriber: String,
    bucket: String,
    most: u64,
    /// About how many wait: it is counted once, and then added up.
    waiting: AtomicU64,
    written: Notify,
}

impl Queue {
    /// That of a service which subscribes to an interface, for `most` messages.
    pub fn new(event: &str, subscriber: &str, most: u64) -> Queue {
        Queue {
            event: event.to_owned(),
            subscriber: subscriber.to_owned(),
            bucket: format!("event:{event}/{subscriber}"),
            most,
            waiting: AtomicU64::new(0),
            written: Notify::new(),
        }
    }

    /// The interface, as the manifest has it.
    pub fn event(&self) -> &str {
        &self.event
    }

    /// The service that they are for.
    pub fn subscriber(&self) -> &str {
        &self.subscriber
    }

    /// The bucket of its messages, by [`RowKey`](super::RowKey). No service can be granted
    /// it: names that a manifest may grant have no colon.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The most messages that may wait.
    pub fn most(&self) -> u64 {
        self.most
    }

    /// Whether one more may be emitted.
    pub fn has_room(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) < self.most
    }

    /// So many were put into the bucket.
    pub fn added(&self, count: u64) {
        self.waiting.fetch_add(count, Ordering::Relaxed);
        self.written.notify_one();
    }

    /// One of them is there no more.
    pub fn removed(&self) {
        // Whoever counted may have missed one that came meanwhile.
        let _ = self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_sub(1));
    }

    /// So many were found.
    pub fn counted(&self, count: u64) {
        self.waiting.store(count, Ordering::Relaxed);
    }

    /// Wait until something is put into the bucket, or was since the last wait.
    pub async fn written(&self) {
        self.written.notified().await;
    }
}
