//! How long to wait: for a time, and after failures.

use std::time::{Duration, SystemTime};

use tokio::time::sleep;

/// How often the clock on the wall is looked at, which may be set.
const LOOK: Duration = Duration::from_secs(1);

/// After the first failure.
const FIRST: Duration = Duration::from_secs(10);

/// By how much waits grow: authorities bear a handful of failures an hour.
const GROWTH: u32 = 3;

/// After many, or where an authority has had too many orders.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// Wait until this time has come.
pub async fn until(time: SystemTime) {
    while SystemTime::now() < time {
        sleep(LOOK).await;
    }
}

/// The waits after failures that follow each other.
#[derive(Debug, Default)]
pub struct Patience {
    failures: u32,
}

impl Patience {
    /// After one more: up to a quarter less than it might be, so that hosts that failed at
    /// once do not ask at once.
    pub fn next(&mut self, has_been_too_many: bool) -> Duration {
        let most = match has_been_too_many {
            true => LONGEST,
            false => FIRST.saturating_mul(GROWTH.saturating_pow(self.failures)).min(LONGEST),
        };
        self.failures = self.failures.saturating_add(1);
        Duration::from_millis((most.as_millis() as f64 * (1.0 - fastrand::f64() / 4.0)) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_an_hour() {
        let mut patience = Patience::default();
        for most in [10, 30, 90, 270, 810, 2430, 3600, 3600] {
            let (wait, most) = (patience.next(false), Duration::from_secs(most));
            assert!(wait <= most && wait >= most * 3 / 4, "{wait:?} of {most:?}");
        }
        assert!(Patience::default().next(true) >= LONGEST * 3 / 4);
        let mut patience = Patience { failures: u32::MAX };
        assert!(patience.next(false) <= LONGEST);
    }
}
