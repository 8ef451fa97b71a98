//! Components that were replaced by others on the disk.

use anyhow::{Result, anyhow};
use bytes::Bytes;
use tokio::task::block_in_place;

use super::{Served, WHO, Watch, shown};
use crate::{
    app::{GivenBy, Unreadable, digest, read_component},
    cli::{
        show,
        swapped::{self, stopped_calls},
        terminal::Terminal,
        time::{millis, took},
    },
    manifest::{ComponentSource, Report},
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
    /// what is live either, all are applied at once. One that meets a canary is tried
    /// again when that has ended.
    pub(super) async fn components(&mut self, served: &Served) {
        let mut refused = Vec::new();
        for file in block_in_place(|| self.replaced(served)) {
            self.terminal.say("Changed", &file.path);
            let (service, path) = (file.service.clone(), file.path.clone());
            match self.swap(served, file).await {
                Ok(()) => {}
                Err(error) if matches!(error.downcast_ref(), Some(SwapError::Conflict(_))) => {
                    self.terminal.say("Postponed", &format!("{path}: {error}"));
                    self.postponed.insert(service);
                }
                Err(error) => refused.push(error),
            }
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

    /// How many files are not what was made live of them, and not postponed.
    fn waiting(&self, served: &Served) -> usize {
        let swapper = served.swapper.load();
        let is_live = |(service, tried): (&String, &String)| {
            let place = swapper.app().place(service);
            place.is_none_or(|place| swapper.app().file(place) == *tried)
        };
        let could_be = self.swapped.iter().filter(|(service, _)| !self.postponed.contains(*service));
        could_be.filter(|file| !is_live(*file)).count()
    }

    /// The files that changed, each of which is tried once, and those whose time has come.
    fn replaced(&mut self, served: &Served) -> Vec<Replaced> {
        let mut replaced = Vec::new();
        for service in &self.manifest.services {
            let read = read_component(service.component.file());
            let Some(now) = known_by(&read) else { continue };
            let name = &service.name;
            let is_due = self.postponed.contains(name) && !is_on_trial(served, name);
            let was_tried = self.swapped.get(name) == Some(&now) && !is_due;
            if self.held.get(name) == Some(&now) || was_tried {
                continue;
            }
            self.held.remove(name);
            self.postponed.remove(name);
            self.swapped.insert(name.clone(), now);
            let component = match read {
                Ok(component) => component.into(),
                Err(unreadable) => {
                    show(&Report::new(vec![unreadable.of(&self.manifest, service)]).into());
                    continue;
                }
            };
            let path = match &service.component {
                ComponentSource::File(file) => shown(file, self.manifest.dir()),
                ComponentSource::Registry { reference, .. } => reference.to_string(),
            };
            replaced.push(Replaced { service: name.clone(), component, path });
        }
        replaced
    }

    async fn swap(&self, served: &Served, file: Replaced) -> Result<()> {
        let Replaced { service, component, path } = file;
        let swap =
            Swap { service: service.clone(), component, given_by: GivenBy::Manifest, by: WHO.to_owned(), canary: None };
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

/// By what a file is told from the one tried last: the digest of what is in it, or what is
/// in its way. One that is not there is being replaced.
pub(super) fn known_by(read: &Result<Vec<u8>, Unreadable>) -> Option<String> {
    match read {
        Ok(component) => Some(digest(component)),
        Err(Unreadable::Missing) => None,
        Err(unreadable) => Some(unreadable.to_string()),
    }
}

/// Whether a canary of this service has a part of its calls.
fn is_on_trial(served: &Served, service: &str) -> bool {
    let swapper = served.swapper.load();
    let app = swapper.app();
    app.place(service).is_some_and(|place| app.services[place].serving().canary.is_some())
}

/// Say which revisions of a service are gone.
fn tell(service: &str, drained: &[Drained]) {
    for Drained { revision, ms, stopped } in drained {
        let (time, stopped) = (took(millis(*ms)), stopped_calls(*stopped));
        Terminal::new().say("Drained", &format!("{service}, revision {revision} in {time}{stopped}"));
    }
}
