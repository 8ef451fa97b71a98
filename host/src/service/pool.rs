//! A pool of items of which each serves one call at a time.
//!
//! The pool knows nothing of wasm. It keeps idle items for reuse (the last one
//! given back first, as it is warmest), has a maximum of leases, and serves those
//! who wait in the order in which they came, as long as they have patience.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Instant,
};

use tokio::sync::{Notify, Semaphore, futures::Notified};

/// Items kept for reuse, at most `capacity` of them leased at once.
#[derive(Debug)]
pub struct Pool<T> {
    /// Protects only the list; held for a push or a pop.
    idle: Mutex<Vec<T>>,
    permits: Semaphore,
    /// Told of each lease that ends and each item that is added.
    ended: Notify,
    capacity: u32,
    /// How many wait for a lease.
    waiting: AtomicUsize,
    /// Looked at and changed while `idle` is held.
    is_retired: AtomicBool,
}

/// The right to one item until it is dropped. An item that is marked with
/// [`Lease::keep`] goes back to the pool then; any other is dropped, since a call
/// that was cancelled or trapped leaves its instance in no usable state.
#[derive(Debug)]
pub struct Lease<T> {
    pool: Arc<Pool<T>>,
    item: Option<T>,
    keep: bool,
}

/// How long somebody waits for a lease, and in how long a line.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Not beyond this.
    pub until: Instant,
    /// Not behind so many or more.
    pub line: usize,
}

/// Why somebody has no lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unleased {
    /// There was none in time.
    InVain,
    /// So many wait already.
    Behind(usize),
}

/// The pool had nothing to lease until the deadline.
#[derive(Debug, thiserror::Error)]
#[error("all {0} instances stayed busy until the deadline")]
pub struct Exhausted(pub u32);

impl<T> Pool<T> {
    /// An empty pool.
    pub fn new(capacity: u32) -> Arc<Self> {
        let permits = Semaphore::new(capacity as usize);
        Arc::new(Pool {
            idle: Mutex::default(),
            permits,
            ended: Notify::new(),
            capacity,
            waiting: AtomicUsize::new(0),
            is_retired: AtomicBool::new(false),
        })
    }

    /// Wait for a lease. It holds an idle item where there is one, of those that suit if
    /// any does; otherwise whoever leases it makes the item.
    pub async fn lease(self: &Arc<Self>, patience: Patience, suits: impl Fn(&T) -> bool) -> Result<Lease<T>, Unleased> {
        // A timer is made only for those who must wait.
        let permit = match self.permits.try_acquire() {
            Ok(permit) => permit,
            Err(_) => {
                let _place = Place::take(&self.waiting, patience.line)?;
                let wait = tokio::time::timeout_at(patience.until.into(), self.permits.acquire()).await;
                wait.ok().and_then(Result::ok).ok_or(Unleased::InVain)?
            }
        };
        permit.forget(); // given back when the lease is dropped
        let item = {
            let mut idle = self.idle();
            match idle.iter().rposition(suits) {
                Some(place) => Some(idle.remove(place)),
                None => idle.pop(),
            }
        };
        Ok(Lease { pool: self.clone(), item, keep: false })
    }

    /// Keep no item any more: what is idle is dropped, and what is leased when it is
    /// given back.
    pub fn retire(&self) {
        let idle = {
            let mut idle = self.idle();
            self.is_retired.store(true, Ordering::Relaxed);
            std::mem::take(&mut *idle)
        };
        drop(idle);
    }

    /// Wait until there is no lease.
    pub async fn until_idle(&self) {
        loop {
            // Made before the look, so that none is missed between.
            let ended = self.ended.notified();
            if self.busy_count() == 0 {
                return;
            }
            ended.await;
        }
    }

    /// Put in an item that was made beside a lease's own.
    pub fn add(&self, item: T) {
        self.idle().push(item);
        self.ended.notify_waiters();
    }

    /// An idle item for a lease that has none.
    pub fn take(&self) -> Option<T> {
        self.idle().pop()
    }

