//! What all hosts on a store have counted of a rate.
//!
//! A period of the clock on the wall has a counter for each who asks. What has come in the time
//! of a period before now is about all of this period's counter, and of the one before as much as
//! is still within that time. Both are read, and this period's is raised for who may pass: who is
//! refused is not counted, and somebody who asks too often has the rate and not nothing. Where
//! two hosts read at once one of them learns from the raised counter that it was one too many.
//!
//! Counters of periods that are over are deleted by whoever begins a new one, now and then.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tokio::time::timeout;

use super::{count::Count, key::Key};
use crate::{
    manifest::RateManifest,
    store::{BucketStore, StoreError, Watermark},
};

/// How long a request waits for the store.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long a store that failed is not asked again.
const AWAY: Duration = Duration::from_secs(1);

/// How often counters are deleted at most.
const SWEEP: Duration = Duration::from_secs(10);

/// The most bytes of two counters and their keys.
const COUNTERS: usize = 1 << 10;

/// The counters of a rate in the store.
pub struct Windows {
    name: String,
    bucket: String,
    limit: u64,
    period: Duration,
    store: Arc<dyn BucketStore>,
    /// Whether the store failed when it was asked last, which is said once.
    is_away: AtomicBool,
    /// Protects when the store is asked again, and when it is swept; held to look and to write.
    next: Mutex<Next>,
}

struct Next {
    ask: Instant,
    sweep: Instant,
}

/// A moment of the clock on the wall.
#[derive(Clone, Copy)]
struct Moment {
    /// How many periods there were before this one.
    period: u64,
    /// How much of it has passed, as a part of the whole.
    passed: f64,
}

impl Windows {
    /// Those of a rate.
    pub fn new(rate: &RateManifest, store: Arc<dyn BucketStore>) -> Windows {
        let now = Instant::now();
        Windows {
            name: rate.name.clone(),
            // No component can open it.
            bucket: format!("rate:{}", rate.name),
            limit: u64::from(rate.limit.requests),
            period: rate.limit.period,
            store,
            is_away: AtomicBool::new(false),
            next: Mutex::new(Next { ask: now, sweep: now }),
        }
    }

    /// Count a request that comes now; none if the store is away.
    pub async fn count(self: &Arc<Self>, key: &Key<'_>) -> Option<Count> {
        let now = Instant::now();
        if now < self.next(|next| next.ask) {
            return None;
        }
        let moment = self.moment();
        let counted = timeout(PATIENCE, self.count_at(key, moment)).await;
        let failed = match counted {
            Ok(Ok(count)) => {
                if self.is_away.swap(false, Ordering::Relaxed) {
                    tracing::info!(rate = self.name, "the store is back: hosts count together");
                }
                self.sweep_at(now, moment.period);
                return Some(count);
            }
            Ok(Err(error)) => Some(error),
            Err(_) => None,
        };
        self.next(|next| next.ask = now + AWAY);
        if !self.is_away.swap(true, Ordering::Relaxed) {
            let error = failed.as_ref().map(|error| error as &dyn std::error::Error);
            tracing::warn!(rate = self.name, error, "the store is away: each host counts by itself");
        }
        None
    }

    async fn count_at(&self, key: &Key<'_>, moment: Moment) -> Result<Count, StoreError> {
        let seen = Watermark::default();
        let name = |period: u64| format!("{period}/{key}");
        let keys = vec![name(moment.period.saturating_sub(1)), name(moment.period)];
        let found = self.store.get_many(&self.bucket, keys, COUNTERS, &seen).await?;
        let value = |place: usize| found.get(place).and_then(Option::as_ref).map_or(0, |(_, text)| number(text));
        let (before, counted) = (value(0), value(1));
        if self.free(before, counted, moment.passed) == 0 {
            return Ok(Count { is_over: true, left: 0, more_in: self.until(1, before, counted, moment.passed) });
        }
        let counted = self.store.increment(&self.bucket, name(moment.period), 1, &seen).await?;
        // With this one, for which there must have been room.
        let is_over = self.free(before, counted - 1, moment.passed) == 0;
        let left = self.free(before, counted, moment.passed);
        Ok(Count { is_over, left, more_in: self.until(left + 1, before, counted, moment.passed) })
    }

    /// How many more may come.
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn free(&self, before: u64, counted: u64, passed: f64) -> u64 {
        let come = before as f64 * (1.0 - passed) + counted as f64;
        // None, where it is below zero.
        (self.limit as f64 - come).floor() as u64
    }

    /// The time until so many are free, if none comes meanwhile.
    #[expect(clippy::cast_precision_loss)]
    fn until(&self, free: u64, before: u64, counted: u64, passed: f64) -> Duration {
        // When of a counter no more than so much is within the time of a period.
        let gone = |count: u64, most: u64| 1.0 - (most as f64 / count.max(1) as f64).min(1.0);
        let most = self.limit.saturating_sub(free);
        let wait = match most.checked_sub(counted) {
            Some(most) if before > 0 => gone(before, most) - passed,
            _ => 1.0 - passed + gone(counted, most),
        };
        self.period.mul_f64(wait.clamp(0.0, 2.0))
    }

    fn moment(&self) -> Moment {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // Periods are whole seconds.
        let period = self.period.as_secs().max(1);
        let passed = Duration::new(since.as_secs() % period, since.subsec_nanos());
        Moment { period: since.as_secs() / period, passed: passed.as_secs_f64() / self.period.as_secs_f64() }
    }

    /// Delete what is over, beside the requests.
    fn sweep_at(self: &Arc<Self>, now: Instant, period: u64) {
        let is_due = self.next(|next| {
            let is_due = now >= next.sweep;
            if is_due {
                next.sweep = now + SWEEP.max(self.period);
            }
            is_due
        });
        if is_due {
            let windows = self.clone();
            tokio::spawn(async move {
                if let Err(error) = windows.sweep(period).await {
                    let error = &error as &dyn std::error::Error;
                    tracing::debug!(rate = windows.name, error, "old counters could not be deleted");
                }
            });
        }
    }

    /// Counters are listed in the order in which they were begun: the oldest are first.
    async fn sweep(&self, period: u64) -> Result<(), StoreError> {
        let seen = Watermark::default();
        let is_over = |key: &String| {
            let of = key.split_once('/').and_then(|(of, _)| of.parse::<u64>().ok());
            of.is_none_or(|of| of + 1 < period)
        };
        loop {
            let page = self.store.list_keys(&self.bucket, None, &seen).await?;
            let over: Vec<String> = page.keys.iter().filter(|key| is_over(key)).cloned().collect();
            let goes_on = over.len() == page.keys.len() && page.cursor.is_some();
            if !over.is_empty() {
                self.store.delete_many(&self.bucket, over, &seen).await?;
            }
            if !goes_on {
                return Ok(());
            }
        }
    }

    fn next<T>(&self, look: impl FnOnce(&mut Next) -> T) -> T {
        look(&mut self.next.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A counter as the store has it; nobody else writes there.
fn number(text: &[u8]) -> u64 {
    str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or_default()
}
