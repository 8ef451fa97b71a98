//! A component on trial: a canary that answers a share of the calls, until
//! somebody decides, or its errors or its time do.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;

pub use self::progress::{Left, Progress};
use super::{CanaryTerms, Outcome, Replacement, Swap, SwapError, Swapper, outcome::Steps};
use crate::{app::Candidate, history::How};

mod decision;
mod progress;

/// A canary that answers calls.
pub(super) struct Trial {
    /// The canary's place in the history, if it is promoted; else the next one's.
    pub number: u64,
    progress: Arc<Progress>,
    component: Bytes,
    by: String,
    /// Ends the watch when the trial does.
    _watch: oneshot::Sender<()>,
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
        // Before it is called, so that no call is missed.
        let progress = Arc::new(Progress::begin(&self.app.services[place].serving(), &life, terms.promotion));
        self.app.publish_canary(candidate, terms.share).map_err(SwapError::busy)?;
        self.slots[place].progress.store(Some(progress.clone()));
        let (watch, ended) = oneshot::channel();
        tokio::spawn(self.clone().watch(place, progress.clone(), ended));
        Ok(Trial { number, progress, component: swap.component, by: swap.by, _watch: watch })
    }

    /// End a trial with the canary answering all calls, or none if that cannot be. If only
    /// the record fails the trial goes on.
    pub(super) async fn promote_trial(&self, place: usize, trial: &Trial, by: &str) -> Result<Outcome, SwapError> {
        let mut steps = Steps::start();
        let service = &self.app.services[place];
        let drain = self.slots[place].drains.expect();
        let serving = service.serving();
        let next = serving.canary.as_ref().map_or(&serving.live, |canary| &canary.revision);
        let going_live = async {
            let replaced = match self.app.promote(place) {
                Ok(replaced) => replaced,
                Err(error) => {
                    self.withdraw(place, trial, by)?;
                    return Err(SwapError::Withdrawn(Box::new(SwapError::busy(error))));
                }
            };
            let (component, file) = (trial.component.clone(), self.app.file(place));
            match self.record(place, component, &trial.by, How::Canary, file).await {
                Ok(()) => Ok(replaced),
                Err(error) => {
                    self.app.restore(place, replaced);
                    Err(error)
                }
            }
        };
        let replaced = self.accepting(place, &serving.live, next, going_live).await?;
        let (from, to) = (Replacement::of(&serving.live), Replacement::of(&service.serving().live));
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
}
