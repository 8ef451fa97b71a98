//! `dovetail graph`: the app as a picture in text.

use std::{collections::BTreeSet, fmt::Write, path::Path};

use anyhow::Result;
use clap::{Args, ValueEnum};

use super::{pinned::Pinning, plan_of_live, state::State, stdout::print};
use crate::{
    app::{LinkNames, ScheduleNames},
    manifest::{Asks, RouteManifest, ServiceManifest, UpstreamManifest},
};

/// Show the services, their routes, their links and events, the upstreams and the schedules.
#[derive(Args)]
pub struct Graph {
    /// How to draw.
    #[arg(long, value_enum, default_value_t = Format::Tree)]
    format: Format,
    #[command(flatten)]
    pinning: Pinning,
    #[command(flatten)]
    state: State,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// A tree for the terminal.
    Tree,
    /// Graphviz.
    Dot,
    /// A Mermaid flowchart.
    Mermaid,
    /// For programs.
    Json,
}

impl Graph {
    /// Link what there is, and draw what came of it. What is not there is built before.
    pub fn run(self, manifest: &Path) -> Result<()> {
        let plan = plan_of_live(self.state.manifest(manifest)?, self.pinning)?;
        let manifest = plan.manifest();
        let drawing = Drawing {
            app: &manifest.app,
            services: &manifest.services,
            gateway: &manifest.gateway.routes,
            upstreams: &manifest.upstreams,
            links: &plan.links(),
            events: &plan.events(),
            schedules: &ScheduleNames::all(manifest),
        };
        let text = match self.format {
            Format::Tree => drawing.tree(),
            Format::Dot => drawing.dot(),
            Format::Mermaid => drawing.mermaid(),
            Format::Json => Ok(drawing.json()),
        };
        print(text?.trim_end().as_bytes())
    }
}

struct Drawing<'a> {
    app: &'a str,
    services: &'a [ServiceManifest],
    /// The routes that no service answers.
    gateway: &'a [RouteManifest],
    upstreams: &'a [UpstreamManifest],
    links: &'a [LinkNames],
    /// Drawn dashed: nobody waits for them.
    events: &'a [LinkNames],
    /// What they emit is drawn as events are.
    schedules: &'a [ScheduleNames],
}

