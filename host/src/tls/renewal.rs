//! Looks after the files of a listener.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};

use super::{Parts, Tls, kept::Kept};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Reads files again when they change.
pub struct Renewal {
    tls: Arc<Tls>,
    parts: Parts,
}

impl Renewal {
    pub(super) fn new(tls: Arc<Tls>, parts: Parts) -> Renewal {
        Renewal { tls, parts }
    }

    /// Look after them for good. A file that is elsewhere may take long to answer, which
    /// holds up nobody.
    pub async fn run(mut self) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let looked = spawn_blocking(move || {
                self.look();
                self
            });
            match looked.await {
                Ok(renewal) => self = renewal,
                Err(_) => return,
            }
        }
    }

    /// Use what is new, all of it at once.
    fn look(&mut self) {
        let pairs = self.parts.pairs.iter_mut().filter_map(|pair| pair.look().then_some(())).count();
        let clients = self.parts.clients.as_mut().is_some_and(Kept::look);
        if pairs == 0 && !clients {
            return;
        }
        match self.parts.config() {
            Ok(config) => self.tls.config.store(Arc::new(config)),
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "what changed cannot be used"),
        }
    }
}
