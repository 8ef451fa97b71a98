//! Which revision of a service answers a call: the live one, or for a share of
//! the calls a canary.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use super::Revision;

/// Those who answer a service's calls. Replaced as a whole, by one store of a
/// pointer, so that every call finds one state or the other.
pub struct Serving {
    /// Answers all calls that no canary does.
    pub live: Arc<Revision>,
    /// Answers a share of them.
    pub canary: Option<Canary>,
}

/// A revision on trial.
pub struct Canary {
    /// The revision.
    pub revision: Arc<Revision>,
    /// Its share of the calls.
    pub share: Share,
    /// Calls so far, the live one's among them.
    turn: AtomicU32,
}

/// A share of calls, in hundredths: 1 to 99.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Share(u8);

impl Serving {
    /// One revision for all calls.
    pub fn all(live: Arc<Revision>) -> Serving {
        Serving { live, canary: None }
    }

    /// The revision for the next call.
    pub(super) fn next(&self) -> &Arc<Revision> {
        match &self.canary {
            Some(canary) if canary.is_next() => &canary.revision,
            _ => &self.live,
        }
    }

    /// The revision for the deliveries of one event, by a number that goes with it: each
    /// attempt has the same, as long as nothing is swapped.
    pub(super) fn of(&self, number: u64) -> &Arc<Revision> {
        match &self.canary {
            Some(canary) if canary.share.has((number % 100) as u32) => &canary.revision,
            _ => &self.live,
        }
    }
}

impl Canary {
    /// A revision that answers this share from the next call on.
    pub fn new(revision: Arc<Revision>, share: Share) -> Canary {
        Canary { revision, share, turn: AtomicU32::new(0) }
    }

    fn is_next(&self) -> bool {
        self.share.has(self.turn.fetch_add(1, Ordering::Relaxed))
    }
}

impl Share {
    /// This many hundredths, if they leave some calls to either revision.
    pub fn new(hundredths: u8) -> Option<Share> {
        (1..=99).contains(&hundredths).then_some(Share(hundredths))
    }

    /// Whether a turn is one of the share. They are spread evenly, and exact in
    /// each hundred turns.
    fn has(self, turn: u32) -> bool {
        let share = u32::from(self.0);
        let turn = turn % 100;
        (turn + 1) * share / 100 > turn * share / 100
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}%", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Share;

    #[test]
    fn a_share_is_exact_in_each_hundred_and_spread_evenly() {
        for hundredths in 1..=99 {
            let share = Share::new(hundredths).into_iter().next();
            let has = |turn| share.is_some_and(|share| share.has(turn));
            assert_eq!((0..100).filter(|turn| has(*turn)).count(), usize::from(hundredths));
            assert_eq!((500..600).filter(|turn| has(*turn)).count(), usize::from(hundredths));
            // Of ten turns in a row each part of ten has its own, but for rounding.
            for ten in 0..10 {
                let count = (ten * 10..ten * 10 + 10).filter(|turn| has(*turn)).count();
                assert!(count.abs_diff(usize::from(hundredths) / 10) <= 1, "{hundredths}: {count}");
            }
        }
    }

    #[test]
    fn all_and_none_are_no_shares() {
        assert_eq!((Share::new(0), Share::new(100)), (None, None));
    }
}
