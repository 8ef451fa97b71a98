//! `GET /v1/services`: who runs, and how it goes.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Serialize;
use serde_json::json;

use super::Admin;
use crate::{
    app::LinkNames,
    listener::reply,
    manifest::Manifest,
    service::{Canary, Service, Serving, Share},
    swap::{Left, Promotion, Swapper},
    upstream::Upstream,
};

/// A service as it is shown.
#[derive(Serialize)]
struct ServiceStatus<'a> {
    name: &'a str,
    digest: &'a str,
    revision: u64,
    since: String,
    routes: Vec<String>,
    /// By interface, the service that is called.
    links: BTreeMap<&'a str, &'a str>,
    /// By interface, the services that are delivered its calls.
    events: BTreeMap<&'a str, Vec<&'a str>>,
    instances: Instances,
    /// Of the service, whichever revision they were for.
    calls: u64,
    traps: u64,
    /// Of the live revision, as `errors` is: those that have ended.
    live_calls: u64,
    errors: u64,
    /// Replaced revisions that still have calls.
    draining: Vec<u64>,
    canary: Option<CanaryStatus<'a>>,
}

#[derive(Serialize)]
struct Instances {
    idle: usize,
    busy: usize,
    max: u32,
}

/// A revision on trial.
#[derive(Serialize)]
struct CanaryStatus<'a> {
    revision: u64,
    digest: &'a str,
    since: String,
    share: Share,
    calls: u64,
    errors: u64,
    /// Probes that stood in for calls.
    probes: u64,
    /// Nothing if somebody must decide.
    trial: Option<TrialStatus>,
}

/// What a canary still needs to be promoted.
#[derive(Serialize)]
struct TrialStatus {
    for_ms: u128,
    left_ms: u128,
    calls: u64,
    missing: u64,
}

/// Who is no component.
#[derive(Serialize)]
struct UpstreamStatus<'a> {
    name: &'a str,
    urls: Vec<String>,
    routes: Vec<String>,
    /// Requests that it has, and those that wait for one of these to end.
    busy: usize,
    waiting: usize,
    max: u32,
    addresses: Vec<AddressStatus>,
}

#[derive(Serialize)]
struct AddressStatus {
    address: String,
    /// Whether requests go there.
    well: bool,
    busy: usize,
    requests: u64,
    failures: u64,
}

impl Admin {
    pub(super) fn services(&self) -> Response<Bytes> {
        let swapper = self.swapper.load_full();
        let app = swapper.app();
        let (links, events) = (app.links(), app.events());
        let serving: Vec<_> = app.services.iter().map(|service| service.serving()).collect();
        let pairs = app.services.iter().zip(&serving).enumerate();
        let services: Vec<_> = pairs
            .map(|(place, (service, serving))| {
                ServiceStatus::of(&swapper, place, (service, serving), (&links, &events))
            })
            .collect();
        let upstreams = self.upstreams.load();
        let upstreams: Vec<_> = upstreams.all().map(|upstream| UpstreamStatus::of(app.manifest(), upstream)).collect();
        reply::json(StatusCode::OK, &json!({ "app": app.name(), "services": services, "upstreams": upstreams }))
    }
}

impl<'a> ServiceStatus<'a> {
    fn of(
        swapper: &'a Swapper,
        place: usize,
        (service, serving): (&'a Service, &'a Serving),
        (links, events): (&'a [LinkNames], &'a [LinkNames]),
    ) -> ServiceStatus<'a> {
        let live = &serving.live;
        ServiceStatus {
            name: service.name(),
            digest: live.digest(),
            revision: live.number(),
            since: humantime::format_rfc3339_seconds(live.since()).to_string(),
            routes: swapper.app().manifest().services[place].routes.iter().map(|it| it.route.to_string()).collect(),
            links: LinkNames::of_service(links, service.name()),
            events: LinkNames::told_of_service(events, service.name()),
            instances: Instances { idle: live.idle(), busy: live.busy(), max: service.limits().instances },
            calls: service.calls(),
            traps: service.traps(),
            live_calls: live.life().calls(),
            errors: live.life().errors(),
            draining: swapper.draining(place),
            canary: serving.canary.as_ref().map(|canary| CanaryStatus::of(swapper, place, canary)),
        }
    }
}

impl UpstreamStatus<'_> {
    fn of<'a>(manifest: &Manifest, upstream: &'a Upstream) -> UpstreamStatus<'a> {
        let (name, standing) = (upstream.name(), upstream.standing());
        let table = manifest.upstreams.iter().find(|table| table.name == name);
        let (urls, routes) = table.map_or_else(Default::default, |table| {
            let routes = table.routes.iter().map(|it| it.route.to_string()).collect();
            (table.origins.iter().map(ToString::to_string).collect(), routes)
        });
        let addresses = standing.addresses.into_iter().map(|it| AddressStatus {
            address: it.address.to_string(),
            well: it.is_well,
            busy: it.busy,
            requests: it.requests,
            failures: it.failures,
        });
        UpstreamStatus {
            name,
            urls,
            routes,
            busy: standing.busy,
            waiting: standing.waiting,
            max: table.map_or(0, |table| table.connections),
            addresses: addresses.collect(),
        }
    }
}

impl CanaryStatus<'_> {
    fn of<'a>(swapper: &Swapper, place: usize, canary: &'a Canary) -> CanaryStatus<'a> {
        let (revision, progress) = (&canary.revision, swapper.progress(place, canary));
        CanaryStatus {
            revision: revision.number(),
            digest: revision.digest(),
            since: humantime::format_rfc3339_seconds(revision.since()).to_string(),
            share: canary.share,
            calls: revision.life().calls(),
            errors: revision.life().errors(),
            probes: progress.as_ref().map_or(0, |progress| progress.probes()),
            trial: progress.and_then(|progress| progress.left()).map(TrialStatus::of),
        }
    }
}

impl TrialStatus {
    fn of(left: Left) -> TrialStatus {
        let Promotion { after, calls } = left.promotion;
        TrialStatus { for_ms: after.as_millis(), left_ms: left.time.as_millis(), calls, missing: left.calls }
    }
}
