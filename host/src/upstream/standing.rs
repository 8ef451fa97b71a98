//! How an address has done so far, and whether requests go there.
//!
//! Two say so. What its requests came to: after [`IN_A_ROW`] failures one after the other it is
//! left out for a while, twice as long each time, and never more than half of an upstream's
//! addresses at once, so that one that is alone is never left out. And what it answers when it
//! is asked whether it is well, if it is asked.

use std::sync::{
    LazyLock,
    atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
};

use tokio::time::{Duration, Instant};

/// How often an address fails before it is left out.
const IN_A_ROW: u32 = 5;

/// For how long it is left out first, and at most.
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(300);

/// How often it does not answer well before it is not.
const MISSED: u32 = 2;

/// What times are counted from.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The record of an address.
#[derive(Default)]
pub struct Record {
    /// How often it failed since it succeeded last.
    in_a_row: AtomicU32,
    /// How often it was left out.
    times: AtomicU32,
    /// Until when it is left out, in milliseconds since [`START`].
    until: AtomicU64,
    /// How often it did not answer well since it did last.
    missed: AtomicU32,
    is_unwell: AtomicBool,
}

impl Record {
    /// A request came to something.
    pub fn succeed(&self) {
        if self.in_a_row.load(Ordering::Relaxed) > 0 {
            self.in_a_row.store(0, Ordering::Relaxed);
        }
    }

    /// A request failed; whether it is to be left out.
    pub fn fail(&self) -> bool {
        self.in_a_row.fetch_add(1, Ordering::Relaxed) + 1 >= IN_A_ROW && !self.is_left_out()
    }

    /// Leave it out from now on: for how long.
    pub fn leave_out(&self) -> Duration {
        let (now, until) = (now(), self.until.load(Ordering::Relaxed));
        // Who did well for long begins anew.
        let times = if now.saturating_sub(until) > millis(LONGEST) { 0 } else { self.times.load(Ordering::Relaxed) };
        let time = FIRST.saturating_mul(1 << times.min(10)).min(LONGEST);
        self.times.store(times + 1, Ordering::Relaxed);
        self.in_a_row.store(0, Ordering::Relaxed);
        self.until.store(now + millis(time), Ordering::Relaxed);
        time
    }

    /// Whether it is left out.
    pub fn is_left_out(&self) -> bool {
        let until = self.until.load(Ordering::Relaxed);
        until > 0 && now() < until
    }

    /// It was asked whether it is well; whether that changes anything.
    pub fn looked_at(&self, answers_well: bool) -> bool {
        let missed = if answers_well { 0 } else { self.missed.load(Ordering::Relaxed) + 1 };
        self.missed.store(missed, Ordering::Relaxed);
        let is_unwell = missed >= MISSED || (missed > 0 && self.is_unwell.load(Ordering::Relaxed));
        self.is_unwell.swap(is_unwell, Ordering::Relaxed) != is_unwell
    }

    /// Whether it is well, as far as is known.
    pub fn is_well(&self) -> bool {
        !self.is_unwell.load(Ordering::Relaxed)
    }
}

fn now() -> u64 {
    // Never 0, which is none.
    millis(START.elapsed()) + 1
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(record: &Record) -> usize {
        (1..=10).take_while(|_| !record.fail()).count() + 1
    }

    #[tokio::test(start_paused = true)]
    async fn who_fails_is_left_out_for_longer_each_time() {
        let record = Record::default();
        record.fail();
        record.succeed();
        for expected in [5, 10, 20, 40, 80, 160, 300, 300] {
            assert_eq!(fails(&record), IN_A_ROW as usize);
            let time = record.leave_out();
            assert_eq!(time.as_secs(), expected);
            assert!(record.is_left_out() && !record.fail());
            tokio::time::advance(time).await;
            assert!(!record.is_left_out());
            record.succeed();
        }
        tokio::time::advance(LONGEST * 2).await;
        assert_eq!(record.leave_out(), FIRST);
    }

    #[test]
    fn who_misses_twice_is_not_well_until_it_is() {
        let record = Record::default();
        for (answers_well, changes, is_well) in [
            (true, false, true),
            (false, false, true),
            (true, false, true),
            (false, false, true),
            (false, true, false),
            (false, false, false),
            (true, true, true),
        ] {
            assert_eq!((record.looked_at(answers_well), record.is_well()), (changes, is_well));
        }
    }
}
