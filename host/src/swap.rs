//! Swaps: another component for a service that is in use, with nothing lost.
//!
//! One swap of a service goes on at a time, in this order: the component is
//! compiled, checked against the app, tried by the service's probe, published by
//! one store of a pointer, and recorded. A failure of any of them leaves what was
//! live. The calls of what is replaced go on, up to the drain deadline ([`drain`]).

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use tokio::{
    sync::{Mutex, RwLock},
    task::spawn_blocking,
};

pub use self::{
    drain::Drained,
    error::SwapError,
    handover::{Handover, Predecessor},
    meant::Meant,
    outcome::{Outcome, Replacement, Step},
    trial::{Left, Progress},
    verdict::{CALLS, Promotion},
};
use self::{
    drain::{Drains, Expected},
    outcome::Steps,
    trial::Trial,
};
use crate::{
    app::{self, App, Candidate, GivenBy},
    history::{Entry, History, How},
    manifest::NoService,
    service::{Canary, Revision, Share},
};

mod drain;
mod error;
mod handover;
mod meant;
mod outcome;
mod trial;
mod verdict;

/// Swaps the services of an app.
pub struct Swapper {
    app: Arc<App>,
    history: Arc<History>,
    slots: Vec<Slot>,
    /// Held by each swap, and alone by who puts another app in the place of this
    /// one, across their awaits. True when that is done: then nothing is swapped
    /// here any more.
    is_over: Arc<RwLock<bool>>,
}

/// What there is of swaps for one service.
#[derive(Default)]
struct Slot {
    /// Held by the swap that goes on, across its awaits; no call waits for it.
    turn: Mutex<Turn>,
    /// Of its last trial, for who looks.
    progress: ArcSwapOption<Progress>,
    drains: Drains,
}

/// What only the swap that goes on looks at.
#[derive(Default)]
struct Turn {
    trial: Option<Trial>,
}

/// A component on its way to be live.
#[derive(Clone)]
pub struct Swap {
    /// The service's name.
    pub service: String,
    /// The component.
    pub component: Bytes,
    /// Who gave it. The service's file in the manifest is then not taken for a new one
    /// at the next start.
    pub given_by: GivenBy,
    /// Who swaps.
    pub by: String,
    /// Try it first.
    pub canary: Option<CanaryTerms>,
}

/// On what terms a component is tried.
#[derive(Clone, Copy, Debug)]
pub struct CanaryTerms {
    /// Its share of the calls.
    pub share: Share,
    /// When it is promoted, if it errs no more than the live one. Without it
    /// somebody must decide.
    pub promotion: Option<Promotion>,
}

impl Swapper {
    /// Swaps for an app, recorded in this history.
    pub fn new(app: Arc<App>, history: Arc<History>) -> Arc<Swapper> {
        let slots = app.services.iter().map(|_| Slot::default()).collect();
        Arc::new(Swapper { app, history, slots, is_over: Arc::default() })
    }

    /// Whose services it swaps.
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Replace a service's component. What was begun is finished, even if nobody
    /// waits for it any more.
    pub async fn swap(self: &Arc<Self>, swap: Swap) -> Result<Outcome, SwapError> {
        let place = self.place(&swap.service)?;
        self.finish(async move |this: Arc<Self>| {
            let _going_on = this.go_on().await?;
            let mut turn = this.slots[place].turn.lock().await;
            this.replace(place, &mut turn, swap, How::Swap).await
        })
        .await
    }

    /// Go back to the component before the live one, or end a trial. Which of the two
    /// is decided when its turn comes: with `meant` it is what was meant, or nothing.
    pub async fn rollback(
        self: &Arc<Self>,
        service: &str,
        meant: Option<Meant>,
        by: &str,
    ) -> Result<Outcome, SwapError> {
        let place = self.place(service)?;
        let (service, by) = (service.to_owned(), by.to_owned());
        self.finish(async move |this: Arc<Self>| {
            let _going_on = this.go_on().await?;
            let mut turn = this.slots[place].turn.lock().await;
            if let Some(meant) = meant {
                meant.check(&this.app.services[place])?;
            }
            if let Some(trial) = turn.trial.take() {
                return this.withdraw(place, &trial, &by);
            }
            let (history, name, file) = (this.history.clone(), service.clone(), this.app.file(place));
            let before = blocking(move || {
                let Some(before) = history.before_live(&name) else { return Ok(None) };
                history.check(&name, &before.digest, &file)?;
                history.component(&before.digest).map(Some)
            });
            let Some(component) = before.await?.map_err(SwapError::History)? else {
                let live = this.app.services[place].serving().live.number();
                return Err(SwapError::Conflict(format!(
                    "revision {live} of service `{service}` is live, and there is nothing before it to go back to"
                )));
            };
            let component = component.into();
            let swap = Swap { service, component, given_by: GivenBy::History, by, canary: None };
            this.replace(place, &mut turn, swap, How::Rollback).await
        })
        .await
    }

