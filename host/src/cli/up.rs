//! `dovetail up`: build, link and serve until a signal.

use std::{
    future::pending,
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use arc_swap::ArcSwap;
use clap::Args;
use tokio::{runtime::Runtime, sync::oneshot, task::JoinHandle, time::timeout};

use super::{
    build::{self, Which},
    certificates::{self, Certificates},
    listeners::Listeners,
    listening::{Addresses, Listening},
    pinned::{self, Pinning},
    plan,
    recorded::Recorded,
    settings,
    signals::{Signals, end_at_once},
    state::{self, State},
    stdout::print_with,
    terminal::{FAINT, STRONG, Terminal, word},
    trusting,
    watch::Watch,
};
use crate::{
    acme::Orders,
    admin::{Admin, Guard, Token},
    app::{App, Plan},
    engine::CodeCache,
    event::Events,
    gateway::{Gateway, Redirect},
    history::History,
    identity::{Care, Identities},
    listener::Listener,
    manifest::{Invalid, Manifest, RouteManifest, StoreUrl},
    service::Service,
    store,
    swap::Swapper,
    systemd,
    tls::Proofs,
    upstream::Upstreams,
};

/// How long what is in flight may take to finish when the host stops.
const DRAIN: Duration = Duration::from_secs(30);

/// How long tasks that outlived every request get to end.
const LAST_TASKS: Duration = Duration::from_secs(1);

/// Build the components, link them and serve the app.
#[derive(Args)]
pub struct Up {
    #[command(flatten)]
    listening: Listening,
    /// Keep data here instead of at store.url: memory:, sqlite:PATH,
    /// postgres://USER@HOST:PORT/DATABASE or redis://HOST:PORT/NUMBER.
    #[arg(long, value_name = "URL", value_parser = store_argument)]
    store: Option<String>,
    /// Build, swap and apply what changes: sources, components, the manifest.
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    pinning: Pinning,
    #[command(flatten)]
    state: State,
}

/// What serves, and what another app in its place needs.
pub struct Served {
    /// Answers requests.
    pub gateway: Arc<Gateway>,
    /// Swaps for the app that serves.
    pub swapper: Arc<ArcSwap<Swapper>>,
    /// Delivers what waits for its services.
    pub events: Arc<Events>,
    /// Those to whom requests are passed on.
    pub upstreams: Arc<ArcSwap<Upstreams>>,
    /// Those who know who asks.
    pub identities: ArcSwap<Identities>,
    /// What was live.
    pub history: Arc<History>,
    /// Compiled code.
    pub cache: Arc<CodeCache>,
}

impl Up {
    /// Serve until a signal comes, and then until requests in flight are done.
    pub fn run(self, manifest: &Path) -> Result<()> {
        let manifest = self.load(manifest)?;
        let addresses = self.listening.resolve(&manifest)?;
        let url = self.store_url(&manifest)?;
        trusting::warn(&manifest);
        // Before the build, so that no change after it is missed.
        let mut watch = if self.watch { Some(Watch::begin(manifest.clone(), url.clone())?) } else { None };
        let token = Token::of(&manifest)?;
        let tls = Certificates::of(&manifest)?;
        settings::look(&manifest)?;
        let upstreams = Upstreams::open(&manifest, &Upstreams::default())?;
        let identities = Identities::open(&manifest, &Identities::default())?;
        // That another host has the folder is known before anything is pulled or built.
        let history = Arc::new(state::history(&manifest)?);
        if let Some(unwritable) = history.unwritable() {
            tracing::warn!("{unwritable}");
        }
        let cache = Arc::new(state::code(&manifest)?);
        let runtime = runtime()?;
        // So is what is wrong with the store.
        runtime.block_on(store::inspect_to_open(&url))?;
        pinned::have(&manifest, self.pinning, &Terminal::new())?;
        // That somebody else has the addresses is known before the build. They are given back:
        // who asks before there are services is to be refused, not kept waiting.
        drop(runtime.block_on(Listeners::bind(&manifest, &addresses, &tls))?);
        let begun = Instant::now();
        systemd::status("builds the components");
        build::run(&manifest, Which::All, &Terminal::new())?;
        if let Some(watch) = &mut watch {
            watch.first_build(begun.elapsed());
        }
        let plan = plan(manifest, &history, cache.clone(), &Terminal::new())?;
        let watch = watch.map(|watch| (watch, self));
        let served = runtime.block_on(serve(
            plan,
            url,
            Kept { history, cache },
            Access { addresses, token, tls, upstreams, identities },
            watch,
        ));
        runtime.shutdown_timeout(LAST_TASKS);
        served
    }

    /// A manifest as it is to be served: with the addresses that were asked for.
    pub fn load(&self, manifest: &Path) -> Result<Manifest> {
        self.listening.apply(self.state.manifest(manifest)?)
    }

    /// What may become of the lock file.
    pub fn pinning(&self) -> Pinning {
        self.pinning
    }

    /// Where a manifest's data is kept.
    pub fn store_url(&self, manifest: &Manifest) -> Result<StoreUrl> {
        store_url(manifest, self.store.as_deref())
    }
}

/// The store to open: the manifest's, or the one asked for instead. A relative
/// path starts from the manifest's folder, or from where the command was given.
pub fn store_url(manifest: &Manifest, instead: Option<&str>) -> Result<StoreUrl> {
    let invalid = |error: Invalid| anyhow::anyhow!("--store: {}; {}", error.reason, error.help);
    match instead {
        Some(url) => StoreUrl::parse(url, &manifest.app).map_err(invalid),
        None => Ok(manifest.store.clone().relative_to(manifest.dir())),
    }
}

/// Refuses a URL of no store as wrong usage, whatever the app's name in it will be.
pub fn store_argument(url: &str) -> Result<String, Invalid> {
    StoreUrl::parse(url, "app").map(|_| url.to_owned())
}

/// A worker for each core.
pub fn runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime could not be started")
}

