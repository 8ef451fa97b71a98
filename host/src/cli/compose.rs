//! `dovetail compose`: the services as one component, for other hosts.

use std::{
    fs,
    io::IsTerminal,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use super::{
    build::{self, Which},
    pinned::{self, Pinning},
    plan,
    state::{self, State},
    stdout::print_whole,
    tell_recorded,
    terminal::Terminal,
};
use crate::{
    app::{self, Plan},
    compose::{self, Composed, Needs, Source, Store},
    history::History,
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
    /// Adapt it to a host that is unlike others.
    #[arg(long, value_enum)]
    target: Option<For>,
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
enum For {
    /// Spin: its version of `wasi:keyvalue`, and a `spin.toml` beside the component.
    Spin,
}

impl Compose {
    /// Build, compile and link as `up` does, compose what it would serve, and say
    /// what the result needs.
    pub fn run(self, manifest: &Path) -> Result<()> {
        let (terminal, out) = (Terminal::new(), Output::of(&self.output)?);
        let store = match (self.store, self.target) {
            (Some(Keep::Fs), _) => Store::Fs,
            (None, Some(For::Spin)) => Store::Spin,
            (None, None) => Store::Host,
        };
        let spin = self.target.map(|For::Spin| out.spin()).transpose()?;
        let manifest = self.state.manifest(manifest)?;
        compose::foresee(&manifest, self.service.as_deref())?;
        pinned::have(&manifest, self.pinning, &terminal)?;
        let history = state::peek(&manifest)?;
        build::run(&manifest, Which::All, &terminal)?;
        let cache = state::code_if_possible(&manifest)?;
        let plan = plan(manifest, &history, cache, &terminal)?;
        tell_recorded(&plan, &history, &terminal);
        let started = Instant::now();
        let (sources, links) = (sources(&plan, &history)?, plan.links());
        let composed = match &self.service {
            Some(service) => compose::service(&sources, &links, store, service),
            None => compose::app(&sources, &links, store),
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
        if store == Store::Host && !composed.needs.buckets.is_empty() {
            terminal.say("Note", "`wasmtime serve` keeps no buckets; with `--store fs` they are files");
        }
        let run = match spin {
            Some((file, source)) => {
                let text = compose::spin_manifest(&plan.manifest().app, &source, &composed.needs);
                Output::File(&file).write(text.as_bytes())?;
                format!("spin up -f {}", file.display())
            }
            None => composed.needs.wasmtime(&self.output.display().to_string()),
        };
        if composed.answers_http {
            terminal.say("Run", &run);
        }
        Ok(())
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

/// Where a component goes.
enum Output<'a> {
    File(&'a Path),
    Stdout,
}

impl Output<'_> {
    /// Whatever can be told to fail is told before anything is built.
    fn of(path: &Path) -> Result<Output<'_>> {
        if path == Path::new("-") {
            if std::io::stdout().is_terminal() {
                bail!("a component is not for a terminal; write it to a file by `-o FILE`, or into a pipe");
            }
            return Ok(Output::Stdout);
        }
        if path.is_dir() {
            bail!(
                "`{}` is a folder; write the component's file, as in `-o {}`",
                path.display(),
                path.join("app.wasm").display()
            );
        }
        let folder = folder(path);
        if !folder.is_dir() {
            bail!("`{}` cannot be written: there is no folder `{}`", path.display(), folder.display());
        }
        Ok(Output::File(path))
    }

    /// The `spin.toml` beside the component, and how that names the component. One
    /// that somebody else wrote is kept.
    fn spin(&self) -> Result<(PathBuf, String)> {
        let Output::File(path) = self else {
            bail!(
                "`--target spin` writes a `spin.toml` beside the component: write that to a file, as in `-o app.wasm`"
            );
        };
        let file = path.with_file_name("spin.toml");
        match fs::read_to_string(&file) {
            Ok(text) if !text.starts_with(compose::SPIN_MARK) => {
                bail!(
                    "`{}` was not written by `dovetail compose`: move it, or write the component elsewhere",
                    file.display()
                )
            }
            _ => Ok((file, path.file_name().unwrap_or_default().to_string_lossy().into_owned())),
        }
    }

    /// Write it whole: who reads a file meanwhile sees the old one or the new one.
    fn write(&self, bytes: &[u8]) -> Result<()> {
        match self {
            Output::Stdout => print_whole(bytes),
            Output::File(path) => {
                replace(path, bytes).with_context(|| format!("`{}` cannot be written", path.display()))
            }
        }
    }
}

/// Write a file beside the one that is to be replaced, and put it in its place.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = folder(path).join(format!(".{name}.{}", std::process::id()));
    let replaced = fs::write(&new, bytes).and_then(|()| fs::rename(&new, path));
    if replaced.is_err() {
        // It may not be there.
        let _ = fs::remove_file(&new);
    }
    replaced
}

/// The folder that a file is in.
fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}
