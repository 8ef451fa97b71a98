//! Who decides a trial if nobody does: its figures, looked at after each error and
//! when something may have come of its time, its calls or a probe.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::oneshot,
    time::{Instant, sleep_until},
};

use super::Progress;
use crate::{
    service::{Life, Revision},
    swap::{
        SwapError, Swapper,
        verdict::{Promotion, Verdict},
    },
};

/// Who decides, for the log.
const WHO: &str = "the trial";

/// When a trial is looked at next, without an error.
struct Look {
    at: Instant,
    /// The canary's calls at the last look.
    calls: u64,
    /// How long a trial lasts when it is said next that it waits.
    told: Duration,
}

impl Swapper {
    /// Look at a trial until it is decided.
    pub(super) async fn watch(self: Arc<Self>, place: usize, trial: Arc<Progress>, mut ended: oneshot::Receiver<()>) {
        let can_probe = self.app.manifest().services[place].probe.is_some();
        let mut look = Look::first(&trial, can_probe);
        loop {
            let probed = tokio::select! {
                biased;
                _ = &mut ended => return,
                () = trial.canary().erred() => Ok(()),
                probed = self.look(place, &trial, &look), if trial.promotion().is_some() => {
                    look.done(&trial, can_probe);
                    probed
                }
            };
            let (is_promoted, why) = match (probed, trial.verdict()) {
                (Err(why), _) => (false, format!("its probe failed: {why}; ")),
                (Ok(()), Verdict::Withdraw) => (false, String::new()),
                (Ok(()), Verdict::Promote) => (true, String::new()),
                (Ok(()), Verdict::Wait) => {
                    self.tell_what_is_missing(place, &trial, &mut look);
                    continue;
                }
            };
            return self.decide(place, &trial, is_promoted, &why).await;
        }
    }

    /// Wait until it is time to look, and have the probe answered if there was no call
    /// lately. The answer is why it failed; where the store did, it says nothing.
    async fn look(&self, place: usize, trial: &Progress, look: &Look) -> Result<(), String> {
        sleep_until(look.at).await;
        let is_called = trial.canary().calls() > look.calls;
        let is_enough = trial.left().is_none_or(|left| left.calls == 0);
        let Some(canary) = self.canary(place, trial).filter(|_| !is_called && !is_enough) else { return Ok(()) };
        match self.app.probe(place, canary).await {
            Some(Ok(())) => {
                trial.count_probe();
                Ok(())
            }
            Some(Err(failed)) if failed.is_stores => {
                tracing::debug!(error = failed.why, "a probe of a canary says nothing: the store failed it");
                Ok(())
            }
            Some(Err(failed)) => Err(failed.why),
            None => Ok(()),
        }
    }

    /// The canary that is on trial, as long as it is.
    fn canary(&self, place: usize, trial: &Progress) -> Option<Arc<Revision>> {
        let serving = self.app.services[place].serving();
        serving.canary.as_ref().filter(|canary| trial.is_of(canary)).map(|canary| canary.revision.clone())
    }

    /// Say that a trial whose time is over waits for calls: at once, and whenever it
    /// has come to last twice as long as when it was said before.
    fn tell_what_is_missing(&self, place: usize, trial: &Progress, look: &mut Look) {
        let Some(left) = trial.left().filter(|_| trial.elapsed() >= look.told) else { return };
        look.told = trial.elapsed() * 2;
        let service = &self.app.manifest().services[place];
        let Promotion { calls, .. } = left.promotion;
        let come = calls - left.calls;
        let otherwise = match service.probe {
            Some(_) => "its probe is asked meanwhile",
            None => "a `probe` of the service would stand in for them",
        };
        tracing::info!(
            service = service.name,
            "the time of the canary is over, but {come} of {calls} calls have come: it waits for {} more, or for `dovetail \
             promote` or `rollback`; {otherwise}",
            left.calls,
        );
    }

    /// End a trial, unless somebody did meanwhile, and say why.
    async fn decide(&self, place: usize, trial: &Progress, is_promoted: bool, why: &str) {
        let service = self.app.services[place].name();
        let Ok(_going_on) = self.go_on().await else { return };
        let mut turn = self.slots[place].turn.lock().await;
        let is_this = |life: &Arc<Life>| Arc::ptr_eq(life, trial.canary());
        let Some(ended) = turn.trial.take_if(|trial| is_this(trial.progress.canary())) else { return };
        let (revision, figures) = (ended.number, trial.figures());
        let decided = match is_promoted {
            true => match self.promote_trial(place, &ended, WHO).await {
                // Nobody is there who would promote it later.
                Err(failed @ (SwapError::History(_) | SwapError::Failed(_))) => {
                    self.withdraw(place, &ended, WHO).and(Err(SwapError::Withdrawn(Box::new(failed))))
                }
                promoted => promoted,
            },
            false => self.withdraw(place, &ended, WHO),
        };
        match decided {
            Ok(_) if is_promoted => tracing::info!(service, revision, "the canary is promoted: {figures}"),
            Ok(_) => tracing::warn!(service, revision, "the canary is withdrawn: {why}{figures}"),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(service, revision, error, "the trial could not be ended well: {figures}");
            }
        }
    }
}

impl Look {
    fn first(trial: &Progress, can_probe: bool) -> Look {
        let after = trial.promotion().map(|promotion| promotion.after).unwrap_or_default();
        let mut look = Look { at: Instant::now(), calls: 0, told: after };
        look.done(trial, can_probe);
        look
    }

    /// Set the next one.
    fn done(&mut self, trial: &Progress, can_probe: bool) {
        let Some(promotion) = trial.promotion() else { return };
        let figures = trial.figures();
        self.calls = figures.canary.calls;
        self.at = Instant::now() + promotion.next_look(&figures, trial.elapsed(), can_probe);
    }
}