/// Where a host is reached, what it asks and shows there, and whom it passes requests on to.
struct Access {
    addresses: Addresses,
    token: Option<Token>,
    tls: Certificates,
    upstreams: Upstreams,
    identities: (Identities, Care),
}

/// What outlives the host.
struct Kept {
    history: Arc<History>,
    cache: Arc<CodeCache>,
}

async fn serve(
    plan: Plan,
    url: StoreUrl,
    Kept { history, cache }: Kept,
    access: Access,
    watch: Option<(Watch, Up)>,
) -> Result<()> {
    let mut signals = Signals::new()?;
    tokio::spawn(systemd::watch());
    systemd::status("makes the services ready");
    let recorded = Recorded::of(&plan, &history);
    // Nothing is in flight before all services are ready, which may take each of
    // them up to its deadline.
    let (app, listeners) = tokio::select! {
        started = start(plan, &access, &url, history.clone()) => started?,
        signal = signals.next() => end_at_once(signal),
    };
    let events = Arc::new(Events::start(&app).await?);
    introduce(&app, &url, &recorded, &listeners)?;
    let serving = format!("serves {} at {}", app.name(), listeners.gateway()?);

    let Listeners { gateway, redirect, admin } = listeners;
    let guard = guard(&admin, app.manifest(), access.token.as_ref())?;
    let proofs = access.tls.gateway.as_ref().and_then(|tls| tls.proofs());
    let orders = proofs.iter().flat_map(|proofs| ordered(app.manifest(), proofs)).collect::<Vec<_>>();
    let redirect = redirect.map(|listener| redirected(listener, &gateway, proofs)).transpose()?;
    orders.into_iter().for_each(|orders| drop(tokio::spawn(orders.run())));
    access.tls.renewals.into_iter().for_each(|renewal| drop(tokio::spawn(renewal.run())));
    // The admin API answers until all else is done.
    let (done, until_done) = oneshot::channel::<()>();
    access.upstreams.look_after();
    let (identities, care) = access.identities;
    care.begin();
    let requests = Arc::new(Gateway::new(&app, &access.upstreams, &identities));
    let upstreams = Arc::new(ArcSwap::from_pointee(access.upstreams));
    let swapper = Arc::new(ArcSwap::new(Swapper::new(app, history.clone())));
    let status = Arc::new(Admin::new(swapper.clone(), events.clone(), upstreams.clone(), guard));
    let admin = tokio::spawn(admin.serve(status.clone(), async { _ = until_done.await }));
    let stop = async { _ = signals.next().await };
    let (events_there, swapper_there) = (events.clone(), swapper.clone());
    let served = Served {
        gateway: requests.clone(),
        swapper: swapper_there,
        events: events_there,
        upstreams,
        identities: ArcSwap::from_pointee(identities),
        history,
        cache,
    };
    let watch = watch.map(|(watch, up)| tokio::spawn(watch.run(served, up)));
    systemd::ready(&serving);
    let connections = gateway.serve(requests, stop).await;
    systemd::stopping("lets requests in flight finish");
    watch.into_iter().chain(redirect).for_each(|task| task.abort());
    status.stopping();
    tracing::info!("stopping; a second signal ends at once");
    tokio::spawn(async move { end_at_once(signals.next().await) });

    let finished = async {
        tokio::join!(connections.drain(), events.stop());
        let swapper = swapper.load_full();
        swapper.app().until_idle().await;
        swapper.until_drained().await;
    };
    if timeout(DRAIN, finished).await.is_err() {
        tracing::warn!("some calls did not finish in time and were cut off");
    }
    drop(done);
    let _ = timeout(LAST_TASKS, admin.await?.drain()).await;
    swapper.load_full().app().close().await
}

