//! Who exports what another imports: one service for each import, or a problem
//! that says what to write in the manifest.

use std::collections::BTreeMap;

use super::{Interface, InterfaceName, Surface};

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
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// Who imports.
    pub importer: usize,
    /// Which of its imports.
    pub import: usize,
    /// Who exports.
    pub exporter: usize,
}

/// Why an import cannot be tied.
pub struct Problem {
    /// The service whose manifest entry is to be looked at.
    pub service: String,
    /// The key there, if it is about one.
    pub key: Option<&'static str>,
    /// What is wrong.
    pub title: String,
    /// What would be right.
    pub help: String,
}

/// Tie every import of every part that is not the host's, or say of each why not.
pub fn resolve(parts: &[Part]) -> Result<Vec<Link>, Vec<Problem>> {
    let (mut links, mut problems) = (Vec::new(), Vec::new());
    for (importer, part) in parts.iter().enumerate() {
        problems.extend(part.unused_choices());
        problems.extend(part.surface.strays.iter().map(|stray| {
            part.problem(
                None,
                format!("service {:?} imports {stray:?}, which is no interface", part.service),
                "only interfaces can be imported; move it into one and export that from another service".into(),
            )
        }));
        for (import, interface) in part.surface.imports.iter().enumerate() {
            if interface.name.is_wasi() || interface.is_types_alone() {
                continue;
            }
            match find_exporter(parts, importer, interface) {
                Ok(exporter) => links.push(Link { importer, import, exporter }),
                Err(problem) => problems.push(problem),
            }
        }
    }
    if problems.is_empty() {
        problems.extend(find_circle(parts, &links));
    }
    if problems.is_empty() { Ok(links) } else { Err(problems) }
}

/// The parts in an order in which each comes after all that it calls.
pub fn callees_first(count: usize, links: &[Link]) -> Vec<usize> {
    let mut order = Vec::with_capacity(count);
    while order.len() < count {
        let ready = |part: &usize| {
            !order.contains(part) && links.iter().all(|link| link.importer != *part || order.contains(&link.exporter))
        };
        let Some(next) = (0..count).find(ready) else { break };
        order.push(next);
    }
    order
}

impl Part<'_> {
    fn problem(&self, key: Option<&'static str>, title: String, help: String) -> Problem {
        Problem { service: self.service.into(), key, title, help }
    }

    /// The service that `links` names for an interface.
    fn choice(&self, name: &InterfaceName) -> Option<&str> {
        let chosen = self.choices.iter().find(|(key, _)| is_meant(key, name));
        chosen.map(|(_, service)| service.as_str())
    }

    /// Entries of `links` that mean nothing the component imports.
    fn unused_choices(&self) -> Vec<Problem> {
        let imports = || self.surface.imports.iter().filter(|import| !import.name.is_wasi());
        let unused = self.choices.keys().filter(|key| !imports().any(|import| is_meant(key, &import.name)));
        let unused = unused.map(|key| {
            let names: Vec<_> = imports().map(|import| import.name.to_string()).collect();
            let help = match names.is_empty() {
                true => "it imports nothing of other services; remove the entry".into(),
                false => format!("it imports {}", names.join(", ")),
            };
            self.problem(Some("links"), format!("service {:?} does not import {key:?}", self.service), help)
        });
        unused.collect()
    }
}

/// Whether a key of `links` means this interface: a key without a version means
/// every version.
fn is_meant(key: &str, name: &InterfaceName) -> bool {
    key.parse::<InterfaceName>()
        .is_ok_and(|key| key.path == name.path && (key.version.is_none() || key.goes_with(name)))
}

