//! What an app is before it serves: components compiled, links resolved.

use std::{collections::HashMap, sync::Arc};

use anyhow::{Context, Result};
use tokio::task::spawn_blocking;

use super::{
    App, GivenBy, Kind, LinkNames, Part, compiler::Compiler, digest, file, foundation::Foundation, settings,
    topology::Topology,
};
use crate::{
    engine::{self, CodeCache, Effort, EngineError, Engines, Needs},
    history::{AtStart, History},
    link,
    manifest::{Manifest, Problem, Report, ServiceManifest},
    service::Service,
    store::BucketStore,
};

/// A manifest whose components are compiled and whose links are resolved.
pub struct Plan {
    manifest: Manifest,
    compiler: Compiler,
    memories: u32,
    topology: Topology,
    origins: Vec<Origin>,
}

/// What the files of a manifest are.
struct Components<'a> {
    found: Vec<(&'a ServiceManifest, GivenBy, Vec<u8>)>,
    problems: Vec<Problem>,
}

/// Where a service's component came from.
pub(super) struct Origin {
    /// SHA-256 of the manifest's file, in hexadecimal.
    pub file: String,
    /// The revision's place in the service's history.
    pub number: u64,
    /// The manifest's file, if it is not in the history yet, or not any more.
    pub unrecorded: Option<Vec<u8>>,
}

impl Plan {
    /// Compile and link. A service's component is the one that was live last, or
    /// the manifest's file when that is new. `compiling` is told of each service
    /// before its turn, `effort` is what that may take of the machine.
    pub fn make(
        manifest: Manifest,
        history: &History,
        cache: Arc<CodeCache>,
        effort: Effort,
        mut compiling: impl FnMut(&ServiceManifest),
    ) -> Result<Plan> {
        manifest.missing_folders().into_result()?;
        cache.make_room(manifest.services.len());
        let mut needs = needs(&manifest);
        let (components, origins) = read(&manifest, history)?;
        let (mut compiler, mut parts) = compile(&manifest, needs, (&cache, effort), &components, &mut compiling)?;
        let memories = parts.iter().map(|part| part.memories()).max().unwrap_or_default();
        if memories > needs.memories {
            // Composed of more than is usual. What a component needs is known
            // only when it is compiled, and it is compiled for one engine.
            needs.memories = memories;
            (compiler, parts) = compile(&manifest, needs, (&cache, effort), &components, &mut compiling)?;
        }
        let topology = Topology::resolve(&manifest, parts)?;
        Ok(Plan { manifest, compiler, memories: needs.memories, topology, origins })
    }

    /// What was planned.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The services with their compiled components.
    pub fn parts(&self) -> impl Iterator<Item = (&ServiceManifest, &Part)> {
        self.manifest.services.iter().zip(self.topology.parts.iter().map(|part| &**part))
    }

    /// The services whose component is not their file in the manifest, but was made live
    /// since; each with the digest of the file.
    pub fn recorded(&self) -> impl Iterator<Item = (&ServiceManifest, &str)> {
        let files = self.parts().zip(&self.origins).filter(|((_, part), origin)| part.digest != origin.file);
        files.map(|((service, _), origin)| (service, origin.file.as_str()))
    }

    /// The links by name, in the order of the services that import.
    pub fn links(&self) -> Vec<LinkNames> {
        LinkNames::of(&self.manifest, &self.topology)
    }

    /// The events by name, likewise, one for each subscriber.
    pub fn events(&self) -> Vec<LinkNames> {
        LinkNames::of_events(&self.manifest, &self.topology)
    }

