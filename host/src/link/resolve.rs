//! Who exports what another imports: one service for each import, or the subscribers of an
//! event, or a problem that says what to write in the manifest.

use std::collections::{BTreeMap, BTreeSet};

use super::{Interface, InterfaceName, Problem, Schedule, Surface};
use crate::service::PACKAGES;

/// A service that takes part.
pub struct Part<'a> {
    /// Its name.
    pub service: &'a str,
    /// What its component imports and exports.
    pub surface: &'a Surface,
    /// Its `links` table: which service to take for an interface.
    pub choices: &'a BTreeMap<String, String>,
}

/// An import tied to its exporter. The numbers are places in the list of parts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// Who imports.
    pub importer: usize,
    /// Which of its imports.
    pub import: usize,
    /// Who exports.
    pub exporter: usize,
}

/// An interface whose calls become messages.
pub struct Event<'a> {
    /// As the manifest has it.
    pub interface: &'a str,
    /// Who is delivered them.
    pub subscribers: &'a [String],
    /// What keeps them in order.
    pub key: Option<&'a str>,
}

/// An import whose calls become messages. The numbers are places in the lists of parts and
/// of events.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Emission {
    /// Who imports.
    pub importer: usize,
    /// Which of its imports.
    pub import: usize,
    /// Which event.
    pub event: usize,
}

/// What every import is tied to that is not the host's.
#[derive(Clone, Debug, Default)]
pub struct Ties {
    /// Calls of services.
    pub links: Vec<Link>,
    /// Calls that become messages.
    pub emissions: Vec<Emission>,
}

/// Tie every import of every part that is not the host's, or say of each why not.
pub fn resolve(parts: &[Part], events: &[Event], schedules: &[Schedule]) -> Result<Ties, Vec<Problem>> {
    let Ties { mut links, mut emissions } = Ties::default();
    let mut problems: Vec<_> = events.iter().flat_map(|event| event.problems(parts)).collect();
    problems.extend(schedules.iter().flat_map(|schedule| schedule.problems(parts, events)));
    for (importer, part) in parts.iter().enumerate() {
        problems.extend(part.unused_choices().map(|key| Problem::not_imported(part, key)));
        problems.extend(part.surface.strays.iter().map(|name| Problem::stray(part, name)));
        problems.extend(part.not_offered().map(|name| Problem::not_offered(part, name)));
        for (import, interface) in part.surface.imports.iter().enumerate() {
            if !interface.is_linked() {
                continue;
            }
            if let Some(event) = events.iter().position(|event| is_meant(event.interface, &interface.name)) {
                problems.extend(check_emission(parts, part, interface, &events[event]));
                emissions.push(Emission { importer, import, event });
                continue;
            }
            match find_exporter(parts, importer, interface) {
                Ok(exporter) => links.push(Link { importer, import, exporter }),
                Err(problem) => problems.push(problem),
            }
        }
    }
    problems.extend(Problem::circle(parts, &find_circle(parts.len(), &links)));
    if problems.is_empty() { Ok(Ties { links, emissions }) } else { Err(problems) }
}

/// The parts in an order in which each comes after all that it calls. Those of a
/// circle, and whoever calls them, are not in it.
pub fn callees_first(count: usize, links: &[Link]) -> Vec<usize> {
    let mut callers = vec![Vec::new(); count];
    let mut waits_for = vec![0; count];
    for link in links {
        callers[link.exporter].push(link.importer);
        waits_for[link.importer] += 1;
    }
    let mut ready: BTreeSet<usize> = (0..count).filter(|part| waits_for[*part] == 0).collect();
    let mut order = Vec::with_capacity(count);
    while let Some(next) = ready.pop_first() {
        order.push(next);
        for caller in &callers[next] {
            waits_for[*caller] -= 1;
            if waits_for[*caller] == 0 {
                ready.insert(*caller);
            }
        }
    }
    order
}