    /// Have a canary answer all calls.
    pub async fn promote(self: &Arc<Self>, service: &str, by: &str) -> Result<Outcome, SwapError> {
        let place = self.place(service)?;
        let by = by.to_owned();
        self.finish(async move |this: Arc<Self>| {
            let _going_on = this.go_on().await?;
            let mut turn = this.slots[place].turn.lock().await;
            let Some(trial) = turn.trial.take() else {
                let name = this.app.services[place].name();
                return Err(SwapError::Conflict(format!("there is no canary of service `{name}` to promote")));
            };
            let promoted = this.promote_trial(place, &trial, &by).await;
            if matches!(promoted, Err(SwapError::History(_) | SwapError::Failed(_))) {
                // It goes on, for who mends what is amiss and promotes it then.
                turn.trial = Some(trial);
            }
            promoted
        })
        .await
    }

    /// Wait until no call of a replaced revision is left. Who waits keeps nothing of
    /// the app, whose own end may be what is waited for.
    pub fn drained(&self, service: &str) -> Result<impl Future<Output = Vec<Drained>> + use<>, SwapError> {
        let drains = self.slots[self.place(service)?].drains.clone();
        Ok(async move { drains.ended().await })
    }

    /// Replaced revisions that still have calls.
    pub fn draining(&self, place: usize) -> Vec<u64> {
        self.slots[place].drains.running()
    }

    /// How far the trial of this canary is.
    pub fn progress(&self, place: usize, canary: &Canary) -> Option<Arc<Progress>> {
        self.slots[place].progress.load_full().filter(|progress| progress.is_of(canary))
    }

    /// What was live, newest first: the first one is.
    pub async fn history(&self, service: &str) -> Result<Vec<Entry>, SwapError> {
        self.place(service)?;
        let (history, service) = (self.history.clone(), service.to_owned());
        blocking(move || history.entries(&service)).await
    }

