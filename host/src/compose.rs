//! Composing: the services of an app made into one component, for other hosts.
//!
//! A service is composed with all that it links to, each instantiated once. A
//! whole app gets a router in front, which knows the routes. What comes out
//! imports WASI alone: that is read back from it, since whatever is left open
//! would be found only when somebody runs it.
//!
//! For its host a composition is one instance. Its services keep their memories
//! and their buckets apart, but share traps, limits, configuration and outbound
//! hosts: what else keeps services apart is done by our own host.

use std::collections::BTreeMap;

pub use self::{
    error::ComposeError,
    event::Events,
    needs::Needs,
    spin::{MARK as SPIN_MARK, manifest as spin_manifest},
};
use self::{
    graph::{Graph, Instance},
    guard::STORE,
};
use crate::{
    app::LinkNames,
    link::InterfaceName,
    manifest::{Manifest, NoService, ServiceManifest},
};

mod adapter;
mod error;
mod event;
mod graph;
mod guard;
mod needs;
mod spin;
mod switchboard;
mod text;

#[cfg(test)]
mod tests;

/// The interface that answers HTTP.
const HANDLER: &str = "wasi:http/incoming-handler@0.2.0";
/// The one of WASI 0.3, without its version.
const ASYNC_HANDLER: &str = "wasi:http/handler";

/// A service that may become part of a composition.
pub struct Source<'a> {
    /// What the manifest says of it.
    pub service: &'a ServiceManifest,
    /// Its component.
    pub component: Vec<u8>,
}

/// Who keeps the buckets of a composition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// The host, by `wasi:keyvalue`.
    Host,
    /// An adapter, in a folder that the host lends.
    Fs,
    /// An adapter, in Spin's default store.
    Spin,
}

/// One component, and what it asks of its host.
pub struct Composed {
    /// The component in its binary form.
    pub component: Vec<u8>,
    /// The services in it, callees first.
    pub services: Vec<String>,
    /// Whether it answers HTTP.
    pub answers_http: bool,
    /// What it asks of its host.
    pub needs: Needs,
}

/// What can be told before there are components: whether the manifest has the service,
/// or without one any route.
pub fn foresee(manifest: &Manifest, service: Option<&str>) -> Result<(), ComposeError> {
    match service {
        Some(name) => manifest.find(name).map(drop).map_err(Into::into),
        None if !manifest.services.iter().any(ServiceManifest::answers) => Err(ComposeError::NoRoutes),
        None => Ok(()),
    }
}

/// Compose one service with all that it links to. It exports what the service does.
pub fn service(
    sources: &[Source],
    links: &[LinkNames],
    events: Events,
    store: Store,
    name: &str,
) -> Result<Composed, ComposeError> {
    let mut composition = Composition::new(sources, links, events, store);
    let root = composition.service(name)?;
    composition.finish(&root)
}

/// Compose all services that have routes, with all that they link to, behind a
/// router. It answers HTTP.
pub fn app(sources: &[Source], links: &[LinkNames], events: Events, store: Store) -> Result<Composed, ComposeError> {
    let mut composition = Composition::new(sources, links, events, store);
    let (mut handlers, mut patterns) = (Vec::new(), Vec::new());
    for service in sources.iter().map(|source| source.service).filter(|service| service.answers()) {
        let instance = composition.service(&service.name)?;
        let handler = composition.handler(&instance)?;
        handlers.push((instance, handler));
        let routes = service.routes.iter().filter(|route| route.content.is_none());
        patterns.push(routes.map(|it| it.route.to_lines()).collect());
    }
    if handlers.is_empty() {
        return Err(ComposeError::NoRoutes);
    }
    let switchboard = composition.add("dovetail:switchboard", switchboard::make(&patterns)?)?;
    for (number, (instance, handler)) in handlers.iter().enumerate() {
        composition.graph.tie(&switchboard, &switchboard::import(number), instance, handler)?;
    }
    let router = composition.add("dovetail:router", adapter::ROUTER)?;
    composition.graph.tie(&router, switchboard::INTERFACE, &switchboard, switchboard::INTERFACE)?;
    composition.finish(&router)
}

struct Composition<'a> {
    sources: &'a [Source<'a>],
    links: &'a [LinkNames],
    events: Events<'a>,
    store: Store,
    graph: Graph,
    /// Keeps the buckets of all, in place of the host.
    adapter: Option<Instance>,
    /// Each service once, by its name.
    services: BTreeMap<&'a str, Instance>,
    /// The services in the order in which they were added.
    order: Vec<&'a ServiceManifest>,
    /// The services that are being added, callers first.
    callers: Vec<&'a str>,
}

