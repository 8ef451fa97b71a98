//! An app: the services, links and routes of one manifest.
//!
//! It is made in two steps. [`Plan`] compiles every component and resolves every
//! link, so that whatever is wrong is found and reported together, before any
//! port is bound or any data touched. [`App`] is a plan with a store, its
//! services live. A service's component can be replaced then ([`Candidate`]), by
//! the same checks.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

pub use self::{
    accepted::{Accepted, Unfit},
    candidate::{Candidate, Replaced},
    contents::Contents,
    file::{Unreadable, read as read_component, read_from as read_component_from},
    given_by::GivenBy,
    kind::{Kind, Sender},
    part::{LARGEST, Part, SMALLER_HELP},
    plan::Plan,
    schedule_names::ScheduleNames,
    settings::open as open_settings,
};
use self::{foundation::Foundation, topology::Topology};
use crate::{
    link,
    manifest::{EventManifest, Manifest, RouteManifest, ScheduleManifest, ServiceManifest, Transport},
    message::{Origin, Queue},
    service::Service,
    store::BucketStore,
};

mod accepted;
mod authorizer;
mod candidate;
mod compiler;
mod contents;
mod file;
mod foundation;
mod given_by;
mod kind;
mod no_more;
mod part;
mod plan;
mod probe;
mod schedule_names;
mod settings;
mod topology;

/// The running services of one manifest.
pub struct App {
    /// In the order of the manifest, which is that of their names.
    pub services: Vec<Arc<Service>>,
    foundation: Foundation,
    /// SHA-256 of the manifest's components, as the history is to know them.
    /// Protects a name each, looked at and replaced whole.
    files: Mutex<Vec<String>>,
    /// Protects who is what component: held to look, and to publish another.
    topology: Mutex<Topology>,
}

/// A link, or an event, by the names of its ends.
#[derive(Clone, Debug, serde::Serialize)]
pub struct LinkNames {
    /// The service that imports.
    pub from: String,
    /// The service that exports, or is delivered the calls.
    pub to: String,
    /// The interface as the importer names it.
    pub interface: String,
}

impl App {
    fn new(foundation: Foundation, topology: Topology, services: Vec<Arc<Service>>, files: Vec<String>) -> App {
        App { services, foundation, files: Mutex::new(files), topology: Mutex::new(topology) }
    }

    /// The app's name.
    pub fn name(&self) -> &str {
        &self.foundation.manifest.app
    }

    /// What was asked for.
    pub fn manifest(&self) -> &Manifest {
        &self.foundation.manifest
    }

    /// The buckets of all services.
    pub fn store(&self) -> &dyn BucketStore {
        &*self.foundation.store
    }

    /// The same store, for another app.
    pub fn share_store(&self) -> Arc<dyn BucketStore> {
        self.foundation.store.clone()
    }

    /// How long the last calls of a service may take when the app is replaced. Its
    /// callers' calls end in it, so that it is stopped after them.
    pub fn drain(&self, service: usize) -> Duration {
        let own = self.services[service].limits().drain;
        let topology = self.topology().links.clone();
        let callers = topology.iter().filter(|link| link.exporter == service).map(|link| link.importer);
        callers.map(|caller| self.drain(caller)).fold(own, Duration::max)
    }

    /// The place of a service in all lists.
    pub fn place(&self, service: &str) -> Option<usize> {
        self.services.iter().position(|it| it.name() == service)
    }

    /// All routes, each with the service whose it is; those of the gateway have none.
    pub fn routes(&self) -> impl Iterator<Item = (&RouteManifest, Option<&Arc<Service>>)> {
        let services = self.manifest().services.iter().zip(&self.services);
        let theirs = services.flat_map(|(manifest, service)| manifest.routes.iter().map(move |it| (it, Some(service))));
        theirs.chain(self.manifest().gateway.routes.iter().map(|route| (route, None)))
    }

    /// The digest of the service's file in the manifest, as it was at the start or
    /// when it was swapped since.
    pub fn file(&self, service: usize) -> String {
        self.files()[service].clone()
    }

    /// The service's file was replaced by one with this digest, and that is live.
    pub fn set_file(&self, service: usize, digest: String) {
        self.files()[service] = digest;
    }

    /// Who calls whom.
    pub fn links(&self) -> Vec<LinkNames> {
        LinkNames::of(&self.foundation.manifest, &self.topology())
    }

    /// Whose calls become messages, and for whom.
    pub fn events(&self) -> Vec<LinkNames> {
        LinkNames::of_events(&self.foundation.manifest, &self.topology())
    }