    /// Wait for the next lease to end or item to be added.
    pub fn changed(&self) -> Notified<'_> {
        self.ended.notified()
    }

    /// How many idle items are such.
    pub fn count(&self, such: impl Fn(&T) -> bool) -> usize {
        self.idle().iter().filter(|item| such(item)).count()
    }

    /// How many items wait for use.
    pub fn idle_count(&self) -> usize {
        self.idle().len()
    }

    /// How many leases there are.
    pub fn busy_count(&self) -> usize {
        (self.capacity as usize).saturating_sub(self.permits.available_permits())
    }

    fn idle(&self) -> MutexGuard<'_, Vec<T>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Patience {
    /// That of whoever waits until then, in any line.
    pub fn until(until: Instant) -> Patience {
        Patience { until, line: usize::MAX }
    }
}

/// A place in the line, given back when it is dropped.
struct Place<'a>(&'a AtomicUsize);

impl Place<'_> {
    fn take(waiting: &AtomicUsize, line: usize) -> Result<Place<'_>, Unleased> {
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        let place = Place(waiting);
        if before < line { Ok(place) } else { Err(Unleased::Behind(before)) }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<T> Lease<T> {
    /// The leased item, unless there was none and none was put here.
    pub fn item(&mut self) -> Option<&mut T> {
        self.item.as_mut()
    }

    /// Fill an empty lease.
    pub fn put(&mut self, item: T) -> &mut T {
        self.item.insert(item)
    }

    /// Drop the item, which serves no more.
    pub fn clear(&mut self) {
        self.item = None;
    }

    /// Give the item back to the pool when the lease ends.
    pub fn keep(&mut self) {
        self.keep = true;
    }

    /// Have it dropped all the same.
    pub fn forsake(&mut self) {
        self.keep = false;
    }

    /// Whether [`Lease::keep`] was called.
    pub fn is_kept(&self) -> bool {
        self.keep
    }
}