    /// Have this app's place not taken by another while the answer is held.
    async fn go_on(&self) -> Result<impl Drop + use<'_>, SwapError> {
        let is_over = self.is_over.read().await;
        if *is_over { Err(SwapError::Over) } else { Ok(is_over) }
    }

    fn place(&self, service: &str) -> Result<usize, SwapError> {
        self.app.place(service).ok_or_else(|| {
            let names: Vec<_> = self.app.services.iter().map(|service| service.name()).collect();
            SwapError::NoService(NoService::new(service, format!("the app `{}`", self.app.name()), &names))
        })
    }

    /// Run in a task of its own.
    async fn finish<F>(self: &Arc<Self>, run: impl FnOnce(Arc<Self>) -> F) -> Result<Outcome, SwapError>
    where
        F: Future<Output = Result<Outcome, SwapError>> + Send + 'static,
    {
        tokio::spawn(run(self.clone())).await.map_err(|error| SwapError::Failed(error.into()))?
    }

    async fn replace(
        self: &Arc<Self>,
        place: usize,
        turn: &mut Turn,
        swap: Swap,
        how: How,
    ) -> Result<Outcome, SwapError> {
        let service = &self.app.services[place];
        let from = Replacement::of(&service.serving().live);
        if let Some(trial) = &turn.trial {
            return Err(SwapError::Conflict(format!(
                "revision {} of service `{}` is on trial; promote it or roll it back first",
                trial.number, swap.service
            )));
        }
        let mut steps = Steps::start();
        let component = swap.component.clone();
        let digest = blocking(move || app::digest(&component)).await?;
        steps.done("read");
        let file = if swap.given_by == GivenBy::Manifest { digest.clone() } else { self.app.file(place) };
        if digest == from.digest {
            if file != self.app.file(place) {
                self.record(place, swap.component, &swap.by, how, file).await?;
            }
            return Ok(Outcome::unchanged(&swap.service, from, steps));
        }
        self.may_record(place, &digest, &file).await?;
        let number = from.revision + 1;
        let checked = self.prepare(place, number, &swap, &mut steps).await;
        let candidate = checked.inspect_err(|error| log(&swap.service, &swap.by, &from, &digest, error.outcome()))?;
        let to = Replacement::of(candidate.revision());
        let no_more = self.app.no_more(&candidate);
        if let Some(terms) = swap.canary {
            let name = swap.service.clone();
            log(&name, &swap.by, &from, &to.digest, "on trial");
            turn.trial = Some(self.begin_trial(place, candidate, swap, terms)?);
            steps.done("canary");
            return Ok(Outcome { no_more, ..Outcome::canary(&name, from, to, steps) });
        }
        let drain = self.slots[place].drains.expect();
        let (live, next) = (service.serving().live.clone(), candidate.revision().clone());
        let going_live = async {
            let replaced = self.app.publish(candidate).map_err(SwapError::busy)?;
            match self.record(place, swap.component, &swap.by, how, file).await {
                Ok(()) => Ok(replaced),
                Err(error) => {
                    self.app.restore(place, replaced);
                    Err(error)
                }
            }
        };
        let replaced = self.accepting(place, &live, &next, going_live).await?;
        steps.done("live");
        log(&swap.service, &swap.by, &from, &to.digest, "live");
        self.drain(place, drain, replaced.into_live());
        Ok(Outcome { no_more, ..Outcome::live(&swap.service, from, to, steps) })
    }

    /// Everything that comes before it is published.
    async fn prepare(
        self: &Arc<Self>,
        place: usize,
        number: u64,
        swap: &Swap,
        steps: &mut Steps,
    ) -> Result<Candidate, SwapError> {
        let (app, component, given_by) = (self.app.clone(), swap.component.clone(), swap.given_by);
        let part = blocking(move || app.compile(place, given_by, &component)).await?.map_err(SwapError::Refused)?;
        steps.noted("compile", part.from_cache.then_some("from the cache"));
        let candidate = self.app.check(place, part, number).await.map_err(SwapError::Refused)?;
        let waiting = self.app.check_waiting(&candidate).await.map_err(|error| SwapError::Failed(error.into()))?;
        waiting.map_err(SwapError::Refused)?;
        steps.done("check");
        if let Some(probed) = self.app.probe(place, candidate.revision().clone()).await {
            probed.map_err(|failed| SwapError::Refused(self.app.failed_probe(place, &failed)))?;
            steps.done("probe");
        }
        Ok(candidate)
    }

    /// Have a revision go live that may take other messages than the live one: the store says
    /// so before, and what it said again if that comes to nothing.
    async fn accepting<T>(
        &self,
        place: usize,
        live: &Revision,
        next: &Revision,
        going_live: impl Future<Output = Result<T, SwapError>>,
    ) -> Result<T, SwapError> {
        self.app.accept(place, live, next).await.map_err(|error| SwapError::Failed(error.into()))?;
        let done = going_live.await;
        if done.is_err() {
            // Where this fails, too, the next start looks at what waits.
            let _ = self.app.accept(place, next, live).await;
        }
        done
    }

    /// Whether a component could be recorded, which is worth knowing before all else.
    async fn may_record(&self, place: usize, digest: &str, file: &str) -> Result<(), SwapError> {
        let (history, service) = (self.history.clone(), self.app.services[place].name().to_owned());
        let (digest, file) = (digest.to_owned(), file.to_owned());
        blocking(move || history.check(&service, &digest, &file)).await?.map_err(SwapError::History)
    }

    async fn record(&self, place: usize, component: Bytes, by: &str, how: How, file: String) -> Result<(), SwapError> {
        let (history, service, by) = (self.history.clone(), self.app.services[place].name().to_owned(), by.to_owned());
        let noted = file.clone();
        let recorded = blocking(move || history.record(&service, &component, &by, how, &noted)).await?;
        recorded.map_err(SwapError::History)?;
        self.app.set_file(place, file);
        Ok(())
    }

    /// See to it that what was replaced is gone in time.
    fn drain(&self, place: usize, drain: Expected, replaced: Arc<Revision>) {
        let service = &self.app.services[place];
        drain.begin(service.name(), replaced, service.limits().drain);
    }
}

/// Run what blocks on a thread that serves no requests.
async fn blocking<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> Result<T, SwapError> {
    spawn_blocking(run).await.map_err(|error| SwapError::Failed(error.into()))
}

fn log(service: &str, by: &str, from: &Replacement, to: &str, outcome: &str) {
    tracing::info!(service, by, from = from.digest, to, outcome, "a swap ended");
}
