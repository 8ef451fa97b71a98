//! The manifest: what an app is, read from `dovetail.toml`.
//!
//! [`Manifest::load`] answers with values that need no further checking, or
//! with a [`Report`] of everything that is wrong, each with its line, its key
//! and what would be right. The way there is: text, TOML with spans, `shape`
//! (every key and type against the schema), `schema` (what serde reads),
//! `check` (what the values mean). A step takes out what it refuses and goes
//! on with the rest, so one run shows all there is to mend.
//!
//! Nothing here touches more of the world than the manifest's own file, but for
//! [`Manifest::missing_sources`] and [`Manifest::missing_folders`], which ask whether files exist,
//! [`ListenAddress::resolve`], which asks for the addresses of a name, and the zone of a
//! schedule, which the system's database of zones has, or else one of the host's own. What a
//! component imports and exports is for others; they report what they find at
//! the right line through [`Manifest::problem`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

mod admin;
mod auth;
mod backoff;
mod check;
mod coding;
mod component_source;
mod content;
mod cors;
mod digest;
mod duration;
mod event;
mod files;
mod gateway;
mod header_changes;
mod invalid;
mod key;
mod limits;
mod listen;
mod load;
mod moved;
mod names;
mod nearest;
mod network;
mod no_service;
mod outbound;
mod policy;
mod priority;
mod rate;
mod reference;
mod report;
mod schedule;
mod schema;
mod server_url;
mod setting;
mod shape;
mod size;
mod store_url;
mod subject;
mod times;
mod tls;
mod transport;
mod upstream;

#[cfg(test)]
mod table;

pub use admin::AdminManifest;
pub use auth::{Asks, AuthManifest, KeySource, Proof, TokenManifest, scope};
pub use backoff::Backoff;
pub use coding::Coding;
pub use component_source::ComponentSource;
pub use content::Content;
pub use cors::{Cors, Names, Origins};
pub use digest::Digest;
pub use duration::duration;
pub use event::{EventLimits, EventManifest, Parked, Start};
pub use files::FilesManifest;
pub use gateway::GatewayManifest;
pub use header_changes::HeaderChanges;
pub use invalid::Invalid;
pub use limits::Limits;
pub use listen::{
    ListenAddress, admin_address, any_admin_address, is_for_others, listen_address, redirect_address, refuse_others,
};
pub use moved::{Moved, Target};
pub use names::{bucket as bucket_name, service as service_name};
pub use nearest::nearest;
pub use no_service::NoService;
pub use outbound::OutboundHost;
pub use policy::{Authorize, Policy, RouteManifest};
pub use priority::Priority;
pub use rate::{Per, RateLimit, RateManifest};
pub use reference::Reference;
pub use report::{Problem, Report, Told};
pub use route::Route;
pub use schedule::{Missed, ScheduleManifest};
pub use schema::json_schema;
pub use server_url::ServerUrl;
pub use setting::{Secret, Setting, SettingFile};
pub use size::ByteSize;
pub use store_url::{PostgresHost, PostgresUrl, RedisUrl, StoreUrl, TlsMode, percent_decoded, percent_encoded};
pub use subject::Subject;
pub use times::Times;
pub use tls::{Acme, TlsFiles, TlsPair};
pub use transport::{Protocol, Transport};
pub use upstream::{Health, HostName, Origin, UpstreamManifest};

use key::{KeyPath, Places};
use report::Source;

use http::Uri;
/// An app, as its manifest describes it. Every value in it has been checked.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The file it was read from.
    pub path: PathBuf,
    /// The folder where the host keeps what it must not forget: `.dovetail` beside the
    /// manifest, unless another was asked for.
    pub state: PathBuf,
    /// The app's name.
    pub app: String,
    /// The gateway.
    pub gateway: GatewayManifest,
    /// By what it is known who asks; sorted by name.
    pub auths: Vec<AuthManifest>,
    /// The admin API.
    pub admin: AdminManifest,
    /// Where buckets are kept; a path in it is relative to [`dir`](Self::dir).
    pub store: StoreUrl,
    /// Sorted by name.
    pub rates: Vec<RateManifest>,
    /// At least one, sorted by name.
    pub services: Vec<ServiceManifest>,
    /// Services that are no components, sorted by name.
    pub upstreams: Vec<UpstreamManifest>,
    /// Sorted by interface, each of which is there once.
    pub events: Vec<EventManifest>,
    /// Sorted by name.
    pub schedules: Vec<ScheduleManifest>,
    source: Source,
    places: Places,
}

