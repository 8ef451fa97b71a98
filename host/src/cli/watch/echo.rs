//! What builds change of what they are made of.
//!
//! A build that writes into a folder which it watches would start itself for ever. Its
//! changes look like those of a person who saves a file while it runs, for which there
//! must be another build. What tells them apart is that it does so each time: a file
//! that changed during a build is built once more; one that did so again is suspected,
//! and built again after a pause in which a person would have gone on; one that did so a
//! third time, and never between, is the build's. Somebody who changes it later takes it
//! back.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// In how many rounds of builds a file changes before it is theirs.
const PROOF: u32 = 3;

/// After how many rounds in a row, with nobody's change between, all that changes is
/// theirs: a build may write files of other names each time, and several may start each
/// other.
const LONGEST: u32 = 8;

/// How long a person would have time for a change between builds: as long as these
/// took, within reason.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

/// Tells the changes that builds make themselves from those of others.
#[derive(Default)]
pub struct Echo {
    /// Rounds of builds since somebody changed something.
    rounds: u32,
    /// In how many of these each file changed.
    heard: BTreeMap<PathBuf, u32>,
    /// What is known to be changed by builds.
    own: BTreeSet<PathBuf>,
    /// When to look again without being told.
    next: Option<Instant>,
}

impl Echo {
    /// Builds ran for so long, and meanwhile these files changed. The answer is what
    /// is known from now on to be changed by the builds.
    pub fn built(&mut self, changed: &BTreeSet<PathBuf>, took: Duration) -> BTreeSet<PathBuf> {
        let strange: Vec<_> = changed.iter().filter(|file| !self.own.contains(*file)).cloned().collect();
        if strange.is_empty() {
            self.others_may_change_next();
            return BTreeSet::new();
        }
        self.rounds += 1;
        let mut found = BTreeSet::new();
        let mut is_suspicious = false;
        for file in strange {
            let heard = self.heard.entry(file.clone()).or_default();
            *heard += 1;
            match *heard {
                times if times >= PROOF || self.rounds >= LONGEST => _ = found.insert(file),
                times => is_suspicious |= times > 1,
            }
        }
        self.own.extend(found.iter().cloned());
        let pause = if is_suspicious { took.clamp(PAUSE.0, PAUSE.1) } else { Duration::ZERO };
        self.next = Some(Instant::now() + pause);
        found
    }

    /// Somebody changed these files, and no build.
    pub fn others_changed(&mut self, files: &BTreeSet<PathBuf>) {
        self.own.retain(|file| !files.contains(file));
        self.others_may_change_next();
    }

    /// Which of these, changed by others than builds, somebody works on. Who only removes
    /// what a build makes does not.
    pub fn worked_on(&self, mut files: BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
        files.retain(|file| !self.is_own(file) || file.exists());
        files
    }

    /// Whether builds change this file themselves.
    pub fn is_own(&self, file: &Path) -> bool {
        self.own.contains(file)
    }

    /// When to look whether there is something to be built, if that is not to wait for
    /// a change.
    pub fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Whether nothing is to be built yet for what changed during a build.
    pub fn is_pausing(&self) -> bool {
        self.next.is_some_and(|next| Instant::now() < next)
    }

    /// There is nothing to be built, and nothing more to be heard of it.
    pub fn rest(&mut self) {
        self.next = None;
    }

    fn others_may_change_next(&mut self) {
        self.rounds = 0;
        self.heard.clear();
        self.next = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(50);

    fn files(names: &[&str]) -> BTreeSet<PathBuf> {
        names.iter().map(PathBuf::from).collect()
    }

    #[test]
    fn what_changes_in_each_of_three_builds_is_theirs() {
        let mut echo = Echo::default();
        assert_eq!(echo.built(&files(&["version.rs"]), SHORT), files(&[]));
        assert!(!echo.is_pausing(), "it may well have been a person");
        assert_eq!(echo.built(&files(&["version.rs"]), SHORT), files(&[]));
        assert!(echo.is_pausing());
        assert_eq!(echo.built(&files(&["version.rs"]), SHORT), files(&["version.rs"]));
        assert!(!echo.is_pausing() && echo.is_own(Path::new("version.rs")));
        // It is told once.
        assert_eq!(echo.built(&files(&["version.rs"]), SHORT), files(&[]));
        assert_eq!(echo.next(), None);
    }

    #[test]
    fn a_person_who_changes_a_file_between_builds_is_no_echo() {
        let mut echo = Echo::default();
        for _ in 0..10 {
            for _ in 0..PROOF - 1 {
                assert_eq!(echo.built(&files(&["lib.rs"]), SHORT), files(&[]));
            }
            echo.others_changed(&files(&["lib.rs"]));
            assert_eq!(echo.next(), None);
        }
        for _ in 0..PROOF {
            echo.built(&files(&["lib.rs"]), SHORT);
        }
        assert!(echo.is_own(Path::new("lib.rs")));
        echo.others_changed(&files(&["lib.rs"]));
        assert!(!echo.is_own(Path::new("lib.rs")), "somebody works on it after all");
    }

    #[test]
    fn builds_that_start_each_other_end() {
        let mut echo = Echo::default();
        let rounds = ["a.rs", "b.rs"].iter().cycle().map(|name| echo.built(&files(&[name]), SHORT));
        assert_eq!(rounds.take_while(BTreeSet::is_empty).count(), 4);
        let mut echo = Echo::default();
        let names = (0..).map(|number| format!("{number}.rs"));
        let rounds = names.map(|name| echo.built(&files(&[&name]), SHORT));
        assert_eq!(rounds.take_while(BTreeSet::is_empty).count(), 7);
    }

    #[test]
    fn a_pause_is_as_long_as_the_builds_took() {
        let pause = |took| {
            let mut echo = Echo::default();
            let begun = Instant::now();
            echo.built(&files(&["a"]), took);
            echo.built(&files(&["a"]), took);
            echo.next().map(|next| next.duration_since(begun).as_secs())
        };
        let secs = Duration::from_secs;
        assert_eq!([SHORT, secs(3), secs(60)].map(pause), [Some(1), Some(3), Some(10)]);
    }
}
