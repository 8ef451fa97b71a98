//! The services of a manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;

use super::{Checker, filled};
use crate::manifest::duration;
use crate::manifest::key::KeyPath;
use crate::manifest::nearest::nearest;
use crate::manifest::schema::{self, Bytes};
use crate::manifest::{
    ByteSize, ComponentSource, Invalid, Limits, OutboundHost, Policy, ServiceManifest, Setting, Subject, load, names,
};

impl Checker<'_> {
    /// The services that have nothing amiss, in the order of their names.
    pub(super) fn services(
        &mut self,
        tables: BTreeMap<String, schema::Service>,
        policy: &Policy,
    ) -> Vec<ServiceManifest> {
        let known: BTreeSet<String> = tables.keys().cloned().collect();
        let services = tables.into_iter();
        services.filter_map(|(name, table)| self.service(name, table, &known, policy)).collect()
    }

    fn service(
        &mut self,
        name: String,
        table: schema::Service,
        known: &BTreeSet<String>,
        policy: &Policy,
    ) -> Option<ServiceManifest> {
        let at = KeyPath::root().child("service").child(&name);
        self.take_key(&at, "service name", names::service(&name));
        let component = table.component.as_deref().and_then(|text| self.component(&at.child("component"), text));
        self.build(&at, table.build.as_deref(), component.as_ref());
        let watch = self.watch(&at.child("watch"), &table);
        let policy = self.policy(&at.child("http"), &table.http).or(policy);
        let routes = self.routes(&at.child("routes"), &format!("service `{name}`"), &table.routes, &policy);
        let openapi = table.openapi.as_deref();
        let openapi =
            openapi.and_then(|path| self.path(&at.child("openapi"), path, "write the path of the description"));
        let buckets =
            self.list(&at.child("buckets"), &table.buckets, |name| names::bucket(name).map(|()| name.to_owned()));
        let publishes = self.list(&at.child("publishes"), &table.publishes, Subject::parse);
        let subscribes = self.list(&at.child("subscribes"), &table.subscribes, Subject::parse);
        let outbound = self.outbound(&at.child("outbound"), &table.outbound);
        self.atomic(&at, &table);
        let config = self.config(&at.child("config"), table.config);
        let env = self.env(&at.child("env"), table.env);
        self.links(&at.child("links"), &name, &table.links, known);
        let probe = table.probe.as_deref().and_then(|path| self.take(&at.child("probe"), self::path(path)));
        let limits = self.limits(&at.child("limits"), &table.limits);
        Some(ServiceManifest {
            name,
            component: component?,
            build: table.build,
            watch,
            routes,
            openapi,
            buckets: buckets.into_iter().collect(),
            publishes,
            subscribes,
            config,
            env,
            outbound,
            probe,
            links: table.links,
            atomic: table.atomic,
            limits: limits?,
        })
    }

    fn component(&mut self, at: &KeyPath, text: &str) -> Option<ComponentSource> {
        self.take(at, filled(text, "write the path of the component's file"))?;
        self.take(at, ComponentSource::parse(text, self.dir, &self.pulled))
    }

    fn build(&mut self, at: &KeyPath, command: Option<&str>, component: Option<&ComponentSource>) {
        let Some(command) = command else { return };
        let command = filled(command, "write a command, or leave the key out");
        self.take(&at.child("build"), command);
        if component.is_some_and(|component| component.reference().is_some()) {
            let help = "leave it out, or write the path of what it makes as `component`";
            self.take::<()>(&at.child("build"), Err(Invalid::new("makes nothing: the component is pulled", help)));
        }
    }

    fn watch(&mut self, at: &KeyPath, table: &schema::Service) -> Vec<PathBuf> {
        if table.build.is_none() && !table.watch.is_empty() {
            let help = "add the build command that is to run when these change, or leave the key out";
            self.take::<()>(at, Err(Invalid::new("has no build command", help)));
        }
        let help = "write the path of a file or a folder, or leave it out";
        let dir = self.dir;
        self.list(at, &table.watch, |path| filled(path, help).map(|()| load::joined(dir, path)))
    }

    pub(super) fn list<T>(
        &mut self,
        at: &KeyPath,
        items: &[String],
        parse: impl Fn(&str) -> Result<T, Invalid>,
    ) -> Vec<T> {
        let items = items.iter().enumerate();
        items.filter_map(|(index, item)| self.take_item(at, index, item, parse(item))).collect()
    }

    fn outbound(&mut self, at: &KeyPath, hosts: &[String]) -> Vec<OutboundHost> {
        let hosts = hosts.iter().enumerate();
        let read = hosts.filter_map(|(index, host)| {
            self.take_item(at, index, &OutboundHost::hide_user(host), host.parse::<OutboundHost>())
        });
        read.collect()
    }

    fn config(&mut self, at: &KeyPath, config: BTreeMap<String, schema::Setting>) -> BTreeMap<String, Setting> {
        for key in config.keys() {
            self.take_key(&at.child(key), "config key", filled(key, "give the value a name"));
        }
        self.settings(at, config)
    }

    fn env(&mut self, at: &KeyPath, env: BTreeMap<String, schema::Setting>) -> BTreeMap<String, Setting> {
        for (key, value) in &env {
            let at = at.child(key);
            self.take_key(&at, "variable", names::env(key));
            if matches!(value, schema::Setting::Written(text) if text.contains('\0')) {
                self.take::<()>(&at, Err(Invalid::new("has a NUL", "leave it out")));
            }
        }
        self.settings(at, env)
    }

    fn settings(&mut self, at: &KeyPath, table: BTreeMap<String, schema::Setting>) -> BTreeMap<String, Setting> {
        let help = "write the path of the file that has the value";
        let settings = table.into_iter().filter_map(|(key, value)| {
            let setting = match value {
                schema::Setting::Written(text) => Setting::Written(text.into()),
                schema::Setting::InFile { file } => {
                    Setting::File(self.path(&at.child(&key).child("file"), &file?, help)?)
                }
            };
            Some((key, setting))
        });
        settings.collect()
    }

    fn links(&mut self, at: &KeyPath, name: &str, links: &BTreeMap<String, String>, known: &BTreeSet<String>) {
        for (interface, to) in links {
            let at = at.child(interface);
            self.take_key(&at, "link", names::interface(interface));
            self.take(&at, link_target(name, to, known));
        }
    }

    /// What an instance writes belongs to the call that it serves, so there is but one.
    fn atomic(&mut self, at: &KeyPath, table: &schema::Service) {
        if !table.atomic || table.limits.concurrency <= 1 {
            return;
        }
        let at_limit = at.child("limits").child("concurrency");
        let title = format!("`{at_limit}` is above 1, but the service is atomic");
        let problem = self
            .problem(&at_limit, title)
            .label("the host could not tell which of these calls wrote what")
            .help("leave one of the two out; for more calls at once raise limits.instances")
            .other(self.places.value(&at.child("atomic")), "each call is a unit of work");
        self.problems.push(problem);
    }

    fn limits(&mut self, at: &KeyPath, table: &schema::Limits) -> Option<Limits> {
        let memory = self.take(&at.child("memory"), memory(&table.memory));
        let deadline = self.take(&at.child("deadline"), up_to_an_hour(&table.deadline));
        let instances = self.take(&at.child("instances"), instances(table.instances));
        let queue = self.take(&at.child("queue"), none_or(table.queue, 100_000, "write 0 to 100_000"));
        let concurrency = self.take(&at.child("concurrency"), concurrency(table.concurrency));
        let reuse = self.take(&at.child("reuse"), reuse(table.reuse));
        let body = self.take(&at.child("body"), body(&table.body));
        let value = self.take(&at.child("value"), largest_value(&table.value));
        let failures = none_or(table.outbound_failures, 1_000, "write 0 to 1_000");
        let outbound_failures = self.take(&at.child("outbound_failures"), failures);
        let drain = self.take(&at.child("drain"), up_to_an_hour(&table.drain));
        Some(Limits {
            memory: memory?,
            deadline: deadline?,
            instances: instances?,
            queue: queue?,
            concurrency: concurrency?,
            reuse: reuse?,
            body: body?,
            value: value?,
            outbound_failures: outbound_failures?,
            drain: drain?,
        })
    }
}

