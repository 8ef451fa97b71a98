//! `dovetail up`: build, link and serve until a signal.

use std::{ffi::OsStr, io::Write, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use arc_swap::ArcSwap;
use clap::{Arg, Args, builder::TypedValueParser, error::ErrorKind};
use tokio::{
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
    time::timeout,
};

use super::{
    pinned::{self, Pinning},
    plan, recorded,
    state::{self, State},
    terminal::{FAINT, STRONG, Terminal, word},
    watch::Watch,
};
use crate::{
    admin::{Admin, Guard, Token},
    app::{App, Plan},
    engine::CodeCache,
    gateway::Gateway,
    history::History,
    listener::{self, Listener},
    manifest::{self, Invalid, Manifest, StoreUrl},
    store,
    swap::Swapper,
    telemetry,
};

/// How long what is in flight may take to finish when the host stops.
const DRAIN: Duration = Duration::from_secs(30);

/// How many connections the admin API may have.
const ADMIN_CONNECTIONS: usize = 32;

/// How long tasks that outlived every request get to end.
const LAST_TASKS: Duration = Duration::from_secs(1);

/// Build the components, link them and serve the app.
#[derive(Args)]
pub struct Up {
    /// Listen here instead of at gateway.listen; port 0 picks a free one.
    #[arg(long, value_name = "HOST:PORT", value_parser = manifest::listen_address)]
    listen: Option<SocketAddr>,
    /// Serve the admin API here instead of at admin.listen.
    #[arg(long, value_name = "HOST:PORT", value_parser = manifest::listen_address)]
    admin: Option<SocketAddr>,
    /// Keep data here instead of at store.url: memory:, sqlite:PATH,
    /// postgres://USER@HOST:PORT/DATABASE or redis://HOST:PORT/NUMBER.
    #[arg(long, value_name = "URL", value_parser = StoreArgument)]
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
    /// What was live.
    pub history: Arc<History>,
    /// Compiled code.
    pub cache: Arc<CodeCache>,
}

impl Up {
    /// Serve until a signal comes, and then until requests in flight are done.
    pub fn run(self, manifest: &Path) -> Result<()> {
        let manifest = self.load(manifest)?;
        // Before the build, so that no change after it is missed.
        let watch = if self.watch { Some(Watch::begin(manifest.clone())?) } else { None };
        let token = Token::of(&manifest)?;
        let url = self.store_url(&manifest)?;
        pinned::have(&manifest, self.pinning, &Terminal::new())?;
        let history = Arc::new(state::history(&manifest)?);
        if let Some(unwritable) = history.unwritable() {
            tracing::warn!("{unwritable}");
        }
        let cache = Arc::new(state::code(&manifest)?);
        let plan = plan(manifest, &history, cache.clone(), &Terminal::new())?;
        let runtime = runtime()?;
        let watch = watch.map(|watch| (watch, self));
        let served = runtime.block_on(serve(plan, url, Kept { history, cache }, token, watch));
        runtime.shutdown_timeout(LAST_TASKS);
        served
    }

    /// A manifest as it is to be served: with the addresses that were asked for.
    pub fn load(&self, manifest: &Path) -> Result<Manifest> {
        let mut manifest = self.state.manifest(manifest)?;
        manifest.gateway = self.listen.unwrap_or(manifest.gateway);
        manifest.admin = admin_address(&manifest, self.admin)?;
        Ok(manifest)
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

/// Where the admin API listens: as the manifest says, or where else was asked
/// for, which is bound by the same rule.
fn admin_address(manifest: &Manifest, instead: Option<SocketAddr>) -> Result<SocketAddr> {
    let Some(address) = instead else { return Ok(manifest.admin) };
    let checked = manifest::admin_address(&address.to_string(), manifest.token_file.is_some());
    checked.map_err(|error| anyhow::anyhow!("--admin: {address} {}; {}", error.reason, error.help))
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

/// Refuses a URL of no store as wrong usage, whatever the app's name in it will be;
/// by a parser of its own, because the usual ones repeat a password that is in it.
#[derive(Clone)]
pub struct StoreArgument;

impl TypedValueParser for StoreArgument {
    type Value = String;

    fn parse_ref(&self, command: &clap::Command, _: Option<&Arg>, value: &OsStr) -> Result<String, clap::Error> {
        let url = value.to_string_lossy();
        let parsed = StoreUrl::parse(&url, "app").map(|_| url.clone().into_owned());
        parsed.map_err(|invalid| {
            let shown = StoreUrl::hide_passwords(&url);
            let message = format!("invalid value '{shown}' for '--store <URL>': {invalid}\n");
            clap::Error::raw(ErrorKind::ValueValidation, message).with_cmd(command)
        })
    }
}

/// A worker for each core.
pub fn runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime could not be started")
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
    token: Option<Token>,
    watch: Option<(Watch, Up)>,
) -> Result<()> {
    let mut signals = Signals::new()?;
    // Nothing is in flight before all services are ready, which may take each of
    // them up to its deadline.
    let recorded = recorded::lines(&plan, &history);
    let (app, gateway, admin) = tokio::select! {
        started = start(plan, &url, history.clone()) => started?,
        signal = signals.next() => end_at_once(signal),
    };
    introduce(&app, &url, &recorded, gateway.address()?, admin.address()?)?;

    // The admin API answers until all else is done.
    let (done, until_done) = oneshot::channel::<()>();
    let requests = Arc::new(Gateway::new(&app)?);
    let swapper = Arc::new(ArcSwap::new(Swapper::new(app, history.clone())));
    let guard = Guard::new(admin.address()?, token.as_ref());
    let status = Arc::new(Admin::new(swapper.clone(), guard));
    let admin = tokio::spawn(admin.serve(status.clone(), async { _ = until_done.await }));
    let stop = async { _ = signals.next().await };
    let served = Served { gateway: requests.clone(), swapper: swapper.clone(), history, cache };
    let watch = watch.map(|(watch, up)| tokio::spawn(watch.run(served, up)));
    let connections = gateway.serve(requests, stop).await;
    if let Some(watch) = watch {
        watch.abort();
    }
    status.stopping();
    tracing::info!("stopping; a second signal ends at once");
    tokio::spawn(async move { end_at_once(signals.next().await) });

    let finished = async {
        connections.drain().await;
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

/// Bind the addresses, open the store, and make every service live on it.
async fn start(plan: Plan, url: &StoreUrl, history: Arc<History>) -> Result<(Arc<App>, Listener, Listener)> {
    let gateway = Listener::bind(plan.manifest().gateway, listener::capacity()).await;
    let gateway = gateway.with_context(|| cannot_listen("gateway", plan.manifest().gateway, "--listen"))?;
    let admin = Listener::bind(plan.manifest().admin, ADMIN_CONNECTIONS).await;
    let admin = admin.with_context(|| cannot_listen("admin API", plan.manifest().admin, "--admin"))?;
    let app = plan.start(store::open(url).await?, history).await?;
    Ok((Arc::new(app), gateway, admin))
}

fn cannot_listen(what: &str, address: SocketAddr, option: &str) -> String {
    format!("the {what} cannot listen on {address}; choose another address with {option}")
}

/// The signals that end the host.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// From now on they do nothing but be told here.
    fn new() -> Result<Signals> {
        Ok(Signals { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> SignalKind {
        tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.terminate.recv() => SignalKind::terminate(),
        }
    }
}

/// End without waiting for anybody, with the code that shells have for it.
fn end_at_once(signal: SignalKind) -> ! {
    telemetry::finish();
    std::process::exit(128 + signal.as_raw_value());
}

/// Say what is served and where. The addresses come last, when all is ready.
fn introduce(app: &App, url: &StoreUrl, recorded: &[String], gateway: SocketAddr, admin: SocketAddr) -> Result<()> {
    let mut out = anstream::stdout().lock();
    let width = app.routes.iter().map(|(route, _)| route.as_str().len()).max().unwrap_or_default();
    for link in app.links() {
        writeln!(out, "{} {} → {} {FAINT}{}{FAINT:#}", word("Link"), link.from, link.to, link.interface)?;
    }
    for (route, place) in &app.routes {
        let service = app.services[*place].name();
        writeln!(out, "{} {:width$} {FAINT}→{FAINT:#} {service}", word("Route"), route.as_str())?;
    }
    for line in recorded {
        writeln!(out, "{} {line}", word("Live"))?;
    }
    writeln!(out, "{} {url}", word("Store"))?;
    writeln!(out, "{} http://{admin}", word("Admin"))?;
    writeln!(out, "{} {STRONG}{} at http://{gateway}{STRONG:#}", word("Serving"), app.name())?;
    out.flush()?;
    Ok(())
}
