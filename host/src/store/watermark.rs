//! How far the log of a store must be durable before anybody may be told.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A place in the log of a store; a later write has a greater one. The default is
/// before all of them: nothing to wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lsn(pub(super) u64);

/// The highest place in the log that somebody has written or read. It only rises.
#[derive(Debug, Default)]
pub struct Watermark {
    highest: AtomicU64,
    lost: AtomicBool,
}

impl Lsn {
    /// Whether there is nothing to wait for.
    pub fn is_none(self) -> bool {
        self == Lsn::default()
    }
}

impl Watermark {
    /// One of somebody who has written and read nothing.
    pub const fn new() -> Watermark {
        Watermark { highest: AtomicU64::new(0), lost: AtomicBool::new(false) }
    }

    /// Note that this place was written or read.
    pub fn raise(&self, lsn: Lsn) {
        if !lsn.is_none() {
            self.highest.fetch_max(lsn.0, Ordering::AcqRel);
        }
    }

    /// The highest place so far.
    pub fn get(&self) -> Lsn {
        Lsn(self.highest.load(Ordering::Acquire))
    }

    /// Note that something up to here is lost.
    pub fn lose(&self) {
        self.lost.store(true, Ordering::Release);
    }

    /// Whether something is: who shares it gets no further.
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }
}
