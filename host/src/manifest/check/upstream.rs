//! The upstreams of a manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{
    Checker,
    service::{connections, path, up_to_an_hour},
};
use crate::manifest::{
    Health, HostName, Invalid, Origin, Policy, Problem, UpstreamManifest,
    key::KeyPath,
    names,
    schema::{self, List},
};

impl Checker<'_> {
    /// The upstreams that have nothing amiss, in the order of their names. `services` are the
    /// names of others.
    pub(super) fn upstreams(
        &mut self,
        tables: BTreeMap<String, schema::Upstream>,
        services: &BTreeSet<String>,
        policy: &Policy,
    ) -> Vec<UpstreamManifest> {
        let upstreams = tables.into_iter();
        upstreams.filter_map(|(name, table)| self.upstream(name, table, services, policy)).collect()
    }

    fn upstream(
        &mut self,
        name: String,
        table: schema::Upstream,
        services: &BTreeSet<String>,
        policy: &Policy,
    ) -> Option<UpstreamManifest> {
        let at = KeyPath::root().child("upstream").child(&name);
        self.take_key(&at, "upstream's name", names::service(&name));
        if services.contains(&name) {
            self.problems.push(self.same_name(&at, &name));
        }
        let origins = table.url.map(|url| self.urls(&at.child("url"), url)).unwrap_or_default();
        let policy = self.policy(&at.child("http"), &table.http).or(policy);
        let routes = self.routes(&at.child("routes"), &format!("upstream `{name}`"), &table.routes, &policy);
        let host = self.take(&at.child("host"), host(&table.host));
        let ca = table.ca.and_then(|file| self.path(&at.child("ca"), &file, "write the file's path"));
        if ca.is_some() && !origins.is_empty() && origins.iter().all(|origin| !origin.is_secure) {
            let help = "write `https` in `url`, or leave this out";
            self.take::<()>(&at.child("ca"), Err(Invalid::new("is for TLS, which is not spoken there", help)));
        }
        let connections = self.take(&at.child("connections"), connections(table.connections));
        let health = table.health.map(|health| self.health(&at.child("health"), health));
        let health = health.map_or(Some(None), |health| health.map(Some));
        Some(UpstreamManifest { name, origins, routes, host: host?, ca, connections: connections?, health: health? })
    }

    fn urls(&mut self, at: &KeyPath, url: List<String>) -> Vec<Origin> {
        let (read, is_list) = match url {
            List::One(text) => (self.take(at, text.parse()).into_iter().collect(), false),
            List::Several(texts) if texts.is_empty() => {
                let help = "write where it is, as in \"http://127.0.0.1:5001\"";
                self.take::<()>(at, Err(Invalid::new("is empty", help)));
                (Vec::new(), true)
            }
            List::Several(texts) => {
                let texts = texts.iter().enumerate();
                let read = texts.filter_map(|(index, text)| self.take_item(at, index, text, text.parse()));
                (read.collect::<Vec<Origin>>(), true)
            }
        };
        for (index, origin) in read.iter().enumerate().filter(|_| is_list) {
            if read[..index].contains(origin) {
                let twice = Invalid::new("is there twice", "leave one of the two out");
                self.take_item::<()>(at, index, &origin.to_string(), Err(twice));
            }
        }
        read
    }

    fn health(&mut self, at: &KeyPath, health: schema::Health) -> Option<Health> {
        let is_table = matches!(health, schema::Health::Table(_));
        let (text, every) = health.parts();
        let at_path = if is_table { at.child("path") } else { at.clone() };
        // One that is missing has been reported.
        let path = text.and_then(|text| self.take(&at_path, path(&text)));
        let every = self.take(&at.child("every"), up_to_an_hour(&every).and_then(seldom));
        Some(Health { path: path?, every: every? })
    }

    fn same_name(&self, at: &KeyPath, name: &str) -> Problem {
        let title = format!("a service and an upstream cannot both be called `{name}`");
        let service = self.places.key(&KeyPath::root().child("service").child(name));
        let problem = Problem::at(self.source, self.places.key(at), title).key(at);
        problem.other(service, "the service").help("give one of the two another name")
    }
}

fn host(text: &str) -> Result<HostName, Invalid> {
    match text {
        "client" => Ok(HostName::Client),
        "upstream" => Ok(HostName::Upstream),
        _ => Err(Invalid::new(format!("is {text:?}"), "write \"client\" or \"upstream\"")),
    }
}

/// Whoever is asked all the time does nothing else.
fn seldom(every: Duration) -> Result<Duration, Invalid> {
    match every < Duration::from_millis(100) {
        true => Err(Invalid::new("is too small", "write 100ms to 1h")),
        false => Ok(every),
    }
}