fn link_target(from: &str, to: &str, known: &BTreeSet<String>) -> Result<(), Invalid> {
    let others: Vec<&str> = known.iter().map(String::as_str).filter(|name| *name != from).collect();
    let help = match nearest(to, others.iter().copied()) {
        _ if others.is_empty() => "declare the service that is to serve it".to_owned(),
        Some(near) => format!("write \"{near}\""),
        None => format!("the other services are `{}`", others.join("`, `")),
    };
    match known.contains(to) {
        true if to == from => Err(Invalid::new("links the service to itself", help)),
        true => Ok(()),
        false => Err(Invalid::new(format!("names `{to}`, which is no service"), help)),
    }
}

/// What is asked for to see how somebody does.
pub(super) fn path(path: &str) -> Result<Uri, Invalid> {
    let help = "write a path, as in \"/health\"";
    match path.parse::<Uri>() {
        _ if !path.starts_with('/') => Err(Invalid::new("does not begin with `/`", help)),
        // Whoever reads a URL keeps the fragment for itself.
        _ if path.contains('#') => {
            let sent = path.split('#').next().unwrap_or_default();
            Err(Invalid::new("has a fragment, which is not sent", format!("write \"{sent}\"")))
        }
        // A request for it would get no further than the gateway.
        Ok(uri) if route::normalised(uri.path()).is_ok() => Ok(uri),
        _ => Err(Invalid::new("is no path of a URL", help)),
    }
}

