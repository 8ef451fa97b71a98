//! What this host has counted of a rate, for as many as ask.
//!
//! Each has a time at which all that it asked for is paid off, at the rate's pace (the generic
//! cell rate algorithm, also known as the leaky bucket): one number, which nothing has to look
//! after. Of no more than [`MOST`] it is kept. Whoever is over that takes the place of who was
//! away for longest, whose debt is most likely paid; at worst somebody who comes from more
//! addresses than that has at each the burst that a new one has.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hashlink::LruCache;

use super::{count::Count, key::Key};
use crate::manifest::RateManifest;

/// Of how many the time is kept, in about 6 MB.
const MOST: usize = 1 << 16;

/// Among how many locks they are shared out, so that few wait for each other.
const SHARDS: usize = 16;

/// The times at which those who ask have paid off, in nanoseconds.
pub struct Ledger {
    /// Each protects some of them by the hash of whose they are; held to look and to write one.
    shards: Vec<Mutex<LruCache<u64, u64>>>,
    /// Nobody from outside knows which keys have the same hash.
    hashes: RandomState,
    /// When the nanoseconds began.
    begun: Instant,
    /// What a request costs: the time in which one more may come.
    interval: u64,
    /// What may be owed: the time in which a whole burst may come.
    most_owed: u64,
}

impl Ledger {
    /// One in which nobody owes anything.
    pub fn new(rate: &RateManifest) -> Ledger {
        let interval = nanoseconds(rate.limit.period) / u64::from(rate.limit.requests);
        let shards = (0..SHARDS).map(|_| Mutex::new(LruCache::new(MOST / SHARDS))).collect();
        let most_owed = interval * u64::from(rate.burst);
        Ledger { shards, hashes: RandomState::new(), begun: Instant::now(), interval, most_owed }
    }

    /// Count a request that comes now.
    pub fn count(&self, key: &Key) -> Count {
        self.count_at(key, self.now())
    }

    /// Let nobody through who is counted by this key before so long has passed.
    pub fn hold(&self, key: &Key, wait: Duration) {
        let hash = self.hashes.hash_one(key);
        let until = self.now() + nanoseconds(wait) + self.most_owed - self.interval;
        self.shard(hash).insert(hash, until);
    }

    fn count_at(&self, key: &Key, now: u64) -> Count {
        let hash = self.hashes.hash_one(key);
        let owed = {
            let mut paid = self.shard(hash);
            let before = paid.get(&hash).map_or(0, |paid| paid.saturating_sub(now));
            let owed = before + self.interval;
            if owed <= self.most_owed {
                paid.insert(hash, now + owed);
            }
            owed
        };
        match owed.checked_sub(self.most_owed) {
            Some(over @ 1..) => Count { is_over: true, left: 0, more_in: Duration::from_nanos(over) },
            _ => {
                let until_more = (owed - 1) % self.interval + 1;
                let left = (self.most_owed - owed) / self.interval;
                Count { is_over: false, left, more_in: Duration::from_nanos(until_more) }
            }
        }
    }

    fn now(&self) -> u64 {
        nanoseconds(self.begun.elapsed())
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, LruCache<u64, u64>> {
        // Its lowest bits: the map goes by the hash of this hash.
        let shard = &self.shards[(hash % SHARDS as u64) as usize];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Those of a time, up to 584 years.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Per, RateLimit};

    const SECOND: u64 = 1_000_000_000;

    fn ledger(requests: u32, burst: u32) -> Ledger {
        let limit = RateLimit { requests, period: Duration::from_secs(1) };
        Ledger::new(&RateManifest { name: "all".to_owned(), limit, burst, per: Per::Address, shared: false })
    }

    #[test]
    fn a_burst_may_come_at_once_and_then_the_rate() {
        let (ledger, key) = (ledger(4, 3), Key::V4(1));
        let counted = |at| {
            let Count { is_over, left, more_in } = ledger.count_at(&key, at);
            (is_over, left, more_in.as_millis())
        };
        assert_eq!(counted(SECOND), (false, 2, 250));
        assert_eq!(counted(SECOND), (false, 1, 250));
        assert_eq!(counted(SECOND), (false, 0, 250));
        assert_eq!(counted(SECOND), (true, 0, 250));
        assert_eq!(counted(SECOND + SECOND / 5), (true, 0, 50));
        assert_eq!(counted(SECOND + SECOND / 4), (false, 0, 250));
        // Who was refused owes no more for it.
        assert_eq!(counted(2 * SECOND), (false, 2, 250));
        let passed = (0..1_000).filter(|tick| !counted(10 * SECOND + tick * SECOND / 100).0).count();
        assert_eq!(passed, 3 + 39, "in ten seconds, with a burst");
    }

    #[test]
    fn each_is_counted_apart() {
        let ledger = ledger(1, 1);
        assert!((0..1_000).all(|client| !ledger.count_at(&Key::V4(client), 0).is_over));
        assert!((0..1_000).all(|client| ledger.count_at(&Key::V4(client), 0).is_over));
    }

    #[test]
    fn who_is_held_waits_so_long() {
        let (ledger, key) = (ledger(10, 5), Key::Route("/*"));
        ledger.hold(&key, Duration::from_secs(3600));
        let count = ledger.count(&key);
        assert!(count.is_over && (3599..=3600).contains(&count.seconds()), "{count:?}");
    }

    #[test]
    fn a_million_clients_have_the_places_that_there_are_and_who_comes_often_keeps_its_own() {
        let ledger = ledger(1, 10);
        let often = Key::V6(7);
        for client in 0..1_000_000 {
            ledger.count_at(&Key::V4(client), 0);
            if client % 1_000 == 0 {
                assert_eq!(ledger.count_at(&often, 0).is_over, client >= 10_000, "{client}");
            }
        }
        let kept: usize = ledger.shards.iter().map(|shard| shard.lock().map_or(0, |shard| shard.len())).sum();
        assert_eq!(kept, MOST);
    }
}