/// One `[service.NAME]` table.
#[derive(Debug, Clone)]
pub struct ServiceManifest {
    /// The name it goes by in links, logs and metrics.
    pub name: String,
    /// Where its component comes from; a path is joined to the manifest's folder.
    pub component: ComponentSource,
    /// The shell command that makes the component, run in the manifest's folder.
    pub build: Option<String>,
    /// The files and folders that `build` makes it of, joined to the manifest's
    /// folder.
    pub watch: Vec<PathBuf>,
    /// Which requests the gateway gives to it.
    pub routes: Vec<RouteManifest>,
    /// The file of what it says of its HTTP, joined to the manifest's folder.
    pub openapi: Option<PathBuf>,
    /// The buckets it may open.
    pub buckets: BTreeSet<String>,
    /// The subjects that it may publish to by `wasmcloud:messaging`.
    pub publishes: Vec<Subject>,
    /// Those whose messages it is delivered.
    pub subscribes: Vec<Subject>,
    /// What it reads through `wasi:config`.
    pub config: BTreeMap<String, Setting>,
    /// Its whole environment.
    pub env: BTreeMap<String, Setting>,
    /// The hosts it may call.
    pub outbound: Vec<OutboundHost>,
    /// What a new component must answer, below 400, before it goes live.
    pub probe: Option<Uri>,
    /// By imported interface, the service that is to serve it; needed only
    /// where two export the same.
    pub links: BTreeMap<String, String>,
    /// Whether each of its calls is a unit of work: what it writes is kept as one when
    /// it ends well, or not at all. Its instances serve one call at a time.
    pub atomic: bool,
    /// What bounds its calls and its pool.
    pub limits: Limits,
}

impl ServiceManifest {
    /// Whether it answers requests from outside: whether it has a route that is not answered by
    /// the gateway.
    pub fn answers(&self) -> bool {
        self.routes.iter().any(|route| route.content.is_none())
    }
}

impl Manifest {
    /// Reads the manifest at `path`.
    pub fn load(path: &Path) -> Result<Manifest, Report> {
        Self::load_with(path, None)
    }

    /// Reads the manifest at `path`, for a host that has its folder at `state` instead of
    /// beside the manifest.
    pub fn load_with(path: &Path, state: Option<&Path>) -> Result<Manifest, Report> {
        load::parse(path, &load::read(path)?, state.map_or_else(|| load::state(path), Path::to_owned))
    }

    /// Reads a manifest from `text`; `path` says where it came from.
    pub fn parse(path: &Path, text: &str) -> Result<Manifest, Report> {
        load::parse(path, text, load::state(path))
    }

    /// All routes, each with the service or the upstream whose it is, or `gateway`.
    pub fn routes(&self) -> impl Iterator<Item = (&str, &RouteManifest)> {
        let services = self.services.iter().map(|service| (service.name.as_str(), &service.routes));
        let upstreams = self.upstreams.iter().map(|upstream| (upstream.name.as_str(), &upstream.routes));
        let owners = services.chain(upstreams).chain([("gateway", &self.gateway.routes)]);
        owners.flat_map(|(owner, routes)| routes.iter().map(move |route| (owner, route)))
    }

    /// The folder that relative paths in the manifest start from.
    pub fn dir(&self) -> &Path {
        load::dir(&self.path)
    }

    /// What is kept of this app alone, as a folder in [`state`](Self::state): of the app
    /// of this file, since others beside it may name theirs alike.
    pub fn app_state(&self) -> PathBuf {
        Path::new("apps").join(self.path.file_name().unwrap_or_default()).join(&self.app)
    }

    /// The file that says which components its references mean: `dovetail.lock`
    /// beside `dovetail.toml`.
    pub fn lock_file(&self) -> PathBuf {
        self.path.with_extension("lock")
    }

    /// What was read.
    pub fn text(&self) -> &str {
        self.source.text()
    }

    /// The service called `name`.
    pub fn service(&self, name: &str) -> Option<&ServiceManifest> {
        self.services.iter().find(|service| service.name == name)
    }

    /// The subjects of messages that a reader of this event is to have: a service, or the
    /// [outbox](EventManifest::outbox), which has all.
    pub fn subjects_of(&self, event: &EventManifest, reader: &str) -> Vec<Subject> {
        match event.outbox().is_some_and(|outbox| outbox == reader) {
            true => vec![Subject::any()],
            false => self.service(reader).map(|service| service.subscribes.clone()).unwrap_or_default(),
        }
    }

    /// The service called `name`, or what is said if there is none.
    pub fn find(&self, name: &str) -> Result<&ServiceManifest, NoService> {
        self.service(name).ok_or_else(|| {
            let names: Vec<_> = self.services.iter().map(|service| service.name.as_str()).collect();
            NoService::new(name, format!("`{}`", self.path.display()), &names)
        })
    }

