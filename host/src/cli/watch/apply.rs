//! Another manifest for a host that serves: applied whole or not at all.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};
use tokio::task::{block_in_place, spawn_blocking};

use super::{Round, Served, Snapshot, Watch, sources::named};
use crate::{
    app::{App, Plan},
    cli::{
        build::Build,
        check::count,
        listening::listed,
        pinned,
        recorded::Recorded,
        settings,
        swapped::{short, stopped_calls},
        terminal::Terminal,
        time::took,
        trusting,
        up::Up,
    },
    engine::Effort,
    identity::Identities,
    manifest::{Manifest, Problem, Report},
    upstream::Upstreams,
};

impl Watch {
    /// Serve the manifest as it is now on the disk.
    pub(super) async fn apply(&mut self, served: &Served, up: &Up) -> Result<()> {
        let manifest = up.load(&self.manifest.path)?;
        let mut problems = manifest.missing_sources().into_problems();
        problems.extend(fixed(&self.manifest, &manifest, up)?);
        Report::new(problems).into_result()?;
        trusting::warn(&manifest);
        block_in_place(|| settings::look(&manifest))?;
        let before = block_in_place(|| Snapshot::of(&manifest, &self.store));
        let (wanted, pinning) = (manifest.clone(), up.pinning());
        let pulled = spawn_blocking(move || pinned::have(&wanted, pinning, &Terminal::new())).await;
        pulled.map_err(|error| anyhow!(error).context("pulling broke off"))??;
        let known: Vec<_> = Build::all(&self.manifest).into_iter().map(|build| build.command).collect();
        self.build_new(&manifest, &known).await?;
        serve(served, manifest.clone(), &self.terminal).await?;
        // What changed with the manifest is built next, as is what changed since.
        let known_sources = std::mem::take(&mut self.built);
        self.built = manifest
            .services
            .iter()
            .map(|service| {
                let is_as_before = self.manifest.service(&service.name).is_some_and(|it| it.watch == service.watch);
                let built = known_sources.get(&service.name).filter(|_| is_as_before).cloned();
                (service.name.clone(), built.unwrap_or_else(|| before.service(&service.name)))
            })
            .collect();
        self.manifest = manifest;
        Ok(())
    }

    /// Run the build commands that are not known, unless there is another each time: one
    /// that a build itself writes into the manifest.
    async fn build_new(&mut self, manifest: &Manifest, known: &[String]) -> Result<()> {
        let is_own = self.echo.is_own(&named(&manifest.path));
        let new = Build::all(manifest).into_iter().filter(|build| !is_own && !known.contains(&build.command));
        let (mut round, mut built) = (Round::begin(), Ok(()));
        for build in new {
            built = self.build(build, manifest, &mut round).await;
            if built.is_err() {
                break;
            }
        }
        self.end(&round, manifest);
        built
    }

    /// Serve the manifest that is served, with the components that there are now.
    pub(super) async fn apply_again(&self, served: &Served) -> Result<()> {
        serve(served, self.manifest.clone(), &self.terminal).await
    }
}

/// What a host that serves cannot change.
fn fixed(before: &Manifest, after: &Manifest, up: &Up) -> Result<Vec<Problem>> {
    let file = |manifest: &Manifest| manifest.admin.token_file.as_ref().map(|path| path.display().to_string());
    let values = |manifest: &Manifest| -> Result<[(&str, &str, String); 9]> {
        Ok([
            ("app", "name", manifest.app.clone()),
            ("gateway", "listen", listed(&manifest.gateway.listen)),
            ("gateway", "tls", shown(manifest.gateway.tls.as_ref())),
            ("gateway", "redirect", shown(manifest.gateway.redirect.as_ref())),
            ("gateway", "proxy_protocol", manifest.gateway.proxy_protocol.to_string()),
            ("admin", "listen", manifest.admin.listen.to_string()),
            ("admin", "tls", shown(manifest.admin.tls.as_ref())),
            ("admin", "token_file", file(manifest).unwrap_or_default()),
            ("store", "url", up.store_url(manifest)?.to_string()),
        ])
    };
    let pairs = values(before)?.into_iter().zip(values(after)?);
    let changed = pairs.filter(|((_, _, before), (_, _, after))| before != after);
    let problem = |((table, key, before), _): ((&str, &str, String), _)| {
        let title = format!("`{table}.{key}` cannot change while the host runs");
        let help = match before {
            before if before.is_empty() => "restart the host, or leave the key out".to_owned(),
            before => format!("restart the host, or go back to {before:?}"),
        };
        after.table_problem(table, key, title, help)
    };
    Ok(changed.map(problem).collect())
}

