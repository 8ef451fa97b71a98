//! An app: the services, links and routes of one manifest.
//!
//! It is made in two steps. [`Plan`] compiles every component and resolves every
//! link, so that whatever is wrong is found and reported together, before any
//! port is bound or any data touched. [`App`] is a plan with a store, its
//! services live.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use anyhow::{Context, Result};
use wasmtime::Engine;

pub use self::part::Part;
use crate::{
    capability::Grants,
    engine::{self, EngineError, Needs},
    link::{self, Interface, Link},
    manifest::{Manifest, Problem, Report, Route, ServiceManifest},
    service::{HANDLER, Revision, RevisionError, Service, State},
    store::BucketStore,
    telemetry::ServiceLog,
};

mod part;

/// A manifest whose components are compiled and whose links are resolved.
pub struct Plan {
    manifest: Manifest,
    engine: Engine,
    parts: Vec<Part>,
    links: Vec<Link>,
}

/// A link by the names of its ends.
#[derive(Clone, Debug, serde::Serialize)]
pub struct LinkNames {
    /// The service that imports.
    pub from: String,
    /// The service that exports.
    pub to: String,
    /// The interface as the importer names it.
    pub interface: String,
}

/// The running services of one manifest.
pub struct App {
    /// The app's name.
    pub name: String,
    /// In the order of their names.
    pub services: Vec<Arc<Service>>,
    /// Who calls whom.
    pub links: Vec<LinkNames>,
    /// Path patterns and the service, by its place, that answers them.
    pub routes: Vec<(Route, usize)>,
    /// The buckets of all services.
    pub store: Arc<dyn BucketStore>,
    /// The places of the services, those first that call others.
    callers_first: Vec<usize>,
}

impl Plan {
    /// Compile and link. `compiling` is told of each service before its turn.
    pub fn make(manifest: Manifest, mut compiling: impl FnMut(&ServiceManifest)) -> Result<Plan> {
        let mut needs = needs(&manifest);
        let (mut engine, mut parts) = compile(&manifest, needs, &mut compiling)?;
        let memories = parts.iter().map(Part::memories).max().unwrap_or_default();
        if memories > needs.memories {
            // Composed of more than is usual. What a component needs is known
            // only when it is compiled, and it is compiled for one engine.
            needs.memories = memories;
            (engine, parts) = compile(&manifest, needs, &mut compiling)?;
        }
        let links = resolve(&manifest, &parts)?;
        Ok(Plan { manifest, engine, parts, links })
    }

    /// What was planned.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The services with their compiled components.
    pub fn parts(&self) -> impl Iterator<Item = (&ServiceManifest, &Part)> {
        self.manifest.services.iter().zip(&self.parts)
    }

    /// The links by name, in the order of the services that import.
    pub fn links(&self) -> Vec<LinkNames> {
        let name = |place: usize| self.manifest.services[place].name.clone();
        let names = self.links.iter().map(|link| LinkNames {
            from: name(link.importer),
            to: name(link.exporter),
            interface: self.import(link).name.to_string(),
        });
        names.collect()
    }

    /// Make every service live on this store, those first that others call.
    pub async fn start(self, store: Arc<dyn BucketStore>) -> Result<App> {
        let base = State::linker(&self.engine)?;
        let mut live: HashMap<usize, Arc<Service>> = HashMap::new();
        let mut problems = Vec::new();
        for place in link::callees_first(self.parts.len(), &self.links) {
            let (service, part) = (&self.manifest.services[place], &self.parts[place]);
            let links = || self.links.iter().filter(|link| link.importer == place);
            // One that needs another is not to blame if that cannot serve.
            let Some(callees) = links().map(|link| live.get(&link.exporter)).collect::<Option<Vec<_>>>() else {
                continue;
            };
            let mut linker = base.clone();
            for (link, callee) in links().zip(callees) {
                link::define(&mut linker, self.import(link), callee)?;
            }
            let grants = Arc::new(grants(service, store.clone()));
            let revision = Revision::new(
                part.digest.clone(),
                &part.component,
                &linker,
                part.linkable_exports(),
                grants,
                &service.limits,
            );
            match revision.await {
                Ok(revision) => {
                    let name = service.name.as_str().into();
                    live.insert(place, Service::new(name, service.limits, revision));
                }
                Err(error) => problems.push(cannot_serve(&self.manifest, service, &error)),
            }
        }
        Report::new(problems).into_result()?;
        Ok(self.app(live, store))
    }

    fn app(self, mut live: HashMap<usize, Arc<Service>>, store: Arc<dyn BucketStore>) -> App {
        let links = self.links();
        let callers_first = link::callees_first(self.parts.len(), &self.links).into_iter().rev().collect();
        let services = (0..self.parts.len()).filter_map(|place| live.remove(&place)).collect();
        let places = self.manifest.services.into_iter().enumerate();
        let routes = places.flat_map(|(place, service)| service.routes.into_iter().map(move |route| (route, place)));
        App { name: self.manifest.app, services, links, routes: routes.collect(), store, callers_first }
    }

