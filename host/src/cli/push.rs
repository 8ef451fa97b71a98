//! `dovetail push`: a component to a registry.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use clap::{Args, ValueHint};

use super::{
    build::Build,
    given::{Given, component},
    pinned::{self, Pinning},
    registries::{Registries, explained},
    service,
    state::State,
    stdout::print,
    terminal::Terminal,
};
use crate::manifest::{Invalid, Reference};

/// Push a component to a registry.
#[derive(Args)]
pub struct Push {
    /// A service of the manifest, which is built first, or a component's file: it
    /// has a `.` or a `/` in its name, as in ./user; or `-` for standard input.
    #[arg(value_name = "SERVICE|FILE|-", value_hint = ValueHint::FilePath)]
    component: String,
    /// Where to: oci://HOST/REPOSITORY:TAG.
    #[arg(value_parser = target)]
    reference: Reference,
    #[command(flatten)]
    pinning: Pinning,
    #[command(flatten)]
    state: State,
}

impl Push {
    /// Push it, and print what it is by its digest.
    pub fn run(self, manifest: &Path) -> Result<()> {
        let terminal = Terminal::new();
        let bytes = self.bytes(manifest, &terminal)?;
        let registries = Registries::new(&terminal)?;
        let name = if self.component == "-" { "standard input" } else { &self.component };
        let artifact = registries.push(name, &self.reference, bytes).map_err(explained)?;
        let pinned = self.reference.pinned(&artifact.digest).to_string();
        print(pinned.as_bytes()).with_context(|| format!("it was pushed, but this cannot be printed: {pinned}"))
    }

    fn bytes(&self, manifest: &Path, terminal: &Terminal) -> Result<Bytes> {
        if self.component == "-" {
            return Given::Stdin.read(terminal);
        }
        let Ok(name) = service(&self.component) else {
            return component(Path::new(&self.component));
        };
        let manifest = self.state.manifest(manifest)?;
        let service = manifest.find(&name).map_err(|none| anyhow!("{none} (a file would be `./{name}`)"))?;
        if service.component.reference().is_some() {
            pinned::have(&manifest, self.pinning, terminal)?;
        }
        for build in Build::all(&manifest).into_iter().filter(|build| build.services.contains(&name)) {
            build.run(manifest.dir(), terminal)?;
        }
        component(service.component.file())
    }
}

/// Reads where to push: a tag, for a digest is what comes of it.
fn target(text: &str) -> Result<Reference, Invalid> {
    let reference = Reference::parse(text)?;
    match reference.digest() {
        None => Ok(reference),
        Some(_) => Err(Invalid {
            reason: "has a digest, which only what is pushed decides".to_owned(),
            help: "leave it out, and write a tag".to_owned(),
        }),
    }
}
