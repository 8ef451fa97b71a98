//! When it is time to order.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use crate::{
    manifest::{Acme, TlsPair},
    tls::{self, About},
};

/// The first line of a file begins so, which is no part of what is in PEM there.
pub const FROM: &str = "From ";

/// The least time from one certificate to the next, where a third of its life is longer:
/// otherwise a host whose clock is wrong would order without end.
const LEAST: Duration = Duration::from_secs(60 * 60);

/// When.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// There is none of use.
    Now,
    /// When two thirds of its life are over.
    At(SystemTime),
}

impl Due {
    /// By what is in the folder: a certificate of this authority, for all of the names.
    pub fn of(acme: &Acme) -> Due {
        let file = acme.pair();
        let written = fs::read_to_string(&file).unwrap_or_default();
        let from = written.lines().next().and_then(|line| line.strip_prefix(FROM));
        if from != Some(&acme.directory.to_string()) {
            return Due::Now;
        }
        match tls::about(&TlsPair { certificate: file.clone(), key: file, acme: None }) {
            Ok(shown) if acme.hosts.iter().all(|host| shown.names.contains(host)) => Due::At(shown.third()),
            _ => Due::Now,
        }
    }
}

/// A certificate that was put in the folder now.
pub struct Kept {
    /// Until when it is valid.
    pub end: SystemTime,
    third: SystemTime,
    earliest: SystemTime,
}

impl Kept {
    /// What it is that was put there.
    pub fn new(shown: &About) -> Kept {
        let least = life(shown).checked_div(3).unwrap_or_default().min(LEAST);
        Kept { end: shown.end, third: shown.third(), earliest: SystemTime::now() + least }
    }

    /// When the next is ordered.
    pub fn next(&self) -> SystemTime {
        self.third.max(self.earliest)
    }
}

impl About {
    /// Where the last third of its life begins.
    fn third(&self) -> SystemTime {
        self.end - life(self) / 3
    }
}

fn life(shown: &About) -> Duration {
    shown.end.duration_since(shown.begin).unwrap_or_default()
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn shown(begin: SystemTime, days: u32) -> About {
        About { names: Vec::new(), begin, end: begin + DAY * days }
    }

    #[test]
    fn the_last_third_is_for_renewal() {
        let now = SystemTime::now();
        assert_eq!(shown(now, 90).third(), now + DAY * 60);
        assert_eq!(Kept::new(&shown(now, 90)).next(), now + DAY * 60);
    }

    #[test]
    fn a_clock_that_is_wrong_has_it_ordered_in_an_hour_at_the_earliest() {
        let now = SystemTime::now();
        let ahead = Kept::new(&shown(now - DAY * 80, 90)).next();
        assert!(ahead.duration_since(now).expect("it is later") >= LEAST);
        // What lives for minutes is ordered in minutes.
        let short = About { names: Vec::new(), begin: now, end: now + Duration::from_secs(90) };
        assert_eq!(Kept::new(&short).next(), now + Duration::from_secs(60));
    }
}
