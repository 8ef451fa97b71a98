//! What is known of a revision while it serves, and after it is gone.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::Notify;

/// Counts of one revision, and its end. Shared with whoever waits for that.
#[derive(Debug, Default)]
pub struct Life {
    calls: AtomicU64,
    errors: AtomicU64,
    traps: AtomicU64,
    stopped: AtomicU64,
    is_stopped: AtomicBool,
    stop: Notify,
    erred: Notify,
    ended: Notify,
}

impl Life {
    /// Calls that were begun.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Calls that failed or were answered with a status of 500 or more.
    pub fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    /// Calls that the component did not end by itself, those aside that failed
    /// behind a link.
    pub fn traps(&self) -> u64 {
        self.traps.load(Ordering::Relaxed)
    }

    /// Calls that [`Life::stop`] ended.
    pub fn stopped(&self) -> u64 {
        self.stopped.load(Ordering::Relaxed)
    }

    /// End every call that is left, and those that wait for an instance as soon
    /// as they have one.
    pub fn stop(&self) {
        self.is_stopped.store(true, Ordering::SeqCst);
        self.stop.notify_waiters();
    }

    /// Wait until the revision is gone: it answers no new call, and its last one
    /// has ended. For one that waits; it may begin to wait later.
    pub async fn ended(&self) {
        self.ended.notified().await;
    }

    /// Wait for an error, or return at once if there was one since the last wait.
    pub async fn erred(&self) {
        self.erred.notified().await;
    }

    /// Wait until it is to stop.
    pub(super) async fn until_stop(&self) {
        // Made before the look, so that no stop is missed between.
        let stop = self.stop.notified();
        if !self.is_stopped.load(Ordering::SeqCst) {
            stop.await;
        }
    }

    pub(super) fn count_call(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_error(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed);
        self.erred.notify_one();
    }

    pub(super) fn count_trap(&self) {
        self.traps.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_stopped(&self) {
        self.stopped.fetch_add(1, Ordering::Relaxed);
    }

    /// The revision is being dropped.
    pub(super) fn end(&self) {
        self.ended.notify_one();
    }
}
