//! What every revision of an app is made with.

use std::sync::{Arc, OnceLock};

use anyhow::Result;
use wasmtime::component::Linker;

use super::{App, GivenBy, Part, compiler::Compiler, settings::AllSettings, topology};
use crate::{
    capability::{
        Grants,
        messaging::{self, HANDLE, HANDLER, Messaging},
        outbound::Breaker,
    },
    engine::Kind,
    link::{self, Emission, Link},
    manifest::{EventManifest, Manifest, Problem, ServiceManifest},
    message::{Origin, Queue},
    service::{Receiver, Receivers, Revision, RevisionError, Service, State},
    store::BucketStore,
    telemetry::ServiceLog,
};

/// The manifest, the engines, and the host's side of all imports. A service's
/// first revision and its hundredth are made in the same way: here.
pub struct Foundation {
    /// What was asked for.
    pub manifest: Manifest,
    /// The buckets of all services.
    pub store: Arc<dyn BucketStore>,
    /// Compiles and runs all components of the app.
    pub compiler: Compiler,
    /// Linear memories that the engines have room for in an instance.
    pub memories: u32,
    /// Those of each event, in the order of the manifest.
    pub queues: Vec<EventQueues>,
    settings: AllSettings,
    linker: Linker<State>,
    /// Made for the first component that needs it.
    concurrent: OnceLock<Linker<State>>,
}

/// Where the messages of an event wait.
pub struct EventQueues {
    /// Into which calls put them.
    pub emitted: Arc<[Arc<Queue>]>,
    /// Out of which each subscriber is delivered: the same, unless a transport is between.
    pub subscribed: Arc<[Arc<Queue>]>,
}

impl Foundation {
    /// Everything that the host offers, on these engines and this store. Messages wait where
    /// they did for the app before, whose last calls may still emit.
    pub fn new(
        manifest: Manifest,
        compiler: Compiler,
        memories: u32,
        store: Arc<dyn BucketStore>,
        settings: AllSettings,
        before: Option<&App>,
    ) -> Result<Foundation> {
        let linker = State::linker(&compiler.engines.get(Kind::Plain)?)?;
        let queues = manifest.events.iter().map(|event| EventQueues::of(event, before)).collect();
        let compiler = compiler.serving();
        Ok(Foundation { manifest, store, compiler, memories, queues, settings, linker, concurrent: OnceLock::new() })
    }

    /// Make a revision of a service: tie its imports to those who export them, and
    /// make its first instance. `number` is its place in the service's history.
    pub async fn revision<'a>(
        &self,
        service: &ServiceManifest,
        part: &Part,
        number: u64,
        links: impl Iterator<Item = (&'a Link, &'a Arc<Service>)>,
        emissions: impl Iterator<Item = &'a Emission>,
    ) -> Result<Revision, Problem> {
        let cannot = |error: RevisionError| cannot_serve(&self.manifest, service, part.given_by, &error);
        let mut linker = self.linker(part).map_err(|error| cannot(RevisionError::Link(error)))?;
        for (link, callee) in links {
            let import = &part.surface.imports[link.import];
            link::define(&mut linker, import, callee).map_err(|error| cannot(RevisionError::Link(error)))?;
        }
        let source = format!("/{}/{}", self.manifest.app, service.name);
        for emission in emissions {
            let (import, event) = (&part.surface.imports[emission.import], &self.manifest.events[emission.event]);
            let (key, queues) = (event.key.as_deref(), &self.queues[emission.event].emitted);
            let defined = link::define_event(&mut linker, import, &source, key, queues);
            defined.map_err(|error| cannot(RevisionError::Link(error)))?;
        }
        let grants = Arc::new(self.grants(service));
        let (digest, exports) = (part.digest.clone(), (part.linkable_exports(), self.receivers(service, part)));
        let made = Revision::new(number, digest, &part.component, &linker, exports, grants, &service.limits);
        made.await.map_err(cannot)
    }

    /// How the events are delivered that a service subscribes to.
    fn receivers(&self, service: &ServiceManifest, part: &Part) -> Receivers {
        let subscribed = self.manifest.events.iter().filter(|event| event.subscribers.contains(&service.name));
        let exports = subscribed.filter_map(|event| topology::event(event).export(&part.surface));
        let functions = exports.flat_map(|export| {
            let key = |function: &str| link::export_key(&export.name, function);
            export.functions.iter().filter_map(move |(name, ty)| Some((key(name), Receiver::of(ty).ok()?)))
        });
        functions.collect()
    }

    /// What the host offers on the engine of this component.
    fn linker(&self, part: &Part) -> wasmtime::Result<Linker<State>> {
        match (part.kind, self.concurrent.get()) {
            (Kind::Plain, _) => Ok(self.linker.clone()),
            (Kind::Concurrent, Some(linker)) => Ok(linker.clone()),
            (Kind::Concurrent, None) => {
                let made = State::linker(part.component.engine())?;
                Ok(self.concurrent.get_or_init(|| made).clone())
            }
        }
    }

    fn grants(&self, service: &ServiceManifest) -> Grants {
        Grants {
            log: Arc::new(ServiceLog::new(service.name.as_str().into())),
            store: self.store.clone(),
            atomic: service.atomic,
            buckets: service.buckets.clone(),
            // At most 16 MiB, as the manifest is checked.
            largest_value: service.limits.value.0 as usize,
            settings: self.settings.get(&service.name).cloned().unwrap_or_default(),
            outbound: service.outbound.clone(),
            breaker: Breaker::new(service.limits.outbound_failures),
            messaging: self.messaging(service),
        }
    }

    /// What it may publish, and who subscribes to that.
    fn messaging(&self, service: &ServiceManifest) -> Messaging {
        let events = self.manifest.events.iter().zip(&self.queues);
        let event = events.into_iter().find(|(event, _)| event.has_subjects());
        let Some((event, queues)) = event else { return Messaging::default() };
        let source = format!("/{}/{}", self.manifest.app, service.name);
        let (kind, key) = (format!("{HANDLER}#{HANDLE}"), event.key.as_deref());
        let subjects = |queue: &Arc<Queue>| self.manifest.subjects_of(event, queue.subscriber());
        let queues = queues.emitted.iter().map(|queue| (subjects(queue), queue.clone())).collect();
        let origin = Origin::new(&kind, &source, messaging::params(), key).ok();
        Messaging { publishes: service.publishes.clone(), origin, queues }
    }
}

impl EventQueues {
    fn of(event: &EventManifest, before: Option<&App>) -> EventQueues {
        let most = event.limits.waiting.into();
        let queue = |reader: &str| {
            let known = before.and_then(|before| before.queue(&event.interface, reader));
            let queue = known.unwrap_or_else(|| Arc::new(Queue::new(&event.interface, reader, most)));
            queue.bound(most);
            queue
        };
        let subscribed: Arc<[_]> = event.subscribers.iter().map(|subscriber| queue(subscriber)).collect();
        let emitted = match event.outbox() {
            Some(outbox) => [queue(&outbox)].into(),
            None => subscribed.clone(),
        };
        EventQueues { emitted, subscribed }
    }
}

fn cannot_serve(manifest: &Manifest, service: &ServiceManifest, given_by: GivenBy, error: &RevisionError) -> Problem {
    match error.key() {
        "component" => {
            let component = match given_by {
                GivenBy::Manifest => format!("service `{}`", service.name),
                other => other.named(&service.name),
            };
            given_by.problem(manifest, &service.name, format!("{component} {error}"), None, error.help())
        }
        key => manifest.problem(&service.name, Some(key), format!("service `{}` {error}", service.name), error.help()),
    }
}