impl Drawing<'_> {
    fn tree(&self) -> Result<String, std::fmt::Error> {
        let mut text = format!("{}\n", self.app);
        let services = self.services.iter().map(|service| (service.name.clone(), self.leaves(service)));
        let upstreams = self.upstreams.iter().map(|upstream| {
            let urls = upstream.origins.iter().map(|origin| format!("at {origin}"));
            let routes = upstream.routes.iter().map(|it| format!("route {}{}", labelled(it), asks(it)));
            (format!("upstream {}", upstream.name), routes.chain(urls).collect())
        });
        let schedules = self.schedules.iter().map(|schedule| {
            let ScheduleNames { name, interface, function, to } = schedule;
            let emitted = to.iter().map(|to| format!("event {interface}#{function} ⇢ {to}"));
            (format!("schedule {name}"), emitted.collect())
        });
        let gateway = (!self.gateway.is_empty()).then(|| {
            let routes = self.gateway.iter().map(|it| format!("route {}{}", labelled(it), asks(it)));
            ("gateway".to_owned(), routes.collect())
        });
        let branches = gateway.into_iter().chain(services).chain(upstreams).chain(schedules);
        let branches: Vec<(String, Vec<String>)> = branches.collect();
        for (place, (branch, leaves)) in branches.iter().enumerate() {
            let last = place + 1 == branches.len();
            writeln!(text, "{} {branch}", if last { "└──" } else { "├──" })?;
            for (place, leaf) in leaves.iter().enumerate() {
                let trunk = if last { "    " } else { "│   " };
                writeln!(text, "{trunk}{} {leaf}", if place + 1 == leaves.len() { "└──" } else { "├──" })?;
            }
        }
        Ok(text)
    }

    /// What hangs on a service in the tree.
    fn leaves(&self, service: &ServiceManifest) -> Vec<String> {
        let routes = service.routes.iter().map(|it| format!("route {}{}", labelled(it), asks(it)));
        let links = self.links.iter().filter(|link| link.from == service.name);
        let links = links.map(|link| format!("link {} → {}", link.interface, link.to));
        let events = self.events.iter().filter(|event| event.from == service.name);
        let events = events.map(|event| format!("event {} ⇢ {}", event.interface, event.to));
        let heard = self.events.iter().filter(|event| event.to == service.name && is_broker(&event.from));
        let heard = heard.map(|event| format!("event {} ⇠ {}", event.interface, event.from));
        routes.chain(links).chain(events).chain(heard).collect()
    }

    fn dot(&self) -> Result<String, std::fmt::Error> {
        let mut text = format!("digraph {:?} {{\n    rankdir=LR;\n", self.app);
        for service in self.services {
            writeln!(text, "    {:?} [shape=component];", service.name)?;
            for route in routes(&service.routes) {
                writeln!(text, "    {route:?} [shape=plaintext];\n    {route:?} -> {:?};", service.name)?;
            }
        }
        for (route, content) in self.contents() {
            writeln!(text, "    {route:?} [shape=plaintext];\n    {content:?} [shape=note];")?;
            writeln!(text, "    {route:?} -> {content:?};")?;
        }
        for upstream in self.upstreams {
            writeln!(text, "    {:?} [shape=box3d];", upstream.name)?;
            for route in routes(&upstream.routes) {
                writeln!(text, "    {route:?} [shape=plaintext];\n    {route:?} -> {:?};", upstream.name)?;
            }
        }
        for link in self.links {
            writeln!(text, "    {:?} -> {:?} [label={:?}];", link.from, link.to, link.interface)?;
        }
        for broker in self.brokers() {
            writeln!(text, "    {broker:?} [shape=cylinder];")?;
        }
        for LinkNames { from, to, interface } in self.events {
            writeln!(text, "    {from:?} -> {to:?} [label={interface:?}, style=dashed];")?;
        }
        for ScheduleNames { name, interface, function, to } in self.schedules {
            let (from, label) = (format!("schedule {name}"), format!("{interface}#{function}"));
            writeln!(text, "    {from:?} [shape=ellipse];")?;
            for to in to {
                writeln!(text, "    {from:?} -> {to:?} [label={label:?}, style=dashed];")?;
            }
        }
        text.push_str("}\n");
        Ok(text)
    }

    fn mermaid(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::from("flowchart LR\n");
        let mut count = 0;
        for service in self.services {
            writeln!(text, "    service-{0}[{0}]", service.name)?;
            for route in routes(&service.routes) {
                count += 1;
                writeln!(text, "    route-{count}([\"{route}\"]) --> service-{}", service.name)?;
            }
        }
        for (route, content) in self.contents() {
            count += 1;
            writeln!(text, "    route-{count}([\"{route}\"]) --> content-{count}[\"{content}\"]")?;
        }
        for upstream in self.upstreams {
            writeln!(text, "    upstream-{0}[[{0}]]", upstream.name)?;
            for route in routes(&upstream.routes) {
                count += 1;
                writeln!(text, "    route-{count}([\"{route}\"]) --> upstream-{}", upstream.name)?;
            }
        }
        for link in self.links {
            writeln!(text, "    service-{} -- \"{}\" --> service-{}", link.from, link.interface, link.to)?;
        }
        for broker in self.brokers() {
            writeln!(text, "    {}[({})]", node(broker), broker.trim_start_matches('@'))?;
        }
        for LinkNames { from, to, interface } in self.events {
            writeln!(text, "    {} -. \"{interface}\" .-> {}", node(from), node(to))?;
        }
        for ScheduleNames { name, interface, function, to } in self.schedules {
            writeln!(text, "    schedule-{name}([\"schedule {name}\"])")?;
            for to in to {
                writeln!(text, "    schedule-{name} -. \"{interface}#{function}\" .-> {}", node(to))?;
            }
        }
        Ok(text)
    }

    /// The routes that the gateway answers itself, and how.
    fn contents(&self) -> impl Iterator<Item = (String, String)> {
        let services = self.services.iter().flat_map(|service| &service.routes);
        let upstreams = self.upstreams.iter().flat_map(|upstream| &upstream.routes);
        let all = self.gateway.iter().chain(services).chain(upstreams);
        all.filter_map(|it| Some((it.route.to_string(), it.content.as_ref()?.to_string())))
    }

    /// The brokers that events go by, each once.
    fn brokers(&self) -> BTreeSet<&str> {
        let ends = self.events.iter().flat_map(|event| [event.from.as_str(), event.to.as_str()]);
        let ends = ends.chain(self.schedules.iter().flat_map(|schedule| schedule.to.iter().map(String::as_str)));
        ends.filter(|end| is_broker(end)).collect()
    }

    fn json(&self) -> String {
        let services = self
            .services
            .iter()
            .map(|service| serde_json::json!({ "name": service.name, "routes": labels(&service.routes) }));
        let services: Vec<_> = services.collect();
        let upstreams = self.upstreams.iter().map(|upstream| {
            let urls: Vec<_> = upstream.origins.iter().map(ToString::to_string).collect();
            serde_json::json!({ "name": upstream.name, "urls": urls, "routes": labels(&upstream.routes) })
        });
        let upstreams: Vec<_> = upstreams.collect();
        let drawn = serde_json::json!({
            "app": self.app, "gateway": { "routes": labels(self.gateway) }, "services": services, "links": self.links,
            "events": self.events, "schedules": self.schedules, "upstreams": upstreams,
        });
        format!("{drawn:#}\n")
    }
}

/// Whether an event comes from a broker here, or goes to one.
fn is_broker(end: &str) -> bool {
    end.starts_with('@')
}

/// What Mermaid calls an end of an event.
fn node(end: &str) -> String {
    end.strip_prefix('@').map_or_else(|| format!("service-{end}"), |broker| format!("broker-{broker}"))
}

/// The routes that those answer whose they are.
fn routes(routes: &[RouteManifest]) -> impl Iterator<Item = String> {
    routes.iter().filter(|it| it.content.is_none()).map(|it| it.route.to_string())
}

fn labels(routes: &[RouteManifest]) -> Vec<String> {
    routes.iter().map(labelled).collect()
}

/// A route, and what the gateway answers if it does.
fn labelled(it: &RouteManifest) -> String {
    match &it.content {
        Some(content) => format!("{} → {content}", it.route),
        None => it.route.to_string(),
    }
}

/// Who may ask a route, if it is said.
fn asks(route: &RouteManifest) -> String {
    match &route.policy.auth {
        None => String::new(),
        Some(Asks::Everybody) => ", open to everybody".to_owned(),
        Some(Asks::Known(names)) => {
            let scopes = route.policy.scopes.iter().flatten().map(|scope| format!(" {scope}")).collect::<String>();
            format!(", auth {}{scopes}", names.join(" or "))
        }
    }
}