    /// Where the messages of an event wait for a subscriber.
    fn queue(&self, event: &str, subscriber: &str) -> Option<Arc<Queue>> {
        let of_event = |queues: &foundation::EventQueues| {
            queues.subscribed.iter().chain(queues.emitted.iter()).cloned().collect::<Vec<_>>()
        };
        let mut queues = self.foundation.queues.iter().flat_map(of_event);
        queues.find(|queue| queue.event() == event && queue.subscriber() == subscriber)
    }

    /// Who is delivered which event, with the queue between.
    pub fn subscriptions(&self) -> impl Iterator<Item = (&EventManifest, &Arc<Queue>, &Arc<Service>)> {
        let events = self.manifest().events.iter().zip(&self.foundation.queues);
        let queues = events.flat_map(|(event, queues)| queues.subscribed.iter().map(move |queue| (event, queue)));
        queues.filter_map(|(event, queue)| Some((event, queue, &self.services[self.place(queue.subscriber())?])))
    }

    /// Which event goes by which transport, with the queue of what is to be sent.
    pub fn outboxes(&self) -> impl Iterator<Item = (&EventManifest, &Transport, &Arc<Queue>)> {
        let events = self.manifest().events.iter().zip(&self.foundation.queues);
        events.filter_map(|(event, queues)| Some((event, event.transport.as_ref()?, queues.emitted.first()?)))
    }

    /// All that the messages of a schedule have in common, as its subscribers are now, and
    /// the queues that they go to.
    pub fn scheduled(&self, schedule: &ScheduleManifest) -> Option<(Origin, Arc<[Arc<Queue>]>)> {
        let origin = self.topology().origin(self.manifest(), schedule)?;
        let event = self.manifest().events.iter().position(|event| event.interface == schedule.interface)?;
        Some((origin, self.foundation.queues[event].emitted.clone()))
    }

    /// Wait until no call is left, when no request comes any more. Some outlive
    /// their request: a component may work on after its answer.
    pub async fn until_idle(&self) {
        let mut places = link::callees_first(self.services.len(), &self.topology().links.clone());
        places.reverse();
        // When a service's callers are idle nobody begins a call of it.
        for place in places {
            let serving = self.services[place].serving();
            serving.live.until_idle().await;
            if let Some(canary) = &serving.canary {
                canary.revision.until_idle().await;
            }
        }
    }

    /// Finish what the store has in hand.
    pub async fn close(&self) -> Result<()> {
        self.store().close().await.context("the store could not be closed")
    }

    fn service_manifest(&self, place: usize) -> &ServiceManifest {
        &self.foundation.manifest.services[place]
    }

    fn files(&self) -> MutexGuard<'_, Vec<String>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn topology(&self) -> MutexGuard<'_, Topology> {
        self.topology.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// SHA-256 in hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl LinkNames {
    /// The links in the order of the services that import.
    fn of(manifest: &Manifest, topology: &Topology) -> Vec<LinkNames> {
        let name = |place: usize| manifest.services[place].name.clone();
        let names = topology.links.iter().map(|link| LinkNames {
            from: name(link.importer),
            to: name(link.exporter),
            interface: topology.import(link.importer, link.import).name.to_string(),
        });
        names.collect()
    }

    /// The events in the order of the services that import them, one for each subscriber;
    /// what goes by a broker goes to that, and from there to each.
    fn of_events(manifest: &Manifest, topology: &Topology) -> Vec<LinkNames> {
        let emissions = topology.emissions.iter().flat_map(|emission| {
            let interface = topology.import(emission.importer, emission.import).name.to_string();
            let (from, event) = (&manifest.services[emission.importer].name, &manifest.events[emission.event]);
            let to = event.outbox().map_or_else(|| event.subscribers.clone(), |outbox| vec![outbox]);
            to.into_iter().map(move |to| LinkNames { from: from.clone(), to, interface: interface.clone() })
        });
        let brokered = manifest.events.iter().filter_map(|event| Some((event, event.outbox()?)));
        let brokered = brokered.flat_map(|(event, from)| {
            let to = event.subscribers.iter().cloned();
            to.map(move |to| LinkNames { from: from.clone(), to, interface: event.interface.clone() })
        });
        emissions.chain(brokered).collect()
    }

    /// Whom a service calls, by interface.
    pub fn of_service<'a>(links: &'a [LinkNames], service: &str) -> BTreeMap<&'a str, &'a str> {
        let links = links.iter().filter(|link| link.from == service);
        links.map(|link| (link.interface.as_str(), link.to.as_str())).collect()
    }

    /// Who is delivered what a service emits, by interface.
    pub fn told_of_service<'a>(events: &'a [LinkNames], service: &str) -> BTreeMap<&'a str, Vec<&'a str>> {
        let mut told = BTreeMap::<_, Vec<_>>::new();
        for event in events.iter().filter(|event| event.from == service) {
            told.entry(event.interface.as_str()).or_default().push(event.to.as_str());
        }
        told
    }
}
