//! What is logged because of one service, bounded: a component that prints
//! without end, or a client that makes it fail without end, must not fill the
//! disk of whoever keeps the log.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Lines in each [`PERIOD`].
const LINES: u64 = 1_000;

const PERIOD: Duration = Duration::from_secs(1);

/// Logs lines of one kind for one service, at most [`LINES`] in a second. What
/// is over is dropped and counted, and the log says so.
pub struct ServiceLog {
    service: Arc<str>,
    /// Protects the counts; given back before a line is logged.
    period: Mutex<Period>,
}

struct Period {
    begun: Instant,
    /// Lines asked for, those that were dropped among them.
    lines: u64,
}

/// What becomes of a line.
#[derive(Debug, PartialEq)]
enum Verdict {
    /// It is logged; the period before dropped so many.
    Logged { dropped_before: u64 },
    /// It is dropped, as the first of its period or as one more.
    Dropped { first: bool },
}

impl ServiceLog {
    /// A log that nothing was written to.
    pub fn new(service: Arc<str>) -> ServiceLog {
        ServiceLog { service, period: Mutex::new(Period { begun: Instant::now(), lines: 0 }) }
    }

    /// Log a line, for which `log` is given the service's name, if there is room.
    pub fn line(&self, log: impl FnOnce(&str)) {
        let service = &*self.service;
        match self.spend(Instant::now()) {
            Verdict::Logged { dropped_before } => {
                if dropped_before > 0 {
                    tracing::warn!(service, "{dropped_before} lines were dropped");
                }
                log(service);
            }
            Verdict::Dropped { first: true } => {
                tracing::warn!(service, "more than {LINES} lines in a second; the rest of them are dropped");
            }
            Verdict::Dropped { first: false } => {}
        }
    }

    fn spend(&self, now: Instant) -> Verdict {
        let mut period = self.period.lock().unwrap_or_else(PoisonError::into_inner);
        let mut dropped_before = 0;
        if now.duration_since(period.begun) >= PERIOD {
            dropped_before = period.lines.saturating_sub(LINES);
            *period = Period { begun: now, lines: 0 };
        }
        period.lines += 1;
        match period.lines {
            lines if lines <= LINES => Verdict::Logged { dropped_before },
            lines => Verdict::Dropped { first: lines == LINES + 1 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_over_the_bound_are_dropped_and_counted() {
        let log = ServiceLog::new("guest".into());
        let begun = Instant::now() + PERIOD;
        for second in [begun, begun + PERIOD] {
            let dropped_before = if second == begun { 0 } else { 2 };
            assert_eq!(log.spend(second), Verdict::Logged { dropped_before });
            for _ in 1..LINES {
                assert_eq!(log.spend(second), Verdict::Logged { dropped_before: 0 });
            }
            assert_eq!(log.spend(second), Verdict::Dropped { first: true });
            assert_eq!(log.spend(second + PERIOD / 2), Verdict::Dropped { first: false });
        }
        assert_eq!(log.spend(begun + 10 * PERIOD), Verdict::Logged { dropped_before: 2 });
        assert_eq!(log.spend(begun + 20 * PERIOD), Verdict::Logged { dropped_before: 0 });
    }
}
