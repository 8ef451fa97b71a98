//! How many requests an upstream has at once, and how many wait.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places for requests.
pub struct Places {
    free: Arc<Semaphore>,
    /// How many there are; as many may wait.
    most: usize,
    waiting: AtomicUsize,
}

/// A place that a request has, until this is dropped.
pub type Place = OwnedSemaphorePermit;

/// One who waits, until this is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Places {
    /// So many places.
    pub fn new(most: u32) -> Places {
        let most = most as usize;
        Places { free: Arc::new(Semaphore::new(most)), most, waiting: AtomicUsize::new(0) }
    }

    /// A place, as soon as there is one; none if too many wait.
    pub async fn take(&self) -> Option<Place> {
        if let Ok(place) = self.free.clone().try_acquire_owned() {
            return Some(place);
        }
        let waiting = Waiting(&self.waiting);
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.most {
            return None;
        }
        let place = self.free.clone().acquire_owned().await.ok();
        drop(waiting);
        place
    }

    /// How many are taken, and how many wait.
    pub fn taken(&self) -> (usize, usize) {
        (self.most - self.free.available_permits().min(self.most), self.waiting.load(Ordering::Relaxed))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn as_many_wait_as_there_are_places() {
        let places = Arc::new(Places::new(1));
        let first = places.take().await.expect("there is one");
        let second = tokio::spawn({
            let places = places.clone();
            async move { places.take().await.is_some() }
        });
        while places.taken() != (1, 1) {
            tokio::task::yield_now().await;
        }
        assert!(places.take().await.is_none());
        assert_eq!(places.taken(), (1, 1));
        drop(first);
        assert!(second.await.expect("no panic"));
        assert_eq!(places.taken(), (0, 0));
    }
}