    fn import(&self, link: &Link) -> &Interface {
        &self.parts[link.importer].surface.imports[link.import]
    }
}

/// What the engine must have room for.
fn needs(manifest: &Manifest) -> Needs {
    let limits = || manifest.services.iter().map(|service| &service.limits);
    Needs {
        instances: limits().fold(0, |sum, limits| sum.saturating_add(limits.instances)),
        memories: engine::USUAL_MEMORIES,
        memory: limits().map(|limits| limits.memory.0).max().unwrap_or_default(),
    }
}

/// An engine and what it compiled, or everything that is wrong with the files.
fn compile(
    manifest: &Manifest,
    needs: Needs,
    compiling: &mut impl FnMut(&ServiceManifest),
) -> Result<(Engine, Vec<Part>)> {
    let engine = engine::start(needs).map_err(|error| no_engine(manifest, error))?;
    let (mut parts, mut problems) = (Vec::new(), manifest.missing_components().into_problems());
    for service in manifest.services.iter().filter(|service| service.component.is_file()) {
        compiling(service);
        match Part::compile(manifest, &engine, service) {
            Ok(part) => parts.push(part),
            Err(problem) => problems.push(*problem),
        }
    }
    Report::new(problems).into_result()?;
    Ok((engine, parts))
}

/// The links, or everything that is wrong with what components import and export.
fn resolve(manifest: &Manifest, parts: &[Part]) -> Result<Vec<Link>, Report> {
    let named = || manifest.services.iter().zip(parts);
    let silent = named().filter(|(service, part)| !service.routes.is_empty() && !part.handles_http());
    let mut problems: Vec<_> = silent.map(|(service, _)| no_handler(manifest, service)).collect();
    let parts: Vec<_> = named()
        .map(|(service, part)| link::Part { service: &service.name, surface: &part.surface, choices: &service.links })
        .collect();
    let links = link::resolve(&parts).unwrap_or_else(|wrong| {
        let located = wrong.into_iter().map(|p| manifest.problem(&p.service, p.key.as_deref(), p.title, p.help));
        problems.extend(located);
        Vec::new()
    });
    Report::new(problems).into_result().map(|()| links)
}

fn grants(service: &ServiceManifest, store: Arc<dyn BucketStore>) -> Grants {
    Grants {
        log: Arc::new(ServiceLog::new(service.name.as_str().into())),
        store,
        buckets: service.buckets.clone(),
        config: service.config.clone(),
        env: service.env.clone(),
        outbound: service.outbound.clone(),
    }
}

/// What does not fit is shown at the service that asks for most.
fn no_engine(manifest: &Manifest, error: EngineError) -> anyhow::Error {
    let greediest = manifest.services.iter().max_by_key(|service| service.limits.instances);
    match (&error, greediest) {
        (EngineError::AddressSpace { most, .. }, Some(service)) => {
            let help = format!("lower `limits.instances` of the services until they add up to {most} or fewer");
            let problem = manifest.problem(&service.name, Some("limits.instances"), error.to_string(), help);
            Report::new(vec![problem]).into()
        }
        _ => error.into(),
    }
}

fn no_handler(manifest: &Manifest, service: &ServiceManifest) -> Problem {
    let title = format!("service `{}` has routes, but its component does not export `{HANDLER}`", service.name);
    manifest.problem(
        &service.name,
        Some("routes"),
        title,
        "remove the routes, or export the handler from the component",
    )
}

fn cannot_serve(manifest: &Manifest, service: &ServiceManifest, error: &RevisionError) -> Problem {
    let title = format!("service `{}` {error}", service.name);
    manifest.problem(&service.name, Some(error.key()), title, error.help())
}

impl App {
    /// The services with what routes and links lead to and from them.
    pub fn routes_of(&self, service: usize) -> impl Iterator<Item = &Route> {
        self.routes.iter().filter(move |(_, place)| *place == service).map(|(route, _)| route)
    }

    /// Who a service calls, by interface.
    pub fn links_of(&self, service: &str) -> BTreeMap<&str, &str> {
        let links = self.links.iter().filter(|link| link.from == service);
        links.map(|link| (link.interface.as_str(), link.to.as_str())).collect()
    }

    /// Wait until no call is left, when no request comes any more. Some outlive
    /// their request: a component may work on after its answer.
    pub async fn until_idle(&self) {
        // When a service's callers are idle nobody begins a call of it.
        for place in &self.callers_first {
            self.services[*place].live().until_idle().await;
        }
    }

    /// Finish what the store has in hand.
    pub async fn close(&self) -> Result<()> {
        self.store.close().await.context("the store could not be closed")
    }
}