fn find_exporter(parts: &[Part], importer: usize, import: &Interface) -> Result<usize, Problem> {
    let part = &parts[importer];
    let (service, name) = (part.service, &import.name);
    let chosen = part.choice(name);
    let candidates: Vec<usize> = (0..parts.len())
        .filter(|other| *other != importer && parts[*other].surface.export(name).is_some())
        .filter(|other| chosen.is_none_or(|chosen| chosen == parts[*other].service))
        .collect();
    match candidates[..] {
        [exporter] => check_types(part, import, &parts[exporter]).map(|()| exporter),
        [] => Err(match chosen {
            Some(chosen) => part.problem(
                Some("links"),
                format!("service {service:?} links {name} to {chosen:?}, which does not export it"),
                exports_of(parts, chosen),
            ),
            None => part.problem(
                None,
                format!("service {service:?} imports {name}, which no service exports"),
                missing_help(parts, importer, name),
            ),
        }),
        _ => {
            let names: Vec<_> = candidates.iter().map(|other| parts[*other].service).collect();
            let choices: Vec<_> =
                names.iter().map(|other| format!("links = {{ {:?} = {other:?} }}", name.path)).collect();
            Err(part.problem(
                None,
                format!("service {service:?} imports {name}, which services {} export", quoted(&names)),
                format!("choose one in [service.{service}]: {}", choices.join(" or ")),
            ))
        }
    }
}

fn check_types(importer: &Part, import: &Interface, exporter: &Part) -> Result<(), Problem> {
    let (service, callee, name) = (importer.service, exporter.service, &import.name);
    if let Some(why) = import.unlinkable() {
        return Err(importer.problem(
            None,
            format!("service {service:?} imports {name} from {callee:?}, which cannot be linked: {why}"),
            "only plain values cross a link; pass records, lists and the like, or an id in place of a resource".into(),
        ));
    }
    let mismatches = exporter.surface.export(name).map(|export| import.mismatches(export)).unwrap_or_default();
    if mismatches.is_empty() {
        return Ok(());
    }
    let mut help = format!("build both against the same WIT; {service} wants (-) and {callee} exports (+):");
    for mismatch in mismatches {
        let offered = mismatch.offered.as_deref().unwrap_or("nothing of that name");
        help.push_str(&format!("\n- {}\n+ {offered}", mismatch.wanted));
    }
    Err(importer.problem(
        None,
        format!("service {service:?} imports {name}, which {callee:?} exports with other types"),
        help,
    ))
}

fn exports_of(parts: &[Part], service: &str) -> String {
    let exports = parts.iter().filter(|part| part.service == service).flat_map(|part| &part.surface.exports);
    let names: Vec<_> = exports.filter(|export| !export.name.is_wasi()).map(|export| export.name.to_string()).collect();
    match names.is_empty() {
        true => format!("{service} exports nothing that can be linked"),
        false => format!("{service} exports {}", names.join(", ")),
    }
}

fn missing_help(parts: &[Part], importer: usize, name: &InterfaceName) -> String {
    let others = parts.iter().enumerate().filter(|(place, _)| *place != importer).flat_map(|(_, part)| {
        let exports = part.surface.exports.iter().filter(|export| export.name.path == name.path);
        exports.map(|export| format!("{} exports {}, another version", part.service, export.name))
    });
    let others: Vec<_> = others.collect();
    match others.is_empty() {
        true => format!("add a service whose component exports {name}"),
        false => format!("{}; build one of the two against the other's WIT", others.join("; ")),
    }
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(" and ")
}

/// A circle of links, which calls could wait in for ever.
fn find_circle(parts: &[Part], links: &[Link]) -> Option<Problem> {
    let placed = callees_first(parts.len(), links);
    let mut path = vec![(0..parts.len()).find(|part| !placed.contains(part))?];
    // Every part that was not placed calls another that was not: follow them
    // until one comes again.
    loop {
        let at = *path.last()?;
        let next = links.iter().find(|link| link.importer == at && !placed.contains(&link.exporter))?.exporter;
        let start = path.iter().position(|part| *part == next);
        path.push(next);
        if let Some(start) = start {
            let names: Vec<_> = path[start..].iter().map(|part| parts[*part].service).collect();
            return Some(parts[next].problem(
                None,
                format!("services link in a circle: {}", names.join(" -> ")),
                "move what they need of each other into a service that both link to".into(),
            ));
        }
    }
}
