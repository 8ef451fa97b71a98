//! What is said of links that cannot be made: what is wrong, at which key of
//! the manifest, and what would be right.

use wasmtime::component::types::{ComponentFunc, Type};

use super::{Event, Interface, InterfaceName, Link, Mismatch, Part, Schedule};
use crate::{
    message::{KeyPath, Params},
    service::PACKAGES,
};

/// Why an import cannot be tied.
pub struct Problem {
    /// Whose manifest entry is to be looked at.
    pub table: Table,
    /// The key there, if it is about one.
    pub key: Option<String>,
    /// What is wrong.
    pub title: String,
    /// What would be right.
    pub help: String,
}

/// A table of the manifest.
pub enum Table {
    /// That of a service.
    Service(String),
    /// That of an event, by its interface.
    Event(String),
    /// That of a schedule.
    Schedule(String),
}

impl Problem {
    /// It imports something beside interfaces of a package.
    pub(super) fn stray(part: &Part, name: &str) -> Problem {
        let title = format!("service `{}` imports `{name}`, which is no interface of a package", part.service);
        let help = format!(
            "services link by the interfaces of a package, as in `import demo:tools/{name};`: \
             declare it in one, and export that from another service"
        );
        Problem::of(part, None, title, help)
    }

    /// Its `links` have an entry that means nothing it imports.
    pub(super) fn not_imported(part: &Part, key: &str) -> Problem {
        let imports = part.linked_imports().map(|import| import.name.to_string());
        let imports: Vec<_> = imports.collect();
        let help = match key {
            _ if key.starts_with("wasi:") => "WASI comes from the host alone; remove the entry".into(),
            _ if key.starts_with("dovetail:") => "what is Dovetail's own comes from the host; remove the entry".into(),
            _ if imports.is_empty() => "it imports nothing of other services; remove the entry".into(),
            _ => format!("it imports {}", quoted(&imports)),
        };
        let title = match key {
            _ if key.starts_with("wasi:") || key.starts_with("dovetail:") => {
                format!("service `{}` has a link for `{key}`", part.service)
            }
            _ => format!("service `{}` has a link for `{key}`, which it does not import", part.service),
        };
        Problem::of(part, Some(key), title, help)
    }

    /// It imports of WASI, or of Dovetail's own, what this host has not.
    pub(super) fn not_offered(part: &Part, name: &InterfaceName) -> Problem {
        let (package, _) = name.path.split_once('/').unwrap_or((&name.path, ""));
        let others = PACKAGES.iter().filter(|offered| offered.split('@').next() == Some(package));
        let help = match &others.collect::<Vec<_>>()[..] {
            [] => {
                let (namespace, family) = match package.starts_with("dovetail:") {
                    true => ("dovetail:", "its own"),
                    false => ("wasi:", "WASI"),
                };
                let offered = PACKAGES.iter().filter(|package| package.starts_with(namespace));
                format!("of {family} the host offers {}", quoted(&offered.collect::<Vec<_>>()))
            }
            [other] => {
                let exactly = if other.contains('-') { "; a pre-release goes with itself alone" } else { "" };
                format!("the host offers `{other}`{exactly}; build the component against that version")
            }
            others => format!("the host offers {}; build the component against one of them", quoted(others)),
        };
        Problem::of(
            part,
            None,
            format!("service `{}` imports `{name}`, which the host does not offer", part.service),
            help,
        )
    }

    /// Nobody exports what it imports.
    pub(super) fn missing(parts: &[Part], part: &Part, name: &InterfaceName) -> Problem {
        let title = format!("service `{}` imports `{name}`, which no other service exports", part.service);
        let versions = parts.iter().filter(|other| other.service != part.service).flat_map(|other| {
            let exports = other.surface.exports.iter().filter(|export| export.name.path == name.path);
            exports.map(|export| format!("`{}` exports `{}`", other.service, export.name))
        });
        let versions: Vec<_> = versions.collect();
        let exactly = if name.is_pre_release() { ", for a pre-release goes with itself alone" } else { "" };
        let help = match versions.is_empty() {
            true => format!("add a service whose component exports `{name}`"),
            false => format!(
                "{}, but the versions do not go together{exactly}; build one against the other's WIT",
                versions.join(" and ")
            ),
        };
        Problem::of(part, None, title, help)
    }