impl<'a> Composition<'a> {
    fn new(sources: &'a [Source], links: &'a [LinkNames], events: Events<'a>, store: Store) -> Composition<'a> {
        let (graph, services) = (Graph::default(), BTreeMap::new());
        let (order, callers) = (Vec::new(), Vec::new());
        Composition { sources, links, events, store, graph, adapter: None, services, order, callers }
    }

    /// The instance of a service, which is made, with those that it links to, when
    /// it is asked for first.
    fn service(&mut self, name: &str) -> Result<Instance, ComposeError> {
        if let Some(instance) = self.services.get(name) {
            return Ok(instance.clone());
        }
        let unknown = || {
            let names: Vec<_> = self.sources.iter().map(|source| source.service.name.as_str()).collect();
            NoService::new(name, "the manifest", &names)
        };
        let Source { service, component } =
            self.sources.iter().find(|source| source.service.name == name).ok_or_else(unknown)?;
        // Links form no circle, or there would be no plan. Events may.
        if let Some(start) = self.callers.iter().position(|caller| *caller == name) {
            return Err(ComposeError::circle(&self.callers[start..]));
        }
        self.callers.push(&service.name);
        let instance = self.graph.add(name, component.clone())?;
        let callees = self.callees(&instance)?;
        self.callers.pop();
        if self.graph.imports(&instance).iter().any(|import| import == STORE) {
            let guard = self.add(&format!("dovetail:guard-{name}"), guard::make(&service.buckets)?)?;
            self.graph.tie(&instance, STORE, &guard, STORE)?;
        }
        self.adapt(&instance)?;
        for (import, callee) in callees {
            let export = self.graph.export(&callee, &import).unwrap_or_else(|| import.clone());
            self.graph.tie(&instance, &import, &callee, &export)?;
        }
        self.services.insert(&service.name, instance.clone());
        self.order.push(service);
        Ok(instance)
    }

    /// What a service imports of others, by links and by events that are calls, and the
    /// instance that is called.
    fn callees(&mut self, service: &Instance) -> Result<Vec<(String, Instance)>, ComposeError> {
        let links = self.links;
        let links = links.iter().filter(|link| link.from == service.name && !self.events.has(&link.interface));
        let mut callees: Vec<_> = links.map(|link| (link.interface.clone(), link.to.clone())).collect();
        for import in self.graph.imports(service) {
            if let Some(subscriber) = self.events.callee(&service.name, &import)? {
                callees.push((import, subscriber.to_owned()));
            }
        }
        callees.into_iter().map(|(import, callee)| Ok((import, self.service(&callee)?))).collect()
    }

    /// Add an instance, with all that the adapter has for it.
    fn add(&mut self, name: &str, component: impl Into<Vec<u8>>) -> Result<Instance, ComposeError> {
        let instance = self.graph.add(name, component)?;
        self.adapt(&instance)?;
        Ok(instance)
    }

    /// Tie what an instance still imports of buckets to the adapter, if there is to
    /// be one.
    fn adapt(&mut self, instance: &Instance) -> Result<(), ComposeError> {
        for import in self.graph.open_imports(instance) {
            if !import.starts_with("wasi:keyvalue/") {
                continue;
            }
            let Some(adapter) = self.adapter()? else { return Ok(()) };
            if let Some(export) = self.graph.export(&adapter, &import) {
                self.graph.tie(instance, &import, &adapter, &export)?;
            }
        }
        Ok(())
    }

    /// The adapter, which is made when it is asked for first.
    fn adapter(&mut self) -> Result<Option<Instance>, ComposeError> {
        if self.adapter.is_none() {
            self.adapter = match self.store {
                Store::Host => None,
                Store::Fs => Some(self.graph.add("dovetail:keyvalue-fs", adapter::KEYVALUE_FS)?),
                Store::Spin => Some(self.graph.add("dovetail:keyvalue-spin", adapter::KEYVALUE_SPIN)?),
            };
        }
        Ok(self.adapter.clone())
    }

    /// The export by which a service answers HTTP to the router.
    fn handler(&self, service: &Instance) -> Result<String, ComposeError> {
        self.graph.export(service, HANDLER).ok_or_else(|| {
            let name = service.name.clone();
            match self.async_handler(service) {
                Some(handler) => ComposeError::Async { service: name, handler },
                None => ComposeError::NoHandler { service: name },
            }
        })
    }

    /// The export by which a service answers HTTP to a host of WASI 0.3.
    fn async_handler(&self, service: &Instance) -> Option<String> {
        let mut exports = self.graph.exports(service).into_iter();
        exports.find(|export| export.split('@').next() == Some(ASYNC_HANDLER))
    }

    /// Have it export what one of its instances does, encode it, and see that it
    /// asks for nothing but WASI.
    fn finish(mut self, front: &Instance) -> Result<Composed, ComposeError> {
        self.graph.export_all(front)?;
        let component = self.graph.encode()?;
        let mut imports = Vec::new();
        for import in graph::imports_of(&component).map_err(ComposeError::Encode)? {
            match import.parse::<InterfaceName>() {
                Ok(interface) if interface.is_wasi() => imports.push(interface),
                _ => return Err(ComposeError::open(&import, self.importers(&import))),
            }
        }
        if self.store == Store::Spin {
            spin::check(&imports)?;
        }
        let needs = Needs::of(imports, self.store, &self.order)?;
        let services = self.order.iter().map(|service| service.name.clone()).collect();
        let answers_http = self.graph.export(front, HANDLER).is_some() || self.async_handler(front).is_some();
        Ok(Composed { component, services, answers_http, needs })
    }

    /// The services that import this, or another version that goes with it.
    fn importers(&self, import: &str) -> Vec<&str> {
        let name = |text: &str| text.parse::<InterfaceName>().ok();
        let is_it = |other: &String| match (name(other), name(import)) {
            (Some(one), Some(other)) => one.goes_with(&other),
            _ => other == import,
        };
        let services = self.services.iter();
        services.filter(|(_, instance)| self.graph.imports(instance).iter().any(is_it)).map(|(name, _)| *name).collect()
    }
}
