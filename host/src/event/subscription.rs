//! A service and an event that it is delivered.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::kept::State;
use crate::{
    app::App,
    manifest::{Backoff, EventManifest, Parked, Start},
    message::{Moment, Queue},
    service::Service,
    store::BucketStore,
};

/// The bucket of those who are delivered nothing for the time being, by their names.
pub const PAUSED: &str = "paused:subscribers";

/// Who is delivered what, from where, and on what terms.
pub struct Subscription {
    /// The messages that wait.
    pub queue: Arc<Queue>,
    /// The subscriber.
    pub service: Arc<Service>,
    /// The app's store.
    pub store: Arc<dyn BucketStore>,
    /// How many attempts there are.
    pub attempts: u32,
    /// What becomes of those behind a parked one.
    pub when_parked: Parked,
    /// Where it begins, if it is new.
    pub start: Start,
    /// The bucket of [records](super::record::Record) of those that are tried again.
    pub retries: String,
    /// That of those which are parked where they are.
    pub blocked: String,
    /// That of those which are parked out of the way.
    pub parked: String,
    backoff: Backoff,
}

impl Subscription {
    /// All of an app.
    pub fn all(app: &App) -> Vec<Arc<Subscription>> {
        let all = app.subscriptions().map(|(event, queue, service)| {
            let (event, service, store): (&EventManifest, _, _) = (event, service.clone(), app.share_store());
            let bucket = |state: State| state.bucket_of(queue.event(), queue.subscriber());
            Arc::new(Subscription {
                queue: queue.clone(),
                service,
                store,
                attempts: event.attempts,
                when_parked: event.parked,
                start: event.start,
                retries: bucket(State::Retrying),
                blocked: bucket(State::Blocked),
                parked: bucket(State::Parked),
                backoff: event.backoff,
            })
        });
        all.collect()
    }

    /// When the next attempt is due after so many that failed: exponential, with full jitter
    /// (<https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>).
    pub fn due(&self, failures: u32) -> Moment {
        let Backoff { first, most } = self.backoff;
        let grown = first.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
        let wait = Duration::from_secs_f64(grown.min(most).as_secs_f64() * fastrand::f64());
        Moment::from(SystemTime::now() + wait)
    }

    /// The most deliveries at once.
    pub fn most(&self) -> usize {
        self.service.limits().instances as usize
    }
}