    /// Its `links` choose a service that does not export what it imports.
    pub(super) fn wrong_choice(parts: &[Part], part: &Part, name: &InterfaceName, key: &str, chosen: &str) -> Problem {
        let title = format!("service `{}` links `{name}` to `{chosen}`, which does not export it", part.service);
        let exports = parts.iter().filter(|other| other.service == chosen).flat_map(|other| &other.surface.exports);
        let exports = exports.filter(|export| !export.name.is_hosts()).map(|export| export.name.to_string());
        let exports: Vec<_> = exports.collect();
        let exporters =
            parts.iter().filter(|other| other.service != part.service && other.surface.export(name).is_some());
        let exporters: Vec<_> = exporters.map(|other| other.service).collect();
        let help = match (&exports[..], &exporters[..]) {
            (_, [exporter]) => format!("`{exporter}` exports it: write \"{exporter}\", or remove the entry"),
            (_, [_, ..]) => format!("{} export it: choose one of them", quoted(&exporters)),
            ([], []) => format!("`{chosen}` exports nothing that can be linked, and no other service exports it"),
            (exports, []) => format!("`{chosen}` exports {}, and no other service exports it", quoted(exports)),
        };
        Problem::of(part, Some(key), title, help)
    }

    /// More than one service exports what it imports.
    pub(super) fn ambiguous(part: &Part, name: &InterfaceName, exporters: &[&str]) -> Problem {
        let title = format!("service `{}` imports `{name}`, which {} export", part.service, quoted(exporters));
        let mut help = format!("choose one of them in [service.{}]:", part.service);
        for exporter in exporters {
            help.push_str(&format!("\nlinks = {{ {:?} = {exporter:?} }}", name.path));
        }
        Problem::of(part, None, title, help)
    }

    /// It imports what belongs to one store.
    pub(super) fn unlinkable(part: &Part, name: &InterfaceName, exporters: &[&str], why: &str) -> Problem {
        let from = if exporters.is_empty() { String::new() } else { format!(" from {}", quoted(exporters)) };
        let title = format!("service `{}` imports `{name}`{from}, which cannot be linked: {why}", part.service);
        let help = "only plain values cross a link; pass records, lists and the like, or an id in place of a resource";
        Problem::of(part, None, title, help.into())
    }

    /// Importer and exporter differ on functions.
    pub(super) fn mismatched(part: &Part, import: &Interface, exporter: &str, mismatches: &[Mismatch]) -> Problem {
        let (service, name) = (part.service, &import.name);
        let title = format!("service `{service}` imports `{name}`, which `{exporter}` exports with other types");
        let mut help = format!("build both against the same WIT; {service} wants (-) and {exporter} exports (+):");
        for mismatch in mismatches {
            let offered = mismatch.offered.as_deref().unwrap_or("nothing of that name");
            help.push_str(&format!("\n- {}\n+ {offered}", mismatch.wanted));
        }
        Problem::of(part, None, title, help)
    }

    /// Links that lead back to where they began.
    pub(super) fn circle(parts: &[Part], circle: &[Link]) -> Option<Problem> {
        let first = &parts[circle.first()?.importer];
        let mut title = format!("services link in a circle: {}", first.service);
        let mut help = String::from(
            "calls in a circle could wait for each other for ever; \
             move what they need of each other into a service that all of them link to:",
        );
        for link in circle {
            let (importer, exporter) = (&parts[link.importer], parts[link.exporter].service);
            let name = &importer.surface.imports[link.import].name;
            title.push_str(&format!(" -> {exporter}"));
            help.push_str(&format!("\n`{}` imports `{name}` from `{exporter}`", importer.service));
        }
        Some(Problem::of(first, None, title, help))
    }

    /// A subscriber has no functions of its event.
    pub(super) fn not_exported(event: &Event, part: &Part) -> Problem {
        let Event { interface, .. } = event;
        let title = format!("service `{}` subscribes to `{interface}`, which it does not export", part.service);
        let exports = part.surface.exports.iter().filter(|export| !export.name.is_hosts());
        let exports: Vec<_> = exports.map(|export| export.name.to_string()).collect();
        let help = match exports.is_empty() {
            true => format!("export `{interface}` from its component, or take it out of the subscribers"),
            false => format!(
                "export `{interface}` from its component, which exports {}, or take it out of the subscribers",
                quoted(&exports)
            ),
        };
        Problem::of_event(event, "subscribers", title, help)
    }

