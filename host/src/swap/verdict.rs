//! The rule by which a canary becomes live or is withdrawn without anybody.
//!
//! It is withdrawn at its first trap, at a probe that fails, and as soon as a larger
//! share of its calls fails than of the live one's: with few calls that may be chance,
//! and then nothing is lost but a trial. It is promoted when its time is over and it
//! has answered enough calls to say something. The number is by the rule of three: where
//! none of n calls fails, fewer than 3/n of all do, with a confidence of 95%
//! (Hanley and Lippman-Hand, JAMA 1983). Calls that do not come are waited for, and
//! made up for by probes.

use std::{fmt, time::Duration};

/// How many calls a canary answers before it is promoted, unless said otherwise: if
/// none fails, fewer than 3% do.
pub const CALLS: u64 = 100;

/// The least time between two probes, or between two looks at what is waited for.
const SPACING: Duration = Duration::from_millis(100);

/// When a canary is promoted without anybody.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Promotion {
    /// It has been on trial for so long,
    pub after: Duration,
    /// and has answered so many calls, probes among them.
    pub calls: u64,
}

/// What has happened since a trial began.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Calls of the canary.
    pub canary: Count,
    /// Calls of the live revision.
    pub live: Count,
    /// Calls that the canary did not end by itself.
    pub traps: u64,
    /// Probes that the canary answered as it must.
    pub probes: u64,
}

/// Calls that have ended, and those of them that failed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Count {
    /// All.
    pub calls: u64,
    /// Those that failed.
    pub errors: u64,
}

/// What is to become of a canary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// It answers no more calls.
    Withdraw,
    /// It answers all calls.
    Promote,
    /// That cannot be said yet.
    Wait,
}

impl Figures {
    /// What follows from them after so long a trial. Without a promotion somebody
    /// must decide what is well.
    pub fn verdict(&self, promotion: Option<&Promotion>, elapsed: Duration) -> Verdict {
        match promotion {
            _ if self.are_worse() => Verdict::Withdraw,
            Some(promotion) if elapsed >= promotion.after && promotion.missing(self) == 0 => Verdict::Promote,
            _ => Verdict::Wait,
        }
    }

    /// Whether the canary trapped, or errs in more of its calls than the live one.
    fn are_worse(&self) -> bool {
        let (canary, live) = (self.canary, self.live);
        // Rates without a division; who had no calls has no errors.
        self.traps > 0
            || u128::from(canary.errors) * u128::from(live.calls.max(1))
                > u128::from(live.errors) * u128::from(canary.calls.max(1))
    }
}

impl Promotion {
    /// How many calls or probes are still to come.
    pub fn missing(&self, figures: &Figures) -> u64 {
        self.calls.saturating_sub(figures.canary.calls + figures.probes)
    }

    /// When to look again: with what is missing spread over what is left of the time,
    /// or at its end if nothing can be done until then.
    pub fn next_look(&self, figures: &Figures, elapsed: Duration, can_probe: bool) -> Duration {
        let left = self.after.saturating_sub(elapsed);
        match self.missing(figures) {
            0 => left,
            _ if !can_probe && !left.is_zero() => left,
            missing => (left / u32::try_from(missing).unwrap_or(u32::MAX)).max(SPACING),
        }
    }
}

impl Count {
    /// What came to it since it was this.
    pub fn since(self, before: Count) -> Count {
        Count { calls: self.calls.saturating_sub(before.calls), errors: self.errors.saturating_sub(before.errors) }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { canary, live, traps, probes } = *self;
        write!(f, "{} in {}", counted(canary.errors, "error"), counted(canary.calls, "call"))?;
        if traps > 0 {
            write!(f, " ({})", counted(traps, "trap"))?;
        }
        if probes > 0 {
            write!(f, " and {}", counted(probes, "probe"))?;
        }
        write!(f, "; the live one {} in {}", live.errors, live.calls)
    }
}

/// A number of things.
fn counted(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Promotion = Promotion { after: Duration::from_secs(60), calls: CALLS };

    fn figures(canary: (u64, u64), live: (u64, u64), traps: u64, probes: u64) -> Figures {
        let count = |(errors, calls)| Count { calls, errors };
        Figures { canary: count(canary), live: count(live), traps, probes }
    }

    #[test]
    fn a_canary_is_promoted_after_its_time_and_enough_calls_and_withdrawn_before() {
        use Verdict::{Promote, Wait, Withdraw};
        for (canary, live, traps, probes, seconds, verdict) in [
            // Both are needed, and either alone is not enough.
            ((0, 0), (0, 0), 0, 0, 60, Wait),
            ((0, 0), (0, 0), 0, 0, 86_400, Wait),
            ((0, 99), (0, 900), 0, 0, 60, Wait),
            ((0, 100), (0, 900), 0, 0, 59, Wait),
            ((0, 100), (0, 900), 0, 0, 60, Promote),
            // Probes stand in for calls.
            ((0, 0), (0, 0), 0, 100, 60, Promote),
            ((0, 4), (0, 40), 0, 96, 60, Promote),
            ((0, 4), (0, 40), 0, 95, 60, Wait),
            // No more errors than the live one.
            ((1, 100), (9, 900), 0, 0, 60, Promote),
            ((2, 100), (9, 900), 0, 0, 60, Withdraw),
            // At once, however few the calls are; probes are no calls to compare with.
            ((1, 1), (0, 0), 0, 0, 0, Withdraw),
            ((1, 2), (9, 900), 0, 1000, 0, Withdraw),
            ((1, 100), (0, 900), 0, 0, 0, Withdraw),
            ((1, 100), (900, 900), 1, 0, 0, Withdraw),
        ] {
            let figures = figures(canary, live, traps, probes);
            let elapsed = Duration::from_secs(seconds);
            assert_eq!(figures.verdict(Some(&MINUTE), elapsed), verdict, "{figures} after {seconds} s");
            // Somebody decides, but for what is worse.
            let alone = figures.verdict(None, elapsed);
            assert_eq!(alone, if verdict == Withdraw { Withdraw } else { Wait }, "{figures}");
        }
    }

    #[test]
    fn probes_are_spread_over_what_is_left_and_looks_are_few() {
        let next = |calls, seconds, can_probe| {
            MINUTE.next_look(&figures((0, calls), (0, 0), 0, 0), Duration::from_secs(seconds), can_probe).as_millis()
        };
        assert_eq!([next(0, 0, true), next(50, 30, true), next(99, 30, true)], [600, 600, 30_000]);
        assert_eq!([next(0, 59, true), next(0, 60, true), next(0, 900, true)], [100, 100, 100]);
        // Nothing to do but wait for the end of its time, and then for calls.
        assert_eq!([next(0, 0, false), next(100, 20, true), next(0, 60, false)], [60_000, 40_000, 100]);
    }

    #[test]
    fn figures_are_told_with_what_there_was() {
        assert_eq!(
            figures((0, 4), (0, 40), 0, 96).to_string(),
            "0 errors in 4 calls and 96 probes; the live one 0 in 40"
        );
        assert_eq!(figures((1, 1), (2, 30), 1, 0).to_string(), "1 error in 1 call (1 trap); the live one 2 in 30");
    }
}
