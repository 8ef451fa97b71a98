//! `dovetail compose`: the services as one component, for other hosts.

use std::{
    collections::BTreeSet,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use super::{
    belongings::Belongings,
    build::{self, Which},
    output::Output,
    pinned::{self, Pinning},
    plan,
    state::{self, State},
    tell_recorded,
    terminal::Terminal,
};
use crate::{
    app::{self, Plan, ScheduleNames},
    compose::{self, Composed, Events, Needs, Source, Store},
    history::History,
    manifest::{Authorize, Manifest, RouteManifest},
};

/// Compose services into one component that other hosts run.
#[derive(Args)]
pub struct Compose {
    /// The service; without it, one component that serves all routes.
    service: Option<String>,
    /// Where to write the component, `-` for standard output. A file that is there is replaced.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Who keeps the buckets; by default the host, by `wasi:keyvalue`.
    #[arg(long, value_enum, conflicts_with = "target")]
    store: Option<Keep>,
    /// What becomes of events, which other hosts have none of; by default services that
    /// emit some are refused.
    #[arg(long, value_enum)]
    events: Option<EventsAre>,
    /// Adapt it to a host that is unlike others.
    #[arg(long, value_enum)]
    target: Option<For>,
    /// Compose it though the manifest says who may ask: other hosts have no `[auth]`, and let
    /// everybody ask everything, and say by `X-Dovetail-…` who that is.
    #[arg(long)]
    without_auth: bool,
    #[command(flatten)]
    pinning: Pinning,
    #[command(flatten)]
    state: State,
}

#[derive(Clone, Copy, ValueEnum)]
enum Keep {
    /// The component itself, in files in the folder that the host lends it as `/data`.
    Fs,
}

#[derive(Clone, Copy, ValueEnum)]
enum EventsAre {
    /// Each is a plain call of its one subscriber.
    Call,
}

#[derive(Clone, Copy, ValueEnum)]
enum For {
    /// Spin: its version of `wasi:keyvalue`, and a `spin.toml` beside the component.
    Spin,
}

impl Compose {
    /// Build, compile and link as `up` does, compose what it would serve, and say
    /// what the result needs.
    pub fn run(self, manifest: &Path) -> Result<()> {
        let terminal = Terminal::new();
        let manifest = self.state.manifest(manifest)?;
        if may_refuse(&manifest) && !self.without_auth {
            bail!(
                "the manifest says who may ask, and what is composed would let everybody: put it behind what asks \
                 instead, and drops `X-Dovetail-…` that clients send, and say so with --without-auth"
            );
        }
        let belongings = Belongings::of(&manifest);
        let out = Output::of(&self.output, &belongings)?;
        let store = match (self.store, self.target) {
            (Some(Keep::Fs), _) => Store::Fs,
            (None, Some(For::Spin)) => Store::Spin,
            (None, None) => Store::Host,
        };
        compose::foresee(&manifest, self.service.as_deref())?;
        let spin = self.target.map(|For::Spin| spin(&out, &belongings)).transpose()?;
        pinned::have(&manifest, self.pinning, &terminal)?;
        let history = state::peek(&manifest)?;
        build::run(&manifest, Which::All, &terminal)?;
        let cache = state::code_if_possible(&manifest)?;
        let plan = plan(manifest, &history, cache, &terminal)?;
        tell_recorded(&plan, &history, &terminal);
        let started = Instant::now();
        let (sources, links) = (sources(&plan, &history)?, plan.links());
        let events = Events { named: &plan.manifest().events, are_calls: self.events.is_some() };
        let composed = match &self.service {
            Some(service) => compose::service(&sources, &links, events, store, service),
            None => compose::app(&sources, &links, events, store),
        }?;
        let size = composed.component.len();
        if size > app::LARGEST {
            bail!(
                "the component would have {size} bytes, and may have {}; compose fewer services, or strip them",
                app::LARGEST
            );
        }
        out.write(&composed.component)?;
        terminal.done("Composed", &self.subject(&composed), started.elapsed());
        tell(&composed.needs, &terminal);
        for (table, key, path) in composed.needs.in_files() {
            terminal.say("Note", &self.note_of_file(table, key, path));
        }
        if let Some(note) = self.note_of_schedules(plan.manifest(), &composed.services) {
            terminal.say("Note", &note);
        }
        let upstreams = note_of_upstreams(plan.manifest()).filter(|_| self.service.is_none());
        for note in self.note_of_policies(plan.manifest()).into_iter().chain(upstreams) {
            terminal.say("Note", &note);
        }
        if store == Store::Host && !composed.needs.buckets.is_empty() {
            terminal.say("Note", "`wasmtime serve` keeps no buckets; with `--store fs` they are files");
        }
        let run = match spin {
            Some((out, file, source)) => {
                let text = compose::spin_manifest(&plan.manifest().app, &source, &composed.needs);
                out.write(text.as_bytes())?;
                format!("spin up -f {}", file.display())
            }
            None => composed.needs.wasmtime(&self.output.display().to_string()),
        };
        if composed.answers_http {
            terminal.say("Run", &run);
        }
        Ok(())
    }

    /// That a value is left out which is in a file, and where it is to be given instead.
    fn note_of_file(&self, table: &str, key: &str, path: &Path) -> String {
        let instead = match (table, self.target) {
            ("config", _) => "write it in the place of the `…`, where whoever lists processes sees it".to_owned(),
            (_, Some(For::Spin)) => format!("pass `--env {key}=…` to `spin up`"),
            (_, None) => "set the variable before the command".to_owned(),
        };
        format!("`{table}.{key}` is in `{}`, which other hosts do not read: {instead}", path.display())
    }

    /// That time emits nothing on other hosts, where it did for what is composed.
    fn note_of_schedules(&self, manifest: &Manifest, composed: &[String]) -> Option<String> {
        let left = ScheduleNames::all(manifest).into_iter().filter(|schedule| {
            let event = manifest.events.iter().find(|event| event.interface == schedule.interface);
            let is_told = |name: &String| event.is_some_and(|event| event.subscribers.contains(name));
            self.service.is_none() || composed.iter().any(is_told)
        });
        let left: Vec<_> = left.map(|schedule| format!("`{}`", schedule.name)).collect();
        let (noun, be) = if left.len() == 1 { ("schedule", "is") } else { ("schedules", "are") };
        let names = left.join(", ");
        (!left.is_empty()).then(|| format!("the {noun} {names} {be} left out: other hosts emit nothing by themselves"))
    }

    /// That a router does nothing with requests but to hand them on.
    fn note_of_policies(&self, manifest: &Manifest) -> Option<String> {
        let routes = manifest.routes().map(|(_, route)| route);
        let keys: BTreeSet<_> = routes.flat_map(RouteManifest::keys).map(|key| format!("`{key}`")).collect();
        let keys: Vec<_> = keys.into_iter().collect();
        let is_noted = self.service.is_none() && !keys.is_empty();
        is_noted.then(|| format!("what routes say of {} is left out: it is the gateway's to do", keys.join(", ")))
    }

    /// What became of what.
    fn subject(&self, composed: &Composed) -> String {
        let router = if self.service.is_none() { "a router, " } else { "" };
        let (services, size) = (composed.services.join(", "), composed.component.len().div_ceil(1024));
        format!("{router}{services} ({size} KiB)")
    }
}

/// The components that `up` would serve: what is live, or else the manifest's files.
fn sources<'a>(plan: &'a Plan, history: &History) -> Result<Vec<Source<'a>>> {
    let sources = plan.parts().map(|(service, part)| {
        let file = fs::read(service.component.file()).ok().filter(|bytes| app::digest(bytes) == part.digest);
        let component = match file {
            Some(bytes) => bytes,
            None => history.component(&part.digest)?,
        };
        Ok(Source { service, component })
    });
    sources.collect()
}

