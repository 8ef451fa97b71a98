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
    running: Vec<u64>,
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

impl Drains {
    /// Wait for the last calls of a revision, and stop what is left at the limit.
    pub fn begin(&self, service: &str, revision: Arc<Revision>, limit: Duration) -> JoinHandle<Drained> {
        let (number, life) = (revision.number(), revision.life().clone());
        // Its end is waited for, so nothing here may keep it.
        drop(revision);
        self.0.send_modify(|state| {
            if state.running.is_empty() {
                state.ended.clear();
            }
            state.running.push(number);
        });
        let (sender, service, begun) = (self.0.clone(), service.to_owned(), Instant::now());
        tokio::spawn(async move {
            if timeout(limit, life.ended()).await.is_err() {
                life.stop();
                let _ = timeout(STOPPED, life.ended()).await;
            }
            let drained =
                Drained { revision: number, ms: begun.elapsed().as_secs_f64() * 1000.0, stopped: life.stopped() };
            tracing::info!(service, revision = number, stopped = drained.stopped, "a replaced revision is gone");
            sender.send_modify(|state| {
                // It may be there twice: as that of an app before, with other limits.
                if let Some(place) = state.running.iter().position(|running| *running == number) {
                    state.running.remove(place);
                }
                state.ended.push(drained.clone());
            });
            drained
        })
    }

    /// Those that still have calls, by their numbers.
    pub fn running(&self) -> Vec<u64> {
        self.0.borrow().running.clone()
    }

    /// Those that were replaced last, when none has calls any more.
    pub async fn ended(&self) -> Vec<Drained> {
        let mut state = self.0.subscribe();
        let ended = state.wait_for(|state| state.running.is_empty()).await;
        ended.map(|state| state.ended.clone()).unwrap_or_default()
    }
}
