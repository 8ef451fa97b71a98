//! Components that were replaced by others on the disk.

use std::path::Path;

use anyhow::{Result, anyhow};
use bytes::Bytes;
use tokio::task::block_in_place;

use super::{Served, WHO, Watch};
use crate::{
    app::digest,
    cli::{
        show,
        swapped::{self, stopped_calls},
        terminal::Terminal,
        time::{millis, took},
    },
    manifest::ComponentSource,
    swap::{Drained, Swap, SwapError},
};

/// A file that is to be live.
struct Replaced {
    service: String,
    component: Bytes,
    path: String,
}

impl Watch {
    /// Swap each component whose file is another than the one tried last. Some go
    /// together and not one by one; so if one is refused, and another's file is not
    /// what is live either, all are applied at once.
    pub(super) async fn components(&mut self, served: &Served) {
        let mut refused = Vec::new();
        for file in block_in_place(|| self.replaced()) {
            self.terminal.say("Changed", &file.path);
            refused.extend(self.swap(served, file).await.err());
        }
        if !refused.is_empty() && self.held.is_empty() && self.waiting(served) > 1 {
            match self.apply_again(served).await {
                Ok(()) => self.note_components(served),
                Err(error) => show(&error),
            }
        } else {
            refused.iter().for_each(show);
        }
    }

    /// How many files are not what was made live of them.
    fn waiting(&self, served: &Served) -> usize {
        let swapper = served.swapper.load();
        let is_live = |(service, tried): (&String, &String)| {
            let place = swapper.app().place(service);
            place.is_none_or(|place| swapper.app().file(place) == *tried)
        };
        self.swapped.iter().filter(|file| !is_live(*file)).count()
    }

    /// The files that changed. Each is tried once.
    fn replaced(&mut self) -> Vec<Replaced> {
        let mut replaced = Vec::new();
        for service in &self.manifest.services {
            // One that is not there is being replaced.
            let Ok(component) = std::fs::read(service.component.file()) else { continue };
            let now = digest(&component);
            let name = &service.name;
            if self.held.get(name) == Some(&now) || self.swapped.get(name) == Some(&now) {
                continue;
            }
            self.held.remove(name);
            self.swapped.insert(name.clone(), now);
            let path = match &service.component {
                ComponentSource::File(file) => shown(file, self.manifest.dir()),
                ComponentSource::Registry { reference, .. } => reference.to_string(),
            };
            replaced.push(Replaced { service: name.clone(), component: component.into(), path });
        }
        replaced
    }

    async fn swap(&self, served: &Served, file: Replaced) -> Result<()> {
        let Replaced { service, component, path } = file;
        let swap = Swap { service: service.clone(), component, is_file: true, by: WHO.to_owned(), canary: None };
        let swapper = served.swapper.load_full();
        let outcome = swapper.swap(swap).await.map_err(|error| match error {
            SwapError::Refused(report) => report.into(),
            error => anyhow!(error),
        })?;
        swapped::show_own(&outcome, &path, &self.terminal)?;
        if outcome.outcome == "live" {
            let drained = swapper.drained(&service)?;
            tokio::spawn(async move { tell(&service, &drained.await) });
        }
        Ok(())
    }
}

/// Say which revisions of a service are gone.
fn tell(service: &str, drained: &[Drained]) {
    for Drained { revision, ms, stopped } in drained {
        let (time, stopped) = (took(millis(*ms)), stopped_calls(*stopped));
        Terminal::new().say("Drained", &format!("{service}, revision {revision} in {time}{stopped}"));
    }
}

/// A path as the manifest has it.
fn shown(path: &Path, dir: &Path) -> String {
    path.strip_prefix(dir).unwrap_or(path).display().to_string()
}