    /// What it carries cannot be kept.
    pub(super) fn no_event(event: &Event, part: &Part, verb: &str, why: &str) -> Problem {
        let Event { interface, .. } = event;
        let title = format!("`{interface}`, which service `{}` {verb}, can be no event: {why}", part.service);
        let help = "pass plain values, which can be kept: no resources, streams or futures";
        Problem::of_event(event, "subscribers", title, help.into())
    }

    /// A function of an event that cannot be one, if so.
    pub(super) fn no_receiver(event: &Event, part: &Part, function: &(String, ComponentFunc)) -> Option<Problem> {
        let (Event { interface, key, .. }, (name, function)) = (event, function);
        let at = format!("`{name}` of `{interface}`, which service `{}` exports,", part.service);
        let answers = function.results().next();
        let plain = match &answers {
            None => true,
            Some(Type::Result(result)) => result.ok().is_none(),
            Some(_) => false,
        };
        if !plain {
            let title = format!("{at} has a result, which nobody waits for");
            let help = format!(
                "write `{name}: func(…);` or `{name}: func(…) -> result<_, E>;`, or make a link of it: take the \
                 table out"
            );
            return Some(Problem::of_event(event, "subscribers", title, help));
        }
        let path = (*key)?;
        // Of one that carries what cannot be kept it was told before.
        let params = Params::of(function).ok()?;
        let found = path.parse::<KeyPath>().and_then(|path| path.resolve(&params));
        let why = found.err()?;
        let title = format!("{at} has no key `{path}`: {why}");
        let help = "write a parameter and its fields, as in `key = \"order.user-id\"`, or leave the key out";
        Some(Problem::of_event(event, "key", title, help.into()))
    }

    /// A subscriber has not the function that a schedule calls.
    pub(super) fn no_function(schedule: &Schedule, part: &Part, export: &Interface) -> Problem {
        let Schedule { name, interface, function } = schedule;
        let title = format!(
            "schedule `{name}` emits `{interface}#{function}`, but service `{}` has no function `{function}` there",
            part.service
        );
        let functions: Vec<_> = export.functions.iter().map(|(name, _)| name.as_str()).collect();
        let help = format!("`{}` of `{}` has {}", export.name, part.service, quoted(&functions));
        Problem::of_schedule(schedule, title, help)
    }

    /// It takes what time has not.
    pub(super) fn not_for_time(schedule: &Schedule, part: &Part, params: &Params) -> Problem {
        let Schedule { name, interface, function } = schedule;
        let title = format!(
            "schedule `{name}` emits `{interface}#{function}`, which takes {params} in service `{}`",
            part.service
        );
        let help = format!(
            "a schedule knows nothing but its time, in milliseconds since 1970: write `{function}: func();` or \
             `{function}: func(time: u64);`"
        );
        Problem::of_schedule(schedule, title, help)
    }

    /// Two subscribers take different things.
    pub(super) fn differs(schedule: &Schedule, one: (&Part, &Params), other: (&Part, &Params)) -> Problem {
        let ((one, takes), (other, differs)) = (one, other);
        let Schedule { name, interface, function } = schedule;
        let title = format!(
            "schedule `{name}` emits `{interface}#{function}`, which takes {takes} in service `{}` and {differs} in \
             service `{}`",
            one.service, other.service
        );
        Problem::of_schedule(schedule, title, "build both against the same WIT".into())
    }

    fn of_schedule(schedule: &Schedule, title: String, help: String) -> Problem {
        Problem { table: Table::Schedule(schedule.name.into()), key: Some("event".into()), title, help }
    }

    fn of_event(event: &Event, key: &str, title: String, help: String) -> Problem {
        Problem { table: Table::Event(event.interface.into()), key: Some(key.into()), title, help }
    }

    fn of(part: &Part, link: Option<&str>, title: String, help: String) -> Problem {
        Problem {
            table: Table::Service(part.service.into()),
            key: link.map(|link| format!("links.{link}")),
            title,
            help,
        }
    }
}

fn quoted(names: &[impl AsRef<str>]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}
