//! How many requests are sent again.
//!
//! Where everything fails, to send everything again makes it worse. So each request earns a
//! part of a repetition, and there are a few for those that are seldom.

use std::sync::Mutex;

use tokio::time::{Duration, Instant};

/// Over how long it is counted.
const SPAN: Duration = Duration::from_secs(10);

/// So many requests earn one repetition.
const EACH: u32 = 5;

/// So many there are in any case.
const FEW: u32 = 3;

/// What was sent, and sent again, in this span and the one before. The lock protects the
/// counts, and is held to add to them.
#[derive(Default)]
pub struct Budget(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    begun: Option<Instant>,
    requests: [u32; 2],
    repeated: [u32; 2],
}

impl Budget {
    /// A request is sent.
    pub fn earn(&self) {
        let mut counts = self.now();
        counts.requests[0] = counts.requests[0].saturating_add(1);
    }

    /// Whether one more may be sent again. It is counted as if it were.
    pub fn spend(&self) -> bool {
        let mut counts = self.now();
        let [requests, repeated] = [counts.requests, counts.repeated].map(|[now, before]| now.saturating_add(before));
        let may = repeated < requests / EACH + FEW;
        counts.repeated[0] += u32::from(may);
        may
    }

    fn now(&self) -> std::sync::MutexGuard<'_, Counts> {
        let mut counts = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let now = Instant::now();
        let since = now - *counts.begun.get_or_insert(now);
        if since >= SPAN {
            let is_next = since < SPAN * 2;
            let before = |[now, _]: [u32; 2]| [0, if is_next { now } else { 0 }];
            (counts.requests, counts.repeated) = (before(counts.requests), before(counts.repeated));
            counts.begun = Some(now);
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_fifth_is_repeated_and_a_few() {
        let budget = Budget::default();
        let spent = |budget: &Budget| (0..1000).filter(|_| budget.spend()).count();
        (0..100).for_each(|_| budget.earn());
        assert_eq!(spent(&budget), 23);
        assert_eq!(spent(&budget), 0);
        tokio::time::advance(SPAN * 3).await;
        assert_eq!(spent(&budget), 3);
    }
}