    /// What messages there are, in the order of the events.
    pub fn kinds(&self) -> Vec<Kind<'_>> {
        Kind::all(&self.manifest, &self.topology)
    }

    /// Make every service live on this store, those first that others call, and
    /// record that they are. It may take the place of the app `before` on the same store. What
    /// its services are told is read, and read again for as long as one of them serves.
    pub async fn start(self, store: Arc<dyn BucketStore>, history: Arc<History>, before: Option<&App>) -> Result<App> {
        let (settings, renewals) = settings::open(&self.manifest)?;
        let foundation = Foundation::new(self.manifest, self.compiler, self.memories, store, settings, before)?;
        let topology = self.topology;
        let mut live: HashMap<usize, Arc<Service>> = HashMap::new();
        let mut problems = Vec::new();
        for place in link::callees_first(topology.parts.len(), &topology.links) {
            let service = &foundation.manifest.services[place];
            let callees = topology.links_from(place).map(|link| Some((link, live.get(&link.exporter)?)));
            // One that needs another is not to blame if that cannot serve.
            let Some(callees) = callees.collect::<Option<Vec<_>>>() else { continue };
            match foundation
                .revision(
                    service,
                    &topology.parts[place],
                    self.origins[place].number,
                    callees.into_iter(),
                    topology.emissions_from(place),
                )
                .await
            {
                Ok(revision) => {
                    live.insert(place, Service::new(service.name.as_str().into(), service.limits, revision));
                }
                Err(problem) => problems.push(problem),
            }
        }
        Report::new(problems).into_result()?;
        let services: Vec<_> = (0..topology.parts.len()).filter_map(|place| live.remove(&place)).collect();
        let files = self.origins.iter().map(|origin| origin.file.clone()).collect();
        let names: Vec<_> = services.iter().map(|service| service.name().to_owned()).collect();
        spawn_blocking(move || record(&history, &names, self.origins)).await??;
        renewals.into_iter().for_each(|renewal| drop(tokio::spawn(renewal.run())));
        Ok(App::new(foundation, topology, services, files))
    }
}

/// What the engines must have room for.
fn needs(manifest: &Manifest) -> Needs {
    let limits = || manifest.services.iter().map(|service| &service.limits);
    Needs {
        instances: limits().fold(0, |sum, limits| sum.saturating_add(limits.instances)),
        calls: limits().fold(0, |sum, limits| sum.saturating_add(limits.calls())),
        memories: engine::USUAL_MEMORIES,
        memory: limits().map(|limits| limits.memory.0).max().unwrap_or_default(),
    }
}

/// The components to run and where they are from. Of files that cannot be read the
/// problems are kept, to be told with those of the others.
fn read<'a>(manifest: &'a Manifest, history: &History) -> Result<(Components<'a>, Vec<Origin>)> {
    let mut origins = Vec::new();
    let mut components = Components { found: Vec::new(), problems: Vec::new() };
    for service in &manifest.services {
        let bytes = match file::read(service.component.file()) {
            Ok(bytes) => bytes,
            Err(unreadable) => {
                components.problems.push(unreadable.of(manifest, service));
                continue;
            }
        };
        let file = digest(&bytes);
        let live = history.live(&service.name);
        let (given_by, component, origin) = match history.at_start(&service.name, &file) {
            // Most often it is the same, which has been read.
            AtStart::Recorded(entry) if entry.digest == file => {
                let unrecorded = if history.has(&file) { None } else { Some(bytes.clone()) };
                (GivenBy::Manifest, bytes, Origin { file, number: entry.revision, unrecorded })
            }
            AtStart::Recorded(entry) => {
                let component = history.component(&entry.digest).with_context(|| {
                    format!(
                        "service `{}` cannot come up with its revision {}, which is live",
                        service.name, entry.revision
                    )
                })?;
                (GivenBy::History, component, Origin { file, number: entry.revision, unrecorded: None })
            }
            AtStart::File => {
                let number = live.map_or(1, |live| live.revision + u64::from(live.digest != file));
                (GivenBy::Manifest, bytes.clone(), Origin { file, number, unrecorded: Some(bytes) })
            }
        };
        components.found.push((service, given_by, component));
        origins.push(origin);
    }
    Ok((components, origins))
}

/// Put into the history what is live for the first time.
fn record(history: &History, names: &[String], origins: Vec<Origin>) -> Result<()> {
    let new = names.iter().zip(&origins);
    let new: Vec<_> = new.filter_map(|(name, origin)| Some((name.as_str(), origin.unrecorded.as_deref()?))).collect();
    history.serve(names.iter().cloned().collect(), &new, "dovetail up").map_err(Into::into)
}

/// The engines and what they compiled, or everything that is wrong with the files.
fn compile(
    manifest: &Manifest,
    needs: Needs,
    (cache, effort): (&Arc<CodeCache>, Effort),
    components: &Components,
    compiling: &mut impl FnMut(&ServiceManifest),
) -> Result<(Compiler, Vec<Arc<Part>>)> {
    let engines = Engines::new(needs).map_err(|error| no_engine(manifest, error))?;
    let compiler = Compiler::new(engines, cache.clone(), effort);
    let (mut parts, mut problems) = (Vec::new(), components.problems.clone());
    for (service, given_by, component) in &components.found {
        compiling(service);
        match Part::compile(manifest, &compiler, service, *given_by, component) {
            Ok(part) => parts.push(Arc::new(part)),
            Err(problem) => problems.push(*problem),
        }
    }
    Report::new(problems).into_result()?;
    Ok((compiler, parts))
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
