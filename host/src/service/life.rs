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
    /// Calls that have ended, well or not; those aside that were given up before, or that
    /// came to nothing of what their client did or the store did not.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Calls that failed or were answered with a status of 500 or more, those aside that
    /// failed of what their client did or the store did not.
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

    /// A trap is an error, too. It is there before who waits for one looks at both:
    /// later, and the last trap of a canary would be looked at by nobody.
    pub(super) fn count_trap(&self) {
        self.traps.fetch_add(1, Ordering::Relaxed);
        self.count_error();
    }

    pub(super) fn count_stopped(&self) {
        self.stopped.fetch_add(1, Ordering::Relaxed);
    }

    /// The revision is being dropped.
    pub(super) fn end(&self) {
        self.ended.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        sync::Arc,
        task::{Context, Poll, Wake, Waker},
    };

    use super::*;

    /// Looks at the figures in the moment when it is woken, as another thread may.
    #[derive(Default)]
    struct Watcher {
        life: Life,
        traps: AtomicU64,
        errors: AtomicU64,
    }

    impl Wake for Watcher {
        fn wake(self: Arc<Self>) {
            self.traps.store(self.life.traps(), Ordering::Relaxed);
            self.errors.store(self.life.errors(), Ordering::Relaxed);
        }
    }

    #[test]
    fn who_is_woken_by_a_trap_finds_it_counted() {
        let watcher = Arc::<Watcher>::default();
        let waker = Waker::from(watcher.clone());
        let mut erred = pin!(watcher.life.erred());
        assert_eq!(erred.as_mut().poll(&mut Context::from_waker(&waker)), Poll::Pending);
        watcher.life.count_trap();
        assert_eq!((watcher.traps.load(Ordering::Relaxed), watcher.errors.load(Ordering::Relaxed)), (1, 1));
    }
}