fn memory(written: &Bytes) -> Result<ByteSize, Invalid> {
    // A page of wasm memory, and all that 32 bits can address.
    size(written, ByteSize::kib(64), ByteSize::mib(4096))
}

pub(super) fn body(written: &Bytes) -> Result<ByteSize, Invalid> {
    // More does not come within the longest deadline.
    size(written, ByteSize(0), ByteSize::mib(1 << 20))
}

fn largest_value(written: &Bytes) -> Result<ByteSize, Invalid> {
    // What one call may set, keys and values together.
    size(written, ByteSize(0), ByteSize::mib(16))
}

fn size(written: &Bytes, least: ByteSize, most: ByteSize) -> Result<ByteSize, Invalid> {
    let help = format!("write {least} to {most}");
    let size = match written {
        Bytes::Text(text) => text.parse()?,
        Bytes::Number(number) => {
            ByteSize(u64::try_from(*number).map_err(|_| Invalid::new("is negative", help.as_str()))?)
        }
    };
    within(size, least, most, &help)
}

pub(super) fn up_to_an_hour(text: &str) -> Result<Duration, Invalid> {
    let (least, most) = (Duration::from_millis(1), Duration::from_secs(3600));
    within(duration::parse(text)?, least, most, "write 1ms to 1h")
}

fn instances(number: i64) -> Result<u32, Invalid> {
    count(number, 10_000, "write 1 to 10_000")
}

fn concurrency(number: i64) -> Result<u32, Invalid> {
    count(number, 1_000, "write 1 to 1_000")
}

pub(super) fn connections(number: i64) -> Result<u32, Invalid> {
    count(number, 10_000, "write 1 to 10_000")
}

fn reuse(number: i64) -> Result<u32, Invalid> {
    count(number, 1_000_000_000, "write 1 to 1_000_000_000")
}

pub(super) fn count(number: i64, most: u32, help: &str) -> Result<u32, Invalid> {
    none_or(within(number, 1, i64::from(most), help)?, most, help)
}

fn none_or(number: i64, most: u32, help: &str) -> Result<u32, Invalid> {
    let number = within(number, 0, i64::from(most), help)?;
    u32::try_from(number).map_err(|_| Invalid::new("is too large", help))
}

fn within<T: PartialOrd>(value: T, least: T, most: T, help: &str) -> Result<T, Invalid> {
    match () {
        _ if value < least => Err(Invalid::new("is too small", help)),
        _ if value > most => Err(Invalid::new("is too large", help)),
        _ => Ok(value),
    }
}