impl<T> Drop for Lease<T> {
    fn drop(&mut self) {
        // The item goes back before the permit, so that who comes next finds it;
        // one that is not kept is gone before another can be made in its place.
        let mut idle = self.pool.idle();
        match self.item.take() {
            Some(item) if self.keep && !self.pool.is_retired.load(Ordering::Relaxed) => idle.push(item),
            item => {
                drop(idle);
                drop(item);
            }
        }
        self.pool.permits.add_permits(1);
        self.pool.ended.notify_waiters();
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use std::time::Duration;

    use super::*;

    fn soon() -> Patience {
        Patience::until(tokio::time::Instant::now().into_std() + Duration::from_secs(1))
    }

    async fn lease(pool: &Arc<Pool<u32>>) -> Lease<u32> {
        pool.lease(soon(), |_| true).await.expect("there is room")
    }

    #[tokio::test]
    async fn the_item_given_back_last_is_leased_first() {
        let pool = Pool::new(2);
        [1, 2].into_iter().for_each(|item| pool.add(item));
        assert_eq!(pool.idle_count(), 2);
        assert_eq!(lease(&pool).await.item(), Some(&mut 2));
    }

    #[tokio::test]
    async fn of_those_that_suit_the_one_given_back_last_is_leased_first() {
        let pool = Pool::new(4);
        [1, 2, 3, 4].into_iter().for_each(|item| pool.add(item));
        let small = async || pool.lease(soon(), |item| *item < 3).await.expect("there is room");
        let mut leases = [small().await, small().await, small().await];
        assert_eq!(leases.each_mut().map(|lease| *lease.item().expect("an item")), [2, 1, 4]);
    }

    #[tokio::test]
    async fn an_item_that_is_not_kept_is_dropped() {
        let pool = Pool::new(1);
        lease(&pool).await.put(7);
        assert_eq!((pool.idle_count(), pool.busy_count()), (0, 0));
        assert_eq!(lease(&pool).await.item(), None);
    }

    #[tokio::test]
    async fn a_pool_that_is_retired_keeps_nothing() {
        let pool = Pool::new(2);
        pool.add(1);
        let mut leased = lease(&pool).await;
        pool.add(2);
        pool.retire();
        assert_eq!(pool.idle_count(), 0);
        assert_eq!(leased.item(), Some(&mut 1));
        leased.keep();
        drop(leased);
        assert_eq!((pool.idle_count(), pool.busy_count()), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_at_the_deadline() {
        let pool = Pool::new(1);
        let held = lease(&pool).await;
        assert_eq!(pool.lease(soon(), |_| true).await.expect_err("none is free"), Unleased::InVain);
        drop(held);
        assert_eq!(pool.busy_count(), 0);
        lease(&pool).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_pool_is_idle_when_its_last_lease_ends() {
        let pool = Pool::new(2);
        let wait = || tokio::time::timeout(Duration::from_secs(1), pool.until_idle());
        let (first, second) = (lease(&pool).await, lease(&pool).await);
        for held in [first, second] {
            assert!(wait().await.is_err());
            drop(held);
        }
        assert!(wait().await.is_ok());
        assert_eq!(pool.busy_count(), 0, "to wait takes nothing");
    }

    #[tokio::test]
    async fn those_who_wait_are_served_in_order() {
        let pool = Pool::new(1);
        let held = lease(&pool).await;
        let (order, mut served) = tokio::sync::mpsc::unbounded_channel();
        for waiter in 0..10 {
            let (pool, order) = (pool.clone(), order.clone());
            tokio::spawn(async move {
                let _lease = lease(&pool).await;
                order.send(waiter)
            });
            // The runtime has one thread: this lets the waiter join the queue.
            tokio::task::yield_now().await;
        }
        drop(held);
        for waiter in 0..10 {
            assert_eq!(served.recv().await, Some(waiter));
        }
    }

    /// Of callers that come twice as often as one item can serve them, how many are served to
    /// their end, if each waits for this part of its time.
    async fn served(part: u32) -> usize {
        let (time, pool) = (Duration::from_secs(1), Pool::<()>::new(1));
        let mut callers = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let (pool, now) = (pool.clone(), tokio::time::Instant::now());
            callers.spawn(async move {
                let patience = Patience::until((now + time / part).into_std());
                let Ok(_lease) = pool.lease(patience, |()| true).await else { return false };
                tokio::time::timeout_at(now + time, tokio::time::sleep(Duration::from_millis(400))).await.is_ok()
            });
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        callers.join_all().await.into_iter().filter(|is_served| *is_served).count()
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_half_of_its_time_is_served_to_its_end() {
        let (all, half) = (served(1).await, served(2).await);
        assert!(half >= 49, "in 20 s there is time for 50: {half}");
        assert!(all < 20, "most begin too late: {all}");
    }

    #[tokio::test]
    async fn nobody_waits_in_a_line_that_is_too_long() {
        let pool = Pool::new(1);
        let mut held = Some(lease(&pool).await);
        let waits = |line| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.lease(Patience { line, ..soon() }, |_| true).await.map(drop) })
        };
        let (first, second) = (waits(1), waits(2));
        // The runtime has one thread: this lets both join the line.
        tokio::task::yield_now().await;
        assert_eq!(waits(2).await.expect("no panic"), Err(Unleased::Behind(2)));
        assert_eq!(waits(0).await.expect("no panic"), Err(Unleased::Behind(2)));
        first.abort();
        assert!(first.await.is_err());
        let third = waits(2);
        tokio::task::yield_now().await;
        held.take();
        assert_eq!((second.await.expect("no panic"), third.await.expect("no panic")), (Ok(()), Ok(())));
        assert_eq!(waits(0).await.expect("no panic"), Ok(()), "where one is free there is no line");
    }

    #[tokio::test]
    async fn a_wait_that_is_given_up_takes_nothing() {
        let pool = Pool::new(1);
        let held = lease(&pool).await;
        let waiter = tokio::spawn({
            let pool = pool.clone();
            async move { lease(&pool).await }
        });
        tokio::task::yield_now().await;
        waiter.abort();
        assert!(waiter.await.is_err());
        drop(held);
        assert_eq!(pool.busy_count(), 0);
    }
}
