//! What the verbs do with registries, and what is seen of it.

use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use tokio::runtime::Runtime;

use super::terminal::Terminal;
use crate::{
    app::LARGEST,
    manifest::Reference,
    registry::{Artifact, Client, Package, Patience, RegistryError},
};

/// Registries, and the terminal on which their work is shown. A signal ends the
/// command at once, whatever is under way: nothing is written before it is whole.
pub struct Registries<'a> {
    client: Client,
    runtime: Runtime,
    terminal: &'a Terminal,
}

impl<'a> Registries<'a> {
    /// Ready to be asked.
    pub fn new(terminal: &'a Terminal) -> Result<Registries<'a>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("the runtime could not be started")?;
        Ok(Registries { client: Client::new(Patience::default()).map_err(explained)?, runtime, terminal })
    }

    /// What a reference stands for now.
    pub fn resolve(&self, reference: &Reference) -> Result<Artifact, RegistryError> {
        // Shown to who is watching: elsewhere it is not worth a line.
        let spinner = self.terminal.spin("Asking", "");
        spinner.pass(reference.registry());
        self.runtime.block_on(self.client.resolve(reference))
    }

    /// The component of an artifact, `name` being what it is for.
    pub fn component(&self, name: &str, reference: &Reference, artifact: &Artifact) -> Result<Bytes, RegistryError> {
        let started = Instant::now();
        let spinner = self.terminal.spin("Pulling", &format!("{name} from {reference}"));
        let of = mebibytes(artifact.size);
        let progress = |bytes: usize| spinner.pass(&format!("{name} {} of {of} MiB", mebibytes(bytes as u64)));
        let component = self.runtime.block_on(self.client.component(reference, artifact, LARGEST, &progress));
        drop(spinner);
        let component = component?;
        self.terminal.done("Pulled", &format!("{name} {}", described(artifact)), started.elapsed());
        Ok(component)
    }

    /// Push a component under a tag.
    pub fn push(&self, name: &str, reference: &Reference, component: Bytes) -> Result<Artifact, RegistryError> {
        let started = Instant::now();
        let spinner = self.terminal.spin("Pushing", &format!("{name} to {reference}"));
        let package = Package::of(component)?;
        let artifact = package.artifact.clone();
        let pushed = self.runtime.block_on(self.client.push(reference, package));
        drop(spinner);
        pushed?;
        self.terminal.done("Pushed", &format!("{name} {}", described(&artifact)), started.elapsed());
        Ok(artifact)
    }
}

/// An error with what to do about it, where no line of the manifest is at fault.
pub fn explained(error: RegistryError) -> anyhow::Error {
    anyhow!("{error}; {}", error.help())
}

/// Size and digest, as other verbs show them.
fn described(artifact: &Artifact) -> String {
    format!("({} KiB, sha256 {})", artifact.size.div_ceil(1024), artifact.component.short())
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / f64::from(1 << 20))
}
