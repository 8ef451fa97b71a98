//! Who is what component now, and who calls whom.

use std::sync::Arc;

use super::{Part, authorizer};
use crate::{
    link::{self, Emission, Interface, Link, Table, Ties},
    manifest::{EventManifest, Manifest, Problem, Report, ScheduleManifest},
    message::Origin,
    service::HANDLERS,
};

/// The components of an app's services and the links between them. All lists are
/// in the order of the manifest's services.
#[derive(Clone)]
pub struct Topology {
    /// The live component of each service.
    pub parts: Vec<Arc<Part>>,
    /// A component on trial, where there is one.
    pub canaries: Vec<Option<Arc<Part>>>,
    /// The links of the live components.
    pub links: Vec<Link>,
    /// Their imports whose calls become messages.
    pub emissions: Vec<Emission>,
}

impl Topology {
    /// Link these components, or say all that is wrong with what they import and
    /// export.
    pub fn resolve(manifest: &Manifest, parts: Vec<Arc<Part>>) -> Result<Topology, Report> {
        let named = || manifest.services.iter().zip(&parts);
        let silent = named().filter(|(service, part)| service.answers() && !part.handles_http());
        let mut problems: Vec<_> = silent.map(|(service, _)| no_handler(manifest, &service.name)).collect();
        problems.extend(authorizer::problems(manifest, &parts));
        let (linked, events) = (linked(manifest, &parts), manifest.events.iter().map(event).collect::<Vec<_>>());
        let schedules: Vec<_> = manifest.schedules.iter().map(schedule).collect();
        let ties = link::resolve(&linked, &events, &schedules).unwrap_or_else(|wrong| {
            problems.extend(wrong.into_iter().map(|problem| placed(manifest, problem)));
            Ties::default()
        });
        Report::new(problems).into_result()?;
        let Ties { links, emissions } = ties;
        let canaries = vec![None; parts.len()];
        Ok(Topology { parts, canaries, links, emissions })
    }

    /// What imports were tied to if `part` were the component of the service at `place`, whatever
    /// becomes of the canaries of the others. Its own canary is not looked at.
    pub fn with(&self, manifest: &Manifest, place: usize, part: &Arc<Part>) -> Result<Ties, Report> {
        let mut parts = self.parts.clone();
        parts[place] = part.clone();
        let Topology { links, emissions, .. } = Topology::resolve(manifest, parts.clone())?;
        for (other, canary) in self.canaries.iter().enumerate() {
            let Some(canary) = canary.as_ref().filter(|_| other != place) else { continue };
            let live = std::mem::replace(&mut parts[other], canary.clone());
            Topology::resolve(manifest, parts.clone())?;
            parts[other] = live;
        }
        Ok(Ties { links, emissions })
    }

    /// An import of a service.
    pub fn import(&self, importer: usize, import: usize) -> &Interface {
        &self.parts[importer].surface.imports[import]
    }

    /// What a schedule emits: all that its messages have in common, and what it takes.
    pub fn origin(&self, manifest: &Manifest, scheduled: &ScheduleManifest) -> Option<Origin> {
        let event_manifest = manifest.events.iter().find(|event| event.interface == scheduled.interface)?;
        let (event, schedule) = (event(event_manifest), schedule(scheduled));
        let parts = linked(manifest, &self.parts);
        let (interface, function) = schedule.callee(&event, &parts)?;
        let source = format!("/{}/schedule/{}", manifest.app, scheduled.name);
        link::origin(interface, schedule.function, function, &source, event.key).ok()
    }

    /// The links of one service's imports.
    pub fn links_from(&self, place: usize) -> impl Iterator<Item = &Link> {
        self.links.iter().filter(move |link| link.importer == place)
    }

    /// Those of its imports whose calls become messages.
    pub fn emissions_from(&self, place: usize) -> impl Iterator<Item = &Emission> {
        self.emissions.iter().filter(move |emission| emission.importer == place)
    }
}

/// Services and their components as links know them.
fn linked<'a>(manifest: &'a Manifest, parts: &'a [Arc<Part>]) -> Vec<link::Part<'a>> {
    let named = manifest.services.iter().zip(parts);
    let linked = named.map(|(service, part)| link::Part {
        service: &service.name,
        surface: &part.surface,
        choices: &service.links,
    });
    linked.collect()
}

/// A schedule as links know it.
fn schedule(schedule: &ScheduleManifest) -> link::Schedule<'_> {
    let ScheduleManifest { name, interface, function, .. } = schedule;
    link::Schedule { name, interface, function }
}

/// An event as links know it.
pub fn event(event: &EventManifest) -> link::Event<'_> {
    link::Event { interface: &event.interface, subscribers: &event.subscribers, key: event.key.as_deref() }
}

fn placed(manifest: &Manifest, problem: link::Problem) -> Problem {
    let link::Problem { table, key, title, help } = problem;
    match table {
        Table::Service(service) => manifest.problem(&service, key.as_deref(), title, help),
        Table::Event(interface) => manifest.event_problem(&interface, key.as_deref(), title, help),
        Table::Schedule(schedule) => manifest.schedule_problem(&schedule, key.as_deref(), title, help),
    }
}

fn no_handler(manifest: &Manifest, service: &str) -> Problem {
    let [plain, concurrent] = HANDLERS;
    let title = format!("service `{service}` has routes, but its component exports no handler of HTTP");
    let help = format!("remove the routes, or export `{plain}` or `{concurrent}` from the component");
    manifest.problem(service, Some("routes"), title, help)
}
