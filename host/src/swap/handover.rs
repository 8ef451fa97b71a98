//! Another app in the place of one that serves.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::OwnedRwLockWriteGuard, task::JoinHandle};

use super::{Drained, Slot, Swapper};
use crate::app::App;

/// A swapper that is to hand its app's place over. No swap goes on or begins as
/// long as this is there; if it is dropped, all is as before.
pub struct Handover {
    from: Arc<Swapper>,
    is_over: OwnedRwLockWriteGuard<bool>,
}

/// An app whose place was taken, until its last call has ended.
pub struct Predecessor {
    /// The services that had a canary, which answers no new calls.
    pub withdrawn: Vec<String>,
    begun: Instant,
    drains: Vec<JoinHandle<Drained>>,
}

impl Swapper {
    /// Wait until no swap goes on, and let none begin.
    pub async fn hand_over(self: &Arc<Self>) -> Handover {
        let is_over = self.is_over.clone().write_owned().await;
        Handover { from: self.clone(), is_over }
    }

    /// Wait until no call is left of what was replaced.
    pub async fn until_drained(&self) {
        for slot in &self.slots {
            slot.drains.ended().await;
        }
    }
}

impl Handover {
    /// Whose place is to be taken.
    pub fn app(&self) -> &App {
        &self.from.app
    }

    /// Swaps for the app that is to take the place. None succeeds before
    /// [`Handover::end`].
    pub fn successor(&self, app: Arc<App>) -> Arc<Swapper> {
        let slots = app.services.iter().map(|service| {
            let Some(before) = self.from.app.place(service.name()) else { return Slot::default() };
            service.count_on(&self.from.app.services[before]);
            // What of this service still drains goes on to be known.
            Slot { drains: self.from.slots[before].drains.clone(), ..Slot::default() }
        });
        let slots = slots.collect();
        Arc::new(Swapper { app, history: self.from.history.clone(), slots, is_over: Arc::default() })
    }

    /// The place was taken: new calls go to the successor. What is left of the app
    /// ends with its last calls, or is stopped at their drain deadlines.
    pub async fn end(self) -> Predecessor {
        let Handover { from, mut is_over } = self;
        *is_over = true;
        drop(is_over);
        let mut withdrawn = Vec::new();
        let mut drains = Vec::new();
        for (place, slot) in from.slots.iter().enumerate() {
            let service = &from.app.services[place];
            if slot.turn.lock().await.trial.take().is_some() {
                withdrawn.push(service.name().to_owned());
            }
            let serving = service.serving();
            let canary = serving.canary.iter().map(|canary| &canary.revision);
            for revision in canary.chain([&serving.live]) {
                let limit = from.app.drain(place);
                drains.push(slot.drains.expect().begin(service.name(), revision.clone(), limit));
            }
        }
        Predecessor { withdrawn, begun: Instant::now(), drains }
    }
}

impl Predecessor {
    /// Wait until it is gone: how long that took, and how many calls were stopped.
    pub async fn gone(self) -> (Duration, u64) {
        let mut stopped = 0;
        for drained in self.drains {
            stopped += drained.await.map_or(0, |drained| drained.stopped);
        }
        (self.begun.elapsed(), stopped)
    }
}