/// Decides who may use the admin API.
fn guard(admin: &Listener, manifest: &Manifest, token: Option<&Token>) -> Result<Guard> {
    let by_certificate = manifest.admin.asks_for_certificates();
    Ok(Guard::new(&admin.addresses()?, manifest.admin.listen.name(), token, by_certificate))
}

/// Sends plain HTTP on to the gateway, until it is aborted.
fn redirected(listener: Listener, gateway: &Listener, proofs: Option<Arc<Proofs>>) -> Result<JoinHandle<()>> {
    let ports =
        |listener: &Listener| listener.addresses().map(|them| them.iter().map(SocketAddr::port).collect::<Vec<_>>());
    let (own, ports) = (ports(&listener)?, ports(gateway)?);
    Ok(tokio::spawn(async move { drop(listener.serve(Redirect::new(own, &ports, proofs), pending()).await) }))
}

/// What has certificates in time that are ordered.
fn ordered(manifest: &Manifest, proofs: &Arc<Proofs>) -> impl Iterator<Item = Orders> {
    let over_http = manifest.gateway.redirect.is_some();
    certificates::orders(manifest).map(move |(_, acme)| Orders::new(acme.clone(), proofs.clone(), over_http))
}

/// Bind the addresses, open the store, and make every service live on it.
async fn start(plan: Plan, access: &Access, url: &StoreUrl, history: Arc<History>) -> Result<(Arc<App>, Listeners)> {
    let listeners = Listeners::bind(plan.manifest(), &access.addresses, &access.tls).await?;
    let app = plan.start(store::open(url).await?, history, None).await?;
    Ok((Arc::new(app), listeners))
}

/// By what those are known who answer a route.
fn answerer(route: &RouteManifest, service: Option<&Arc<Service>>) -> String {
    match (&route.content, service) {
        (Some(content), _) => content.to_string(),
        (None, service) => service.map(|service| service.name().to_owned()).unwrap_or_default(),
    }
}

/// Say what is served and where. The addresses come last, when all is ready.
fn introduce(app: &App, url: &StoreUrl, recorded: &[Recorded], listeners: &Listeners) -> Result<()> {
    let (gateway, redirect, admin) = (listeners.gateway()?, listeners.redirect()?, listeners.admin()?);
    let of_services = app.routes().map(|(route, service)| (route.route.to_string(), answerer(route, service)));
    let of_upstreams = app.manifest().upstreams.iter().flat_map(|upstream| {
        let urls: Vec<_> = upstream.origins.iter().map(ToString::to_string).collect();
        let to = format!("{} {FAINT}{}{FAINT:#}", upstream.name, urls.join(", "));
        upstream.routes.iter().map(move |it| {
            let answers = it.content.as_ref().map_or_else(|| to.clone(), ToString::to_string);
            (it.route.to_string(), answers)
        })
    });
    let routes: Vec<_> = of_services.chain(of_upstreams).collect();
    let width = routes.iter().map(|(route, _)| route.len()).max().unwrap_or_default();
    print_with(|out| {
        for link in app.links() {
            writeln!(out, "{} {} → {} {FAINT}{}{FAINT:#}", word("Link"), link.from, link.to, link.interface)?;
        }
        for event in app.events() {
            writeln!(out, "{} {} ⇢ {} {FAINT}{}{FAINT:#}", word("Event"), event.from, event.to, event.interface)?;
        }
        for (route, service) in &routes {
            writeln!(out, "{} {route:width$} {FAINT}→{FAINT:#} {service}", word("Route"))?;
        }
        for recorded in recorded {
            writeln!(out, "{} {recorded}", word("Live"))?;
        }
        writeln!(out, "{} {url}", word("Store"))?;
        writeln!(out, "{} {admin}", word("Admin"))?;
        if let Some(redirect) = &redirect {
            writeln!(out, "{} {redirect} {FAINT}→{FAINT:#} https", word("Redirect"))?;
        }
        writeln!(out, "{} {STRONG}{} at {gateway}{STRONG:#}", word("Serving"), app.name())
    })
}