    /// A problem found later, shown at `service`'s table or at a `key` of it:
    /// `links`, `limits.memory`, `links.acme:stock/shelf`. Where that key
    /// is not written, the nearest table around it is shown.
    pub fn problem(
        &self,
        service: &str,
        key: Option<&str>,
        title: impl Into<String>,
        help: impl Into<String>,
    ) -> Problem {
        let mut at = KeyPath::root().child("service").child(service);
        // A service's keys nest one deep, and the name of a link has dots.
        if let Some(key) = key {
            at = match key.split_once('.') {
                Some((table, key)) => at.child(table).child(key),
                None => at.child(key),
            };
        }
        Problem::at(&self.source, self.places.value(&at), title).key(&at).help(help)
    }

    /// As [`problem`](Self::problem), of the event of an `interface`: at its table, or at a
    /// `key` of it, as in `subscribers` or `limits.waiting`.
    pub fn event_problem(
        &self,
        interface: &str,
        key: Option<&str>,
        title: impl Into<String>,
        help: impl Into<String>,
    ) -> Problem {
        let table = KeyPath::root().child("event").child(interface);
        let at = key.into_iter().flat_map(|key| key.split('.')).fold(table, |at, key| at.child(key));
        Problem::at(&self.source, self.places.value(&at), title).key(&at).help(help)
    }

    /// As [`problem`](Self::problem), of a schedule: at its table, or at a `key` of it.
    pub fn schedule_problem(
        &self,
        schedule: &str,
        key: Option<&str>,
        title: impl Into<String>,
        help: impl Into<String>,
    ) -> Problem {
        let table = KeyPath::root().child("schedule").child(schedule);
        let at = key.into_iter().fold(table, |at, key| at.child(key));
        Problem::at(&self.source, self.places.value(&at), title).key(&at).help(help)
    }

    /// As [`problem`](Self::problem), of an upstream: at a `key` of it.
    pub fn upstream_problem(
        &self,
        upstream: &str,
        key: &str,
        title: impl Into<String>,
        help: impl Into<String>,
    ) -> Problem {
        let at = KeyPath::root().child("upstream").child(upstream).child(key);
        Problem::at(&self.source, self.places.value(&at), title).key(&at).help(help)
    }

    /// A problem of the admin API's token file, found later.
    pub fn token_problem(&self, title: impl Into<String>, help: impl Into<String>) -> Problem {
        self.table_problem("admin", "token_file", title, help)
    }

    /// A problem found later, shown at a key of `[app]`, `[gateway]`, `[admin]` or
    /// `[store]`: `listen`, `tls.key`, or of the second of several `tls.1.key`.
    pub fn table_problem(&self, table: &str, key: &str, title: impl Into<String>, help: impl Into<String>) -> Problem {
        let at = key.split('.').fold(KeyPath::root().child(table), |at, key| at.child(key));
        Problem::at(&self.source, self.places.value(&at), title).key(&at).help(help)
    }

    /// A problem for every route whose files are not there, or are not for everybody.
    pub fn missing_folders(&self) -> Report {
        let at = |table: KeyPath| table.child("routes");
        let of = |service: &ServiceManifest| at(KeyPath::root().child("service").child(&service.name));
        let services = self.services.iter().map(|service| (of(service), &service.routes));
        let upstreams = self.upstreams.iter();
        let upstreams = upstreams.map(|it| (at(KeyPath::root().child("upstream").child(&it.name)), &it.routes));
        let gateway = (at(KeyPath::root().child("gateway")), &self.gateway.routes);
        let routes = services.chain(upstreams).chain([gateway]).flat_map(|(list, routes)| {
            routes.iter().enumerate().map(move |(index, route)| (list.child(index).child("files"), route))
        });
        let missing = routes.filter_map(|(at, route)| {
            let Some(Content::Files(files)) = &route.content else { return None };
            let problem =
                |title: String, help| Problem::at(&self.source, self.places.value(&at), title).key(&at).help(help);
            if self
                .dir()
                .canonicalize()
                .is_ok_and(|own| files.folder.canonicalize().is_ok_and(|it| own.starts_with(it)))
            {
                let title = format!("the files of the route `{}` are all of the app's, this manifest too", route.route);
                return Some(problem(title, "put what is to be served into a folder of its own, as in \"dist/\""));
            }
            let help = "write the path of a folder, seen from the manifest's folder, or make it first";
            let title = format!("the files of the route `{}` are not there", route.route);
            files.missing().map(|missing| problem(title, help).label(missing))
        });
        Report::new(missing.collect())
    }

    /// A problem for every path in a service's `watch` where nothing is.
    pub fn missing_sources(&self) -> Report {
        let named = self.services.iter().flat_map(|service| service.watch.iter().map(move |path| (service, path)));
        let missing = named.filter(|(_, path)| !path.exists());
        let problem = |(service, path): (&ServiceManifest, &PathBuf)| {
            let title = format!("service `{}` is to be built again when `{}` changes", service.name, path.display());
            let help = "write the path of a file or a folder, seen from the manifest's folder";
            self.problem(&service.name, Some("watch"), title, help).label("there is no such file or folder")
        };
        Report::new(missing.map(problem).collect())
    }
}
