//! `dovetail update`: pin what tags stand for now.

use std::path::Path;

use anyhow::{Result, bail};
use clap::Args;

use super::{
    pinned::{self, Wanted},
    registries::Registries,
    service,
    state::State,
    terminal::Terminal,
};
use crate::{manifest::Report, registry::Lock};

/// Pin the manifest's references to what their tags stand for now.
#[derive(Args)]
pub struct Update {
    /// Only those of these services.
    #[arg(value_name = "SERVICE", value_parser = service)]
    services: Vec<String>,
    #[command(flatten)]
    state: State,
}

impl Update {
    /// Ask the registries, pull what is new, and write the lock file.
    pub fn run(self, manifest: &Path) -> Result<()> {
        let (manifest, terminal) = (self.state.manifest(manifest)?, Terminal::new());
        for name in &self.services {
            let service = manifest.find(name)?;
            if service.component.reference().is_none() {
                bail!("service `{name}` has nothing to update: its component is the file `{}`", service.component);
            }
        }
        let wanted = pinned::wanted(&manifest)?;
        if wanted.is_empty() {
            terminal.say("Nothing", "to update: no service has its component in a registry");
        }
        let is_asked = |wanted: &&Wanted| self.services.is_empty() || self.services.contains(&wanted.service.name);
        let asked: Vec<_> = wanted.iter().filter(is_asked).collect();
        let lock = Lock::read(&manifest.lock_file())?;
        let (mut pulled, mut problems) = (Vec::new(), Vec::new());
        let registries = Registries::new(&terminal)?;
        for wanted in asked {
            match pinned::renew(&registries, wanted, &lock, &terminal) {
                Ok(new) => pulled.extend(new),
                Err(error) => problems.push(pinned::cannot_pull(&manifest, wanted, None, &error)),
            }
        }
        Report::new(problems).into_result()?;
        pinned::note(lock, &wanted, pulled, true, &terminal)
    }
}