/// A value as people read it, or nothing.
fn shown(value: Option<&impl ToString>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

/// Make an app of a manifest, and have it serve in the place of the one that does.
async fn serve(served: &Served, manifest: Manifest, terminal: &Terminal) -> Result<()> {
    let (identities, care) = Identities::open(&manifest, &served.identities.load())?;
    // What is live must not change between the plan and its publishing.
    let handover = served.swapper.load_full().hand_over().await;
    let upstreams = Upstreams::open(&manifest, &served.upstreams.load())?;
    let plan = plan(served, manifest).await?;
    for (service, part) in plan.parts().filter(|(_, part)| !part.from_cache) {
        terminal.done("Compiled", &format!("{} (sha256 {})", service.name, short(&part.digest)), part.compiled_in);
    }
    let recorded = Recorded::of(&plan, &served.history);
    let checked = Instant::now();
    let (before, history) = (handover.app(), served.history.clone());
    let app = Arc::new(plan.start(before.share_store(), history, Some(before)).await?);
    terminal.done("Checked", app.name(), checked.elapsed());
    let published = Instant::now();
    served.gateway.publish(&app, &upstreams, &identities);
    care.begin();
    served.identities.store(Arc::new(identities));
    let took = published.elapsed();
    upstreams.look_after();
    served.upstreams.store(Arc::new(upstreams));
    served.swapper.store(handover.successor(app.clone()));
    let difference = Difference::of(handover.app(), &app);
    let is_new = |recorded: &&Recorded| handover.app().place(&recorded.service).is_none();
    recorded.iter().filter(is_new).for_each(|recorded| terminal.say("Live", &recorded.to_string()));
    let predecessor = handover.end().await;
    for service in &predecessor.withdrawn {
        terminal.say("Withdrawn", &format!("the canary of {service}: the app was replaced"));
    }
    difference.show(&app, took, terminal);
    let (events, succeeds) = (served.events.clone(), app);
    tokio::spawn(async move { events.hand_over(&succeeds).await });
    tokio::spawn(async move {
        let (time, stopped) = predecessor.gone().await;
        drained(time, stopped);
    });
    Ok(())
}

async fn plan(served: &Served, manifest: Manifest) -> Result<Plan> {
    let (history, cache) = (served.history.clone(), served.cache.clone());
    let planned = spawn_blocking(move || {
        let spinner = Terminal::new().spin("Checking", "");
        Plan::make(manifest, &history, cache, Effort::Background, |service| spinner.pass(&service.name))
    });
    planned.await.map_err(|error| anyhow!(error))?
}

fn drained(time: Duration, stopped: u64) {
    let (time, stopped) = (took(time), stopped_calls(stopped));
    Terminal::new().say("Drained", &format!("the calls from before in {time}{stopped}"));
}

/// What is in one app and not in the other.
struct Difference {
    added: Vec<String>,
    removed: Vec<String>,
}

impl Difference {
    fn of(before: &App, after: &App) -> Difference {
        let only = |one: &App, other: &App| {
            let names = one.services.iter().map(|service| service.name());
            names.filter(|name| other.place(name).is_none()).map(ToOwned::to_owned).collect()
        };
        Difference { added: only(after, before), removed: only(before, after) }
    }

    fn show(&self, app: &App, took: Duration, terminal: &Terminal) {
        self.added.iter().for_each(|service| terminal.say("Added", &format!("service {service}")));
        self.removed.iter().for_each(|service| terminal.say("Removed", &format!("service {service}")));
        let routes = app.manifest().upstreams.iter().map(|upstream| upstream.routes.len()).sum::<usize>();
        let routes = app.routes().count() + routes;
        let (services, routes) = (count(app.services.len() as u64, "service"), count(routes as u64, "route"));
        terminal.done("Live", &format!("{}, {services}, {routes}", app.name()), took);
    }
}
