//! A component on trial: a canary that answers a share of the calls, until
//! somebody decides, or its errors or its time do.

use std::sync::Arc;

use bytes::Bytes;
use tokio::{
    sync::oneshot,
    time::{Instant, sleep_until},
};

use super::{CanaryTerms, Outcome, Replacement, Swap, SwapError, Swapper, outcome::Steps};
use crate::{
    app::Candidate,
    history::How,
    service::{Canary, Life},
};

/// A canary that answers calls.
pub(super) struct Trial {
    /// The canary's place in the history, if it is promoted; else the next one's.
    pub number: u64,
    /// The canary's, which no other trial has.
    life: Arc<Life>,
    component: Bytes,
    by: String,
    /// Ends the watch when the trial does.
    _watch: oneshot::Sender<()>,
}

/// Calls and errors of both revisions since the trial began: the figures that
/// decide it.
#[derive(Debug, PartialEq)]
struct Figures {
    canary: Count,
    live: Count,
    /// Calls that the canary did not end by itself.
    traps: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Count {
    calls: u64,
    errors: u64,
}

impl Swapper {
    pub(super) fn begin_trial(
        self: &Arc<Self>,
        place: usize,
        candidate: Candidate,
        swap: Swap,
        terms: CanaryTerms,
    ) -> Result<Trial, SwapError> {
        let (number, life) = (candidate.revision().number(), candidate.revision().life().clone());
        self.app.publish_canary(candidate, terms.share).map_err(SwapError::busy)?;
        let (watch, ended) = oneshot::channel();
        tokio::spawn(self.clone().watch(place, number, terms, ended));
        Ok(Trial { number, life, component: swap.component, by: swap.by, _watch: watch })
    }

    /// End a trial with the canary answering all calls, or none if that cannot be. If only
    /// the record fails the trial goes on.
    pub(super) async fn promote_trial(&self, place: usize, trial: &Trial, by: &str) -> Result<Outcome, SwapError> {
        let mut steps = Steps::start();
        let service = &self.app.services[place];
        let drain = self.slots[place].drains.expect();
        let replaced = match self.app.promote(place) {
            Ok(replaced) => replaced,
            Err(error) => {
                self.withdraw(place, trial, by)?;
                return Err(SwapError::busy(error));
            }
        };
        let to = Replacement::of(&service.serving().live);
        let from = Replacement::of(&replaced.serving.live);
        let (component, file) = (trial.component.clone(), self.app.file(place));
        if let Err(error) = self.record(place, component, &trial.by, How::Canary, file).await {
            self.app.restore(place, replaced);
            return Err(error);
        }
        steps.done("live");
        super::log(service.name(), by, &from, &to.digest, "promoted");
        self.drain(place, drain, replaced.into_live());
        Ok(Outcome::live(service.name(), from, to, steps))
    }

    /// End a trial with the canary answering no calls.
    pub(super) fn withdraw(&self, place: usize, trial: &Trial, by: &str) -> Result<Outcome, SwapError> {
        let service = self.app.services[place].name();
        let drain = self.slots[place].drains.expect();
        let Some(canary) = self.app.withdraw(place) else {
            return Err(SwapError::Conflict(format!("revision {} of `{service}` is not on trial", trial.number)));
        };
        let from = Replacement::of(&canary);
        let to = Replacement::of(&self.app.services[place].serving().live);
        super::log(service, by, &from, &to.digest, "withdrawn");
        self.drain(place, drain, canary);
        Ok(Outcome::withdrawn(service, from, to))
    }

    /// Look at a trial's figures at each error and at its end, and decide.
    async fn watch(self: Arc<Self>, place: usize, number: u64, terms: CanaryTerms, mut ended: oneshot::Receiver<()>) {
        let Some((canary, live)) = self.lives(place, number) else { return };
        let before = Count::of(&live);
        let end = terms.duration.map(|duration| Instant::now() + duration);
        loop {
            let over = tokio::select! {
                _ = &mut ended => return,
                () = canary.erred() => false,
                () = sleep_until(end.unwrap_or_else(Instant::now)), if end.is_some() => true,
            };
            let figures =
                Figures { canary: Count::of(&canary), live: Count::of(&live).since(before), traps: canary.traps() };
            if figures.are_worse() || over {
                return self.decide(place, &canary, &figures).await;
            }
        }
    }

    async fn decide(&self, place: usize, canary: &Arc<Life>, figures: &Figures) {
        let service = self.app.services[place].name();
        let Ok(_going_on) = self.go_on().await else { return };
        let mut turn = self.slots[place].turn.lock().await;
        // Somebody may have decided meanwhile.
        let Some(trial) = turn.trial.take_if(|trial| Arc::ptr_eq(&trial.life, canary)) else { return };
        let number = trial.number;
        let by = "the trial";
        let decided = match figures.are_worse() {
            true => {
                tracing::warn!(service, revision = number, "the canary is withdrawn: {figures}");
                self.withdraw(place, &trial, by)
            }
            false => {
                tracing::info!(service, revision = number, "the canary is promoted: {figures}");
                let promoted = self.promote_trial(place, &trial, by).await;
                match promoted {
                    // Nobody is there who would promote it later.
                    Err(SwapError::History(_) | SwapError::Failed(_)) => self.withdraw(place, &trial, by).and(promoted),
                    ended => ended,
                }
            }
        };
        if let Err(error) = decided {
            tracing::error!(service, error = &error as &dyn std::error::Error, "the trial could not be ended");
        }
    }

    /// The lives of a canary and of who is live beside it.
    fn lives(&self, place: usize, number: u64) -> Option<(Arc<Life>, Arc<Life>)> {
        let serving = self.app.services[place].serving();
        let canary: &Canary = serving.canary.as_ref().filter(|canary| canary.revision.number() == number)?;
        Some((canary.revision.life().clone(), serving.live.life().clone()))
    }
}

impl Figures {
    /// Whether the canary trapped, or errs in more of its calls than the live one.
    fn are_worse(&self) -> bool {
        let (canary, live) = (self.canary, self.live);
        // Rates without a division; who had no calls has no errors.
        self.traps > 0
            || u128::from(canary.errors) * u128::from(live.calls.max(1))
                > u128::from(live.errors) * u128::from(canary.calls.max(1))
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Figures { canary, live, traps } = self;
        write!(
            f,
            "{} errors in {} calls, {traps} of them traps; the live one {} in {}",
            canary.errors, canary.calls, live.errors, live.calls
        )
    }
}

impl Count {
    fn of(life: &Life) -> Count {
        Count { calls: life.calls(), errors: life.errors() }
    }

    fn since(self, before: Count) -> Count {
        Count { calls: self.calls - before.calls, errors: self.errors - before.errors }
    }
}

#[cfg(test)]
mod tests {
    use super::{Count, Figures};

    #[test]
    fn a_canary_is_worse_by_a_trap_or_a_higher_rate_of_errors() {
        let worse = |canary: (u64, u64), live: (u64, u64), traps| {
            let count = |(errors, calls)| Count { calls, errors };
            Figures { canary: count(canary), live: count(live), traps }.are_worse()
        };
        assert!(!worse((0, 0), (0, 0), 0));
        assert!(!worse((0, 100), (0, 900), 0));
        assert!(worse((1, 100), (0, 900), 0));
        assert!(!worse((1, 100), (9, 900), 0));
        assert!(worse((2, 100), (9, 900), 0));
        assert!(worse((1, 100), (900, 900), 1));
        assert!(worse((1, 1), (0, 0), 0));
    }
}
