//! A service and an event that it is delivered, or a broker that is sent it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use super::{kept::State, line::Line};
use crate::{
    app::App,
    broker::{self, Address, Outlet, Reader},
    manifest::{Backoff, EventManifest, Parked, Start, Subject, Transport},
    message::{Moment, Queue},
    service::{Service, Watermark},
    store::{BucketStore, StoreError},
};

/// The bucket of those who are delivered nothing for the time being, by their names.
pub const PAUSED: &str = "paused:subscribers";

/// The key under which it is kept how far a broker was read.
pub const PLACE: &str = "place";

/// Who is delivered what, from where, and on what terms.
pub struct Subscription {
    /// The messages that wait.
    pub queue: Arc<Queue>,
    /// Who has them.
    pub to: Destination,
    /// The broker that they come from, if they do.
    pub from: Option<Source>,
    /// The way to that broker, or to the one that they go to.
    pub line: Option<Line>,
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

/// Who has the messages of a queue.
pub enum Destination {
    /// A service, which is called for each.
    Service(Arc<Service>),
    /// A broker, which is sent each.
    Broker(Box<Outbound>),
}

/// A broker, and who is to have begun to read it before it is sent anything: a subscriber of
/// this app that is new has all that the app emits.
pub struct Outbound {
    /// The way there.
    pub outlet: Arc<dyn Outlet>,
    /// The buckets of how far each has read.
    places: Vec<String>,
    has_readers: AtomicBool,
}

/// Where messages come from that are no app's own.
pub struct Source {
    /// By which broker.
    pub transport: Transport,
    /// Who reads what there.
    pub reader: Reader,
    /// What keeps them in order.
    pub key: Option<String>,
    /// The subjects that it is to have, where messages have those.
    pub subjects: Option<Vec<Subject>>,
    /// How long it is remembered what came.
    pub keep: Duration,
    /// The bucket of that: by id, when it came.
    pub had: String,
    /// The bucket of how far it has been read.
    pub place: String,
}

impl Subscription {
    /// All of an app, those of brokers last.
    pub fn all(app: &App) -> Vec<Arc<Subscription>> {
        let services = app.subscriptions().map(|(event, queue, service)| {
            let source = event.transport.as_ref().map(|transport| Source::new(app, event, transport, queue));
            Subscription::new(app, event, queue, Destination::Service(service.clone()), source)
        });
        let brokers = app.outboxes().map(|(event, transport, queue)| {
            let outbound = Outbound::new(event, transport);
            Subscription::new(app, event, queue, Destination::Broker(Box::new(outbound)), None)
        });
        services.chain(brokers).map(Arc::new).collect()
    }

    fn new(
        app: &App,
        event: &EventManifest,
        queue: &Arc<Queue>,
        to: Destination,
        from: Option<Source>,
    ) -> Subscription {
        let bucket = |state: State| state.bucket_of(queue.name());
        let line = event.transport.as_ref().map(|transport| {
            // What is sent is sent when there is something; what comes is waited for.
            let broken = from.is_some().then_some("it has not been connected to yet");
            Line::new(transport.server.place(), broken)
        });
        Subscription {
            queue: queue.clone(),
            to,
            from,
            line,
            store: app.share_store(),
            attempts: event.attempts,
            when_parked: event.parked,
            start: event.start,
            retries: bucket(State::Retrying),
            blocked: bucket(State::Blocked),
            parked: bucket(State::Parked),
            backoff: event.backoff,
        }
    }

    /// When the next attempt is due after so many that failed: exponential, with full jitter
    /// (<https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>).
    pub fn due(&self, failures: u32) -> Moment {
        let Backoff { first, most } = self.backoff;
        let grown = first.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
        let wait = Duration::from_secs_f64(grown.min(most).as_secs_f64() * fastrand::f64());
        Moment::from(SystemTime::now() + wait)
    }

    /// Whether its messages are emitted by this app, and delivered to it.
    pub fn is_local(&self) -> bool {
        self.from.is_none() && matches!(self.to, Destination::Service(_))
    }

    /// The most bundles of deliveries at once. With two one is gathered while the broker takes
    /// the other.
    pub fn most_bundles(&self) -> usize {
        match &self.to {
            Destination::Service(service) => service.limits().instances as usize,
            Destination::Broker(_) => 2,
        }
    }

    /// The most deliveries of one bundle.
    pub fn most_bundled(&self) -> usize {
        match &self.to {
            Destination::Service(_) => 1,
            Destination::Broker(_) => broker::MOST,
        }
    }
}

impl Outbound {
    fn new(event: &EventManifest, transport: &Transport) -> Outbound {
        let outlet = broker::outlet(transport, &Address::of(&event.interface));
        let places = event.subscribers.iter().map(|subscriber| place(&event.interface, subscriber)).collect();
        Outbound { outlet, places, has_readers: AtomicBool::new(false) }
    }

    /// Whether all who read it here have a place there by now.
    pub async fn has_readers(&self, store: &dyn BucketStore, seen: &Watermark) -> Result<bool, StoreError> {
        if self.has_readers.load(Ordering::Relaxed) {
            return Ok(true);
        }
        for bucket in &self.places {
            if !store.exists(bucket, PLACE, seen).await? {
                return Ok(false);
            }
        }
        self.has_readers.store(true, Ordering::Relaxed);
        Ok(true)
    }
}

/// The bucket of how far a broker has been read for a subscriber.
fn place(event: &str, subscriber: &str) -> String {
    format!("place:{event}/{subscriber}")
}

impl Source {
    fn new(app: &App, event: &EventManifest, transport: &Transport, queue: &Queue) -> Source {
        let reader = Reader {
            app: app.manifest().app.clone(),
            subscriber: queue.subscriber().to_owned(),
            address: Address::of(&event.interface),
            start: event.start,
        };
        let (event_name, subscriber) = (queue.event(), queue.subscriber());
        let (transport, key, keep) = (transport.clone(), event.key.clone(), event.keep);
        let (had, place) = (format!("had:{event_name}/{subscriber}"), place(event_name, subscriber));
        let subjects = event.has_subjects().then(|| app.manifest().subjects_of(event, subscriber));
        Source { transport, reader, key, subjects, keep, had, place }
    }
}
