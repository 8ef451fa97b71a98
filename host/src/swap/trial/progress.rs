//! How far a trial is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    service::{Canary, Life, Serving},
    swap::verdict::{Count, Figures, Promotion, Verdict},
};

/// What has happened in a trial, and what must before it is decided. Shared with
/// whoever looks.
pub struct Progress {
    /// When it is decided without anybody, if it is.
    promotion: Option<Promotion>,
    begun: Instant,
    canary: Arc<Life>,
    live: Arc<Life>,
    /// The live one's count before the trial.
    before: Count,
    probes: AtomicU64,
}

/// What is still to come before a canary is promoted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Left {
    /// When it is.
    pub promotion: Promotion,
    /// Of its time.
    pub time: Duration,
    /// Of its calls.
    pub calls: u64,
}

impl Progress {
    /// A trial of what serves as a canary, from now on.
    pub(super) fn begin(serving: &Serving, canary: &Arc<Life>, promotion: Option<Promotion>) -> Progress {
        let (canary, live) = (canary.clone(), serving.live.life().clone());
        let before = count(&live);
        Progress { promotion, begun: Instant::now(), canary, live, before, probes: AtomicU64::new(0) }
    }

    /// Whether it is the trial of this canary.
    pub fn is_of(&self, canary: &Canary) -> bool {
        Arc::ptr_eq(&self.canary, canary.revision.life())
    }

    /// Probes that the canary has answered as it must.
    pub fn probes(&self) -> u64 {
        self.probes.load(Ordering::Relaxed)
    }

    /// What is still to come before the canary is promoted, if that is not for
    /// somebody to decide.
    pub fn left(&self) -> Option<Left> {
        let promotion = self.promotion?;
        let calls = promotion.missing(&self.figures());
        Some(Left { promotion, time: promotion.after.saturating_sub(self.begun.elapsed()), calls })
    }

    pub(super) fn figures(&self) -> Figures {
        Figures {
            canary: count(&self.canary),
            live: count(&self.live).since(self.before),
            traps: self.canary.traps(),
            probes: self.probes(),
        }
    }

    pub(super) fn verdict(&self) -> Verdict {
        self.figures().verdict(self.promotion.as_ref(), self.begun.elapsed())
    }

    pub(super) fn promotion(&self) -> Option<&Promotion> {
        self.promotion.as_ref()
    }

    pub(super) fn canary(&self) -> &Arc<Life> {
        &self.canary
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    pub(super) fn count_probe(&self) {
        self.probes.fetch_add(1, Ordering::Relaxed);
    }
}

/// An answer may be found to be an error before its call, which streams, has ended.
fn count(life: &Life) -> Count {
    let errors = life.errors();
    Count { calls: life.calls().max(errors), errors }
}
