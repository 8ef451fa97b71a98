//! What an app is before it serves: components compiled, links resolved.

use std::{collections::HashMap, sync::Arc};

use anyhow::Result;
use wasmtime::Engine;

use super::{App, LinkNames, Part, foundation::Foundation, topology::Topology};
use crate::{
    engine::{self, EngineError, Needs},
    link,
    manifest::{Manifest, Report, ServiceManifest},
    service::Service,
    store::BucketStore,
};

/// A manifest whose components are compiled and whose links are resolved.
pub struct Plan {
    manifest: Manifest,
    engine: Engine,
    memories: u32,
    topology: Topology,
}

impl Plan {
    /// Compile and link. `compiling` is told of each service before its turn.
    pub fn make(manifest: Manifest, mut compiling: impl FnMut(&ServiceManifest)) -> Result<Plan> {
        let mut needs = needs(&manifest);
        let (mut engine, mut parts) = compile(&manifest, needs, &mut compiling)?;
        let memories = parts.iter().map(|part| part.memories()).max().unwrap_or_default();
        if memories > needs.memories {
            // Composed of more than is usual. What a component needs is known
            // only when it is compiled, and it is compiled for one engine.
            needs.memories = memories;
            (engine, parts) = compile(&manifest, needs, &mut compiling)?;
        }
        let topology = Topology::resolve(&manifest, parts)?;
        Ok(Plan { manifest, engine, memories: needs.memories, topology })
    }

    /// What was planned.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The services with their compiled components.
    pub fn parts(&self) -> impl Iterator<Item = (&ServiceManifest, &Part)> {
        self.manifest.services.iter().zip(self.topology.parts.iter().map(|part| &**part))
    }

    /// The links by name, in the order of the services that import.
    pub fn links(&self) -> Vec<LinkNames> {
        LinkNames::of(&self.manifest, &self.topology)
    }

    /// Make every service live on this store, those first that others call.
    pub async fn start(self, store: Arc<dyn BucketStore>) -> Result<App> {
        let foundation = Foundation::new(self.manifest, self.engine, self.memories, store)?;
        let topology = self.topology;
        let mut live: HashMap<usize, Arc<Service>> = HashMap::new();
        let mut problems = Vec::new();
        for place in link::callees_first(topology.parts.len(), &topology.links) {
            let service = &foundation.manifest.services[place];
            let callees = topology.links_from(place).map(|link| Some((link, live.get(&link.exporter)?)));
            // One that needs another is not to blame if that cannot serve.
            let Some(callees) = callees.collect::<Option<Vec<_>>>() else { continue };
            match foundation.revision(service, &topology.parts[place], 1, callees.into_iter()).await {
                Ok(revision) => {
                    live.insert(place, Service::new(service.name.as_str().into(), service.limits, revision));
                }
                Err(problem) => problems.push(problem),
            }
        }
        Report::new(problems).into_result()?;
        let services = (0..topology.parts.len()).filter_map(|place| live.remove(&place)).collect();
        Ok(App::new(foundation, topology, services))
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
) -> Result<(Engine, Vec<Arc<Part>>)> {
    let engine = engine::start(needs).map_err(|error| no_engine(manifest, error))?;
    let (mut parts, mut problems) = (Vec::new(), manifest.missing_components().into_problems());
    for service in manifest.services.iter().filter(|service| service.component.is_file()) {
        compiling(service);
        let part = Part::read(manifest, service).and_then(|bytes| Part::compile(manifest, &engine, service, &bytes));
        match part {
            Ok(part) => parts.push(Arc::new(part)),
            Err(problem) => problems.push(*problem),
        }
    }
    Report::new(problems).into_result()?;
    Ok((engine, parts))
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