/// Say what it needs of its host, but for what every host has.
fn tell(needs: &Needs, terminal: &Terminal) {
    for (package, interfaces) in &needs.imports {
        let interfaces: Vec<_> = interfaces.iter().map(String::as_str).collect();
        terminal.say("Needs", &format!("{package}: {}", interfaces.join(", ")));
    }
    for (what, names) in [
        ("the buckets", needs.buckets.iter().collect::<Vec<_>>()),
        ("the configuration", needs.config.keys().collect()),
        ("the environment", needs.env.keys().collect()),
        ("to reach", needs.outbound.iter().collect()),
    ] {
        if !names.is_empty() {
            let names: Vec<_> = names.iter().map(|name| name.as_str()).collect();
            terminal.say("Needs", &format!("{what} {}", names.join(", ")));
        }
    }
}

/// The `spin.toml` beside the component, and how that names the component. One that
/// somebody else wrote is kept.
fn spin(out: &Output, belongings: &Belongings) -> Result<(Output, PathBuf, String)> {
    let Output::File(path) = out else {
        bail!("`--target spin` writes a `spin.toml` beside the component: write that to a file, as in `-o app.wasm`");
    };
    let file = path.with_file_name("spin.toml");
    if file == *path {
        bail!("`--target spin` writes a `spin.toml` beside the component: give that another name, as in `-o app.wasm`");
    }
    let out = Output::of(&file, belongings)?;
    // To read a pipe would wait for who writes; and there may be a link to nothing.
    let is_new = fs::symlink_metadata(&file).is_err_and(|error| error.kind() == ErrorKind::NotFound);
    let is_own = || file.is_file() && fs::read(&file).is_ok_and(|text| text.starts_with(compose::SPIN_MARK.as_bytes()));
    if !(is_new || is_own()) {
        bail!("`{}` was not written by `dovetail compose`: move it, or write the component elsewhere", file.display());
    }
    Ok((out, file, path.file_name().unwrap_or_default().to_string_lossy().into_owned()))
}

/// Whether the gateway lets in some and not others.
fn may_refuse(manifest: &Manifest) -> bool {
    let mut decided = manifest.routes().map(|(_, route)| &route.policy.authorize);
    !manifest.auths.is_empty() || decided.any(|it| matches!(it, Some(Authorize::Service { .. })))
}

/// That a composition passes nothing on.
fn note_of_upstreams(manifest: &Manifest) -> Option<String> {
    let left: Vec<_> = manifest.upstreams.iter().map(|upstream| format!("`{}`", upstream.name)).collect();
    let (noun, be) = if left.len() == 1 { ("upstream", "is") } else { ("upstreams", "are") };
    let names = left.join(", ");
    (!left.is_empty())
        .then(|| format!("the {noun} {names} {be} left out: what has no other route is answered with 404"))
}
