//! What a manifest's values mean, and whether they go together.
//!
//! A value that is refused is reported and left out; the rest is checked all
//! the same. Only if nothing was reported is there a manifest.

use std::path::{Path, PathBuf};

use super::key::{KeyPath, Places};
use super::report::Source;
use super::{AdminManifest, GatewayManifest, Invalid, Manifest, Problem, Report, StoreUrl, load, names, schema};

mod acme;
mod auth;
mod content;
mod cors;
mod event;
mod listen;
mod policy;
mod rate;
mod routes;
mod schedule;
mod service;
mod tls;
mod upstream;

/// A manifest of what the `document` says, unless that, or what its shape was
/// found to be, has `problems`. It was read from this path, and the host's folder is
/// `state`.
pub(super) fn check(
    (path, state): (&Path, PathBuf),
    document: schema::Document,
    source: Source,
    places: Places,
    problems: Vec<Problem>,
) -> Result<Manifest, Report> {
    let pulled = load::pulled(path, &state);
    let mut checker = Checker {
        dir: load::dir(path),
        state: &state,
        pulled,
        source: &source,
        places: &places,
        problems,
        rates: Vec::new(),
        auths: Vec::new(),
        services: Vec::new(),
        claims: Vec::new(),
    };
    let parts = checker.document(document);
    let Checker { problems, .. } = checker;
    match parts {
        Some(parts) if problems.is_empty() => {
            let Parts { app, gateway, auths, admin, store, rates, services, upstreams, events, schedules } = parts;
            Ok(Manifest {
                path: path.to_owned(),
                state,
                app,
                gateway,
                auths,
                admin,
                store,
                rates,
                services,
                upstreams,
                events,
                schedules,
                source,
                places,
            })
        }
        _ => Err(Report::new(problems)),
    }
}

struct Checker<'a> {
    dir: &'a Path,
    /// The host's folder.
    state: &'a Path,
    /// Where components are kept that are in registries.
    pulled: PathBuf,
    source: &'a Source,
    places: &'a Places,
    problems: Vec<Problem>,
    /// The names of `[rate.NAME]`.
    rates: Vec<String>,
    /// The names of `[auth.NAME]`.
    auths: Vec<String>,
    /// The names of the services.
    services: Vec<String>,
    /// All routes that are valid, to be compared.
    claims: Vec<routes::Claim>,
}

/// All of a manifest that is read from it.
struct Parts {
    app: String,
    gateway: GatewayManifest,
    auths: Vec<super::AuthManifest>,
    admin: AdminManifest,
    store: StoreUrl,
    rates: Vec<super::RateManifest>,
    services: Vec<super::ServiceManifest>,
    upstreams: Vec<super::UpstreamManifest>,
    events: Vec<super::EventManifest>,
    schedules: Vec<super::ScheduleManifest>,
}

impl Checker<'_> {
    fn document(&mut self, document: schema::Document) -> Option<Parts> {
        let at = |table, key| KeyPath::root().child(table).child(key);
        let app = document.app.and_then(|app| app.name);
        let app = app.and_then(|app| self.take(&at("app", "name"), names::app(&app).map(|()| app)));
        let rates = self.rates(document.rate);
        self.services = document.service.iter().flatten().map(|(name, _)| name.clone()).collect();
        let auths = self.auths(document.auth);
        let (places, gateway) = self.gateway(document.gateway);
        let admin = self.admin(document.admin);
        self.apart(&places, &gateway, admin.as_ref().map(|admin| &admin.listen));
        // Without a name for `{app}` the URL can still be checked.
        let name = app.as_deref().unwrap_or_default();
        let store = self.take(&at("store", "url"), StoreUrl::parse(&document.store.url, name));
        let tables = document.service.unwrap_or_default();
        let interfaces: Vec<String> = document.event.keys().cloned().collect();
        let events = self.events(document.event, &tables);
        let schedules = self.schedules(document.schedule, &interfaces);
        let names = tables.keys().cloned().collect();
        let services = self.services(tables, &gateway.policy);
        let upstreams = self.upstreams(document.upstream, &names, &gateway.policy);
        self.route_conflicts();
        let (app, admin, store) = (app?, admin?, store?);
        Some(Parts { app, gateway, auths, admin, store, rates, services, upstreams, events, schedules })
    }

    /// A file's path, seen from where the host runs.
    fn path(&mut self, at: &KeyPath, path: &str, help: &str) -> Option<PathBuf> {
        self.take(at, filled(path, help))?;
        Some(load::joined(self.dir, path))
    }

    /// The value, or its refusal reported as that of the key at `at`.
    fn take<T>(&mut self, at: &KeyPath, result: Result<T, Invalid>) -> Option<T> {
        result.map_err(|invalid| self.refuse(at, format!("`{at}`"), invalid)).ok()
    }

    /// As [`take`](Self::take), where the `value` stands in the list at `list`.
    fn take_item<T>(&mut self, list: &KeyPath, index: usize, value: &str, result: Result<T, Invalid>) -> Option<T> {
        let subject = format!("{value:?} in `{list}`");
        result.map_err(|invalid| self.refuse(&list.child(index), subject, invalid)).ok()
    }

    /// As [`take`](Self::take), where the name of the key itself is in question.
    fn take_key<T>(&mut self, at: &KeyPath, what: &str, result: Result<T, Invalid>) -> Option<T> {
        let refuse = |invalid: Invalid| {
            let title = format!("the {what} {:?} {}", at.last(), invalid.reason);
            Problem::at(self.source, self.places.key(at), title).key(at).help(invalid.help)
        };
        result.map_err(refuse).map_err(|problem| self.problems.push(problem)).ok()
    }

    fn refuse(&mut self, at: &KeyPath, subject: String, invalid: Invalid) {
        let problem = self.problem(at, format!("{subject} {}", invalid.reason));
        self.problems.push(problem.help(invalid.help));
    }

    fn problem(&self, at: &KeyPath, title: impl Into<String>) -> Problem {
        Problem::at(self.source, self.places.value(at), title).key(at)
    }
}

fn filled(text: &str, help: &str) -> Result<(), Invalid> {
    match text {
        text if text.trim().is_empty() => Err(Invalid::new("is empty", help)),
        // Nothing that the system is told may have one.
        text if text.contains('\0') => Err(Invalid::new("has a NUL", help)),
        _ => Ok(()),
    }
}
