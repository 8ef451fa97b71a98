//! The last calls of what was replaced.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde::Serialize;
use tokio::{sync::watch, task::JoinHandle, time::timeout};

use crate::service::Revision;

/// How long stopped calls get to end. They are stopped where they wait, or at the
/// next tick of the engine.
const STOPPED: Duration = Duration::from_secs(5);

/// The revisions of a service that were replaced and have calls.
#[derive(Clone, Default)]
pub(super) struct Drains(watch::Sender<State>);

#[derive(Default)]
struct State {
    /// Revisions that are about to be replaced, or were and are not gone.
    expected: usize,
    /// Those of them that were replaced, by their numbers.
    draining: Vec<u64>,
    ended: Vec<Drained>,
}

/// A revision that was replaced, and has no calls any more.
#[derive(Clone, Debug, Serialize)]
pub struct Drained {
    /// Its place in the service's history.
    pub revision: u64,
    /// How long its last calls took, in milliseconds.
    pub ms: f64,
    /// Calls that were stopped at the drain deadline.
    pub stopped: u64,
}

/// A revision that is about to be replaced, or was. As long as there is one,
/// nobody is told that all are gone.
pub(super) struct Expected(watch::Sender<State>);

impl Drains {
    /// Expect that a revision is replaced. To be called before it is, for its
    /// calls go on from that moment, and what is live is still to be recorded.
    pub fn expect(&self) -> Expected {
        self.0.send_modify(|state| state.expected += 1);
        Expected(self.0.clone())
    }

    /// Those that still have calls, by their numbers.
    pub fn running(&self) -> Vec<u64> {
        self.0.borrow().draining.clone()
    }

    /// Those that were replaced last, when none has calls any more.
    pub async fn ended(&self) -> Vec<Drained> {
        let mut state = self.0.subscribe();
        let ended = state.wait_for(|state| state.expected == 0).await;
        ended.map(|state| state.ended.clone()).unwrap_or_default()
    }
}

impl Expected {
    /// Wait for the last calls of the revision, and stop what is left at the limit.
    pub fn begin(self, service: &str, revision: Arc<Revision>, limit: Duration) -> JoinHandle<Drained> {
        let (number, life) = (revision.number(), revision.life().clone());
        revision.retire();
        // Its end is waited for, so nothing here may keep it.
        drop(revision);
        self.0.send_modify(|state| {
            if state.expected == 1 {
                state.ended.clear();
            }
            state.draining.push(number);
        });
        let (service, begun) = (service.to_owned(), Instant::now());
        tokio::spawn(async move {
            if timeout(limit, life.ended()).await.is_err() {
                life.stop();
                let _ = timeout(STOPPED, life.ended()).await;
            }
            let drained =
                Drained { revision: number, ms: begun.elapsed().as_secs_f64() * 1000.0, stopped: life.stopped() };
            tracing::info!(service, revision = number, stopped = drained.stopped, "a replaced revision is gone");
            self.0.send_modify(|state| {
                // It may be there twice: as that of an app before, with other limits.
                if let Some(place) = state.draining.iter().position(|draining| *draining == number) {
                    state.draining.remove(place);
                }
                state.ended.push(drained.clone());
            });
            drained
        })
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        self.0.send_modify(|state| state.expected -= 1);
    }
}