impl<'a> Event<'a> {
    /// What a subscriber exports of it, as its component has it.
    pub fn export(&self, surface: &'a Surface) -> Option<&'a Interface> {
        let meant = surface.exports.iter().filter(|export| is_meant(self.interface, &export.name));
        meant.max_by(|one, other| one.name.version.cmp(&other.name.version))
    }

    /// What is wrong with its subscribers, whoever emits it.
    fn problems(&self, parts: &[Part<'a>]) -> Vec<Problem> {
        let subscribers = parts.iter().filter(|part| self.subscribers.iter().any(|name| name == part.service));
        let problems = subscribers.flat_map(|part| match self.export(part.surface) {
            None => vec![Problem::not_exported(self, part)],
            Some(export) => match export.unlinkable() {
                Some(why) => vec![Problem::no_event(self, part, "exports", &why)],
                None => {
                    export.functions.iter().filter_map(|function| Problem::no_receiver(self, part, function)).collect()
                }
            },
        });
        problems.collect()
    }
}

impl Part<'_> {
    /// The imports that other services are to serve.
    pub(super) fn linked_imports(&self) -> impl Iterator<Item = &Interface> {
        self.surface.imports.iter().filter(|import| import.is_linked())
    }

    /// The service that `links` names for an interface, and the key there.
    fn choice(&self, name: &InterfaceName) -> Option<(&str, &str)> {
        let chosen = self.choices.iter().find(|(key, _)| is_meant(key, name));
        chosen.map(|(key, service)| (key.as_str(), service.as_str()))
    }

    /// Keys of `links` that mean nothing the component imports.
    fn unused_choices(&self) -> impl Iterator<Item = &str> {
        let keys = self.choices.keys().map(String::as_str);
        keys.filter(|key| !self.linked_imports().any(|import| is_meant(key, &import.name)))
    }

    /// Interfaces of WASI that it imports and the host has not.
    fn not_offered(&self) -> impl Iterator<Item = &InterfaceName> {
        let names = self.surface.imports.iter().map(|import| &import.name);
        names.filter(|name| name.is_hosts() && !PACKAGES.iter().any(|package| name.is_of(package)))
    }
}

/// Whether a key of `links`, or the name of an event, means this interface: one without a
/// version means every version.
pub fn is_meant(key: &str, name: &InterfaceName) -> bool {
    key.parse::<InterfaceName>()
        .is_ok_and(|key| key.path == name.path && (key.version.is_none() || key.goes_with(name)))
}

fn find_exporter(parts: &[Part], importer: usize, import: &Interface) -> Result<usize, Problem> {
    let (part, name) = (&parts[importer], &import.name);
    let choice = part.choice(name);
    let candidates: Vec<usize> = (0..parts.len())
        .filter(|other| *other != importer && parts[*other].surface.export(name).is_some())
        .filter(|other| choice.is_none_or(|(_, chosen)| chosen == parts[*other].service))
        .collect();
    let names: Vec<&str> = candidates.iter().map(|other| parts[*other].service).collect();
    if let Some(why) = import.unlinkable() {
        return Err(Problem::unlinkable(part, name, &names, &why));
    }
    match (&candidates[..], choice) {
        ([exporter], _) => check_types(part, import, &parts[*exporter]).map(|()| *exporter),
        ([], Some((key, chosen))) => Err(Problem::wrong_choice(parts, part, name, key, chosen)),
        ([], None) => Err(Problem::missing(parts, part, name)),
        _ => Err(Problem::ambiguous(part, name, &names)),
    }
}

fn check_types(importer: &Part, import: &Interface, exporter: &Part) -> Result<(), Problem> {
    let mismatches = exporter.surface.export(&import.name).map(|export| import.mismatches(export));
    match mismatches.unwrap_or_default() {
        mismatches if mismatches.is_empty() => Ok(()),
        mismatches => Err(Problem::mismatched(importer, import, exporter.service, &mismatches)),
    }
}

/// Whether each subscriber takes what is emitted. That of one which exports nothing of it is
/// told of elsewhere.
fn check_emission(parts: &[Part], importer: &Part, import: &Interface, event: &Event) -> Vec<Problem> {
    if let Some(why) = import.unlinkable() {
        return vec![Problem::no_event(event, importer, "imports", &why)];
    }
    let subscribers = parts.iter().filter(|part| event.subscribers.iter().any(|name| name == part.service));
    let mismatched = subscribers.filter_map(|part| {
        let mismatches = import.mismatches(event.export(part.surface)?);
        (!mismatches.is_empty()).then(|| Problem::mismatched(importer, import, part.service, &mismatches))
    });
    mismatched.collect()
}

/// A circle of links, which calls could wait in for ever; empty if there is none.
fn find_circle(count: usize, links: &[Link]) -> Vec<Link> {
    let placed = callees_first(count, links);
    let mut path: Vec<Link> = Vec::new();
    // Every part that was not placed calls another that was not: follow them
    // until one comes again.
    let mut at = (0..count).find(|part| !placed.contains(part));
    while let Some(importer) = at {
        if let Some(start) = path.iter().position(|link| link.importer == importer) {
            return path.split_off(start);
        }
        let next = links.iter().find(|link| link.importer == importer && !placed.contains(&link.exporter));
        path.extend(next);
        at = next.map(|link| link.exporter);
    }
    Vec::new()
}
