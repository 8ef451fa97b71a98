//! How far the log of a store must be durable before anybody may be told.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A place in the log of a store; a later write has a greater one. The default is
/// before all of them: nothing to wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lsn(pub(super) u64);

/// The places in the log between which somebody has written or read. The highest is
/// what must be durable. The lowest is kept, too, for a commit that failed may have
/// lost it and been followed by others that did not fail. Beside them stands whether the
/// store failed them meanwhile.
#[derive(Debug)]
pub struct Watermark {
    /// Above all others while there is none.
    lowest: AtomicU64,
    highest: AtomicU64,
    has_failed: AtomicBool,
}

/// What has become of what somebody has written or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// All of it is durable.
    Durable,
    /// Some is on its way.
    Pending,
    /// Some may be lost.
    Lost,
}

impl Lsn {
    /// As a number: a later place has a greater one.
    pub fn number(self) -> u64 {
        self.0
    }

    /// Whether there is nothing to wait for.
    fn is_none(self) -> bool {
        self == Lsn::default()
    }
}

impl Watermark {
    /// One of somebody who has written and read nothing.
    pub const fn new() -> Watermark {
        Watermark { lowest: AtomicU64::new(u64::MAX), highest: AtomicU64::new(0), has_failed: AtomicBool::new(false) }
    }

    /// Note that this place was written or read.
    pub fn raise(&self, lsn: Lsn) {
        if !lsn.is_none() {
            // The highest last, for it says whether there is one.
            self.lowest.fetch_min(lsn.0, Ordering::AcqRel);
            self.highest.fetch_max(lsn.0, Ordering::AcqRel);
        }
    }

    /// Note that the store did not do what it was asked. Who includes this has not asked.
    pub fn fail(&self) {
        self.has_failed.store(true, Ordering::Release);
    }

    /// Whether the store did not do what it was asked.
    pub fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Acquire)
    }

    /// Note that all was seen that somebody else has.
    pub fn include(&self, other: &Watermark) {
        if let Some((lowest, highest)) = other.span() {
            self.raise(lowest);
            self.raise(highest);
        }
    }

    /// Whether there is nothing to wait for.
    pub fn is_empty(&self) -> bool {
        self.span().is_none()
    }

    /// The lowest place and the highest, if there is one.
    pub fn span(&self) -> Option<(Lsn, Lsn)> {
        let highest = Lsn(self.highest.load(Ordering::Acquire));
        (!highest.is_none()).then(|| (Lsn(self.lowest.load(Ordering::Acquire)), highest))
    }
}

impl Default for Watermark {
    fn default() -> Watermark {
        Watermark::new()
    }
}
