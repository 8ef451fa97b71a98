//! An app: the services, links and routes of one manifest.
//!
//! It is made in two steps. [`Plan`] compiles every component and resolves every
//! link, so that whatever is wrong is found and reported together, before any
//! port is bound or any data touched. [`App`] is a plan with a store, its
//! services live.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use wasmtime::{
    Engine,
    component::{Component, ComponentExportIndex},
};

use crate::{
    capability::Grants,
    engine::{self, Needs},
    link::{self, Interface, Link, Surface},
    manifest::{Manifest, Problem, Report, Route, ServiceManifest},
    service::{HANDLER, Revision, Service, State},
    store::BucketStore,
};

/// A manifest whose components are compiled and whose links are resolved.
pub struct Plan {
    manifest: Manifest,
    engine: Engine,
    parts: Vec<Part>,
    links: Vec<Link>,
}

/// A service of a plan, in the manifest's order.
pub struct Part {
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// Bytes of the component.
    pub size: usize,
    /// How long it took to compile.
    pub compiled_in: Duration,
    component: Component,
    surface: Surface,
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
}

impl Plan {
    /// Compile and link. `compiling` is told of each service before its turn.
    pub fn make(manifest: Manifest, mut compiling: impl FnMut(&ServiceManifest)) -> Result<Plan> {
        manifest.missing_components().into_result()?;
        let engine = engine::start(needs(&manifest))?;
        let (mut parts, mut problems) = (Vec::new(), Vec::new());
        for service in &manifest.services {
            compiling(service);
            match Part::compile(&manifest, &engine, service) {
                Ok(part) => parts.push(part),
                Err(problem) => problems.push(problem),
            }
        }
        Report::new(problems).into_result()?;
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
            let mut linker = base.clone();
            for link in self.links.iter().filter(|link| link.importer == place) {
                if let Some(exporter) = live.get(&link.exporter) {
                    link::define(&mut linker, self.import(link), exporter)?;
                }
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
                Ok(revision) if !revision.handles_http() && !service.routes.is_empty() => {
                    problems.push(no_handler(&self.manifest, service));
                }
                Ok(revision) => {
                    let name = service.name.as_str().into();
                    live.insert(place, Service::new(name, service.limits.clone(), revision));
                }
                Err(error) => problems.push(cannot_serve(&self.manifest, service, &error)),
            }
        }
        Report::new(problems).into_result()?;
        Ok(self.app(live, store))
    }

    fn app(self, mut live: HashMap<usize, Arc<Service>>, store: Arc<dyn BucketStore>) -> App {
        let links = self.links();
        let services = (0..self.parts.len()).filter_map(|place| live.remove(&place)).collect();
        let places = self.manifest.services.into_iter().enumerate();
        let routes = places.flat_map(|(place, service)| service.routes.into_iter().map(move |route| (route, place)));
        App { name: self.manifest.app, services, links, routes: routes.collect(), store }
    }

    fn import(&self, link: &Link) -> &Interface {
        &self.parts[link.importer].surface.imports[link.import]
    }
}

impl Part {
    fn compile(manifest: &Manifest, engine: &Engine, service: &ServiceManifest) -> Result<Part, Problem> {
        let problem = |title: String, help: &str| manifest.problem(&service.name, Some("component"), title, help);
        let started = Instant::now();
        let path = &service.component;
        let bytes = std::fs::read(path)
            .map_err(|error| problem(format!("{} cannot be read: {error}", path.display()), "make it readable"))?;
        let component = Component::from_binary(engine, &bytes).map_err(|error| {
            let title = format!("{} is {}", path.display(), what_instead(&bytes));
            problem(title, "build it as a component, for example with `--target wasm32-wasip2`")
                .label(format!("{error:#}"))
        })?;
        check_room(manifest, service, &component)?;
        let surface = Surface::of(&component);
        let digest = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Part { digest, size: bytes.len(), compiled_in: started.elapsed(), component, surface })
    }

    /// The functions that links may call.
    fn linkable_exports(&self) -> HashMap<String, ComponentExportIndex> {
        let mut indices = HashMap::new();
        let exports = self.surface.exports.iter().filter(|export| !export.name.is_wasi());
        // Of several compatible versions the one whose types were compared.
        for export in
            exports.filter(|export| self.surface.export(&export.name).is_some_and(|it| it.name == export.name))
        {
            let Some(interface) = self.component.get_export_index(None, &export.name.to_string()) else { continue };
            for (function, _) in &export.functions {
                if let Some(index) = self.component.get_export_index(Some(&interface), function) {
                    indices.insert(link::export_key(&export.name, function), index);
                }
            }
        }
        indices
    }
}

/// What the engine must have room for.
fn needs(manifest: &Manifest) -> Needs {
    let limits = || manifest.services.iter().map(|service| &service.limits);
    Needs {
        instances: limits().fold(0, |sum, limits| sum.saturating_add(limits.instances)),
        memory: limits().map(|limits| limits.memory.0).max().unwrap_or_default(),
    }
}

/// A component of several memories takes the room of several instances.
fn check_room(manifest: &Manifest, service: &ServiceManifest, component: &Component) -> Result<(), Problem> {
    let most =
        component.resources_required().map(|required| engine::most_instances(&required, needs(manifest).instances));
    match most {
        Some(most) if most < u64::from(service.limits.instances) => Err(manifest.problem(
            &service.name,
            Some("limits.instances"),
            format!(
                "there is room for {most} instances of service {:?}, whose component has several memories",
                service.name
            ),
            format!("lower limits.instances to {most} or fewer"),
        )),
        _ => Ok(()),
    }
}

fn resolve(manifest: &Manifest, parts: &[Part]) -> Result<Vec<Link>> {
    let named = manifest.services.iter().zip(parts);
    let parts: Vec<_> = named
        .map(|(service, part)| link::Part { service: &service.name, surface: &part.surface, choices: &service.links })
        .collect();
    link::resolve(&parts).map_err(|problems| {
        let located = problems.into_iter().map(|p| manifest.problem(&p.service, p.key.as_deref(), p.title, p.help));
        Report::new(located.collect()).into()
    })
}

fn grants(service: &ServiceManifest, store: Arc<dyn BucketStore>) -> Grants {
    Grants {
        service: service.name.as_str().into(),
        store,
        buckets: service.buckets.clone(),
        config: service.config.clone(),
        env: service.env.clone(),
        outbound: service.outbound.clone(),
    }
}

fn what_instead(bytes: &[u8]) -> &'static str {
    // A module and a component begin alike and differ in the fifth to eighth
    // byte: version 1 of one, version 13 of the other's layer.
    match bytes {
        [b'\0', b'a', b's', b'm', 1, 0, 0, 0, ..] => "a core module, not a component",
        [b'\0', b'a', b's', b'm', 0x0d, 0, 1, 0, ..] => "no valid component",
        _ => "no component",
    }
}

fn no_handler(manifest: &Manifest, service: &ServiceManifest) -> Problem {
    let title = format!("service {:?} has routes, but its component does not export {HANDLER}", service.name);
    manifest.problem(
        &service.name,
        Some("routes"),
        title,
        "remove the routes, or export the handler from the component",
    )
}

fn cannot_serve(manifest: &Manifest, service: &ServiceManifest, error: &dyn std::error::Error) -> Problem {
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    let title = format!("service {:?} cannot serve: {error}", service.name);
    manifest.problem(&service.name, Some("component"), title, causes.join("\n"))
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

    /// Finish what the store has in hand.
    pub async fn close(&self) -> Result<()> {
        self.store.close().await.context("the store could not be closed")
    }
}
