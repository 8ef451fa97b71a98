//! `dovetail up --watch`: build, swap and apply what changes while it serves.
//!
//! What moves is told by the file system ([`Changes`]); what changed is found by
//! comparing contents, so that a file that is touched, or written again as it
//! was, changes nothing. A change that is refused is shown once, and everything
//! stays as it was until the next one.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
};

use anyhow::{Result, anyhow};
use tokio::task::{block_in_place, spawn_blocking};

use self::{changes::Changes, sources::fingerprint};
use super::{
    build::Build,
    show,
    terminal::Terminal,
    up::{Served, Up},
};
use crate::{app::digest, manifest::Manifest};

mod apply;
mod changes;
mod component;
mod sources;

/// Who swaps, for the history and the log.
const WHO: &str = "dovetail up --watch";

/// Looks after the files of an app.
pub struct Watch {
    /// As it is served.
    manifest: Manifest,
    /// The text of the manifest that was tried last; none if there was no file.
    tried: Option<String>,
    /// By service, what its sources were when they were built last.
    built: HashMap<String, String>,
    /// By service, the digest of its component's file that was tried last.
    swapped: HashMap<String, String>,
    /// By service, the digest of a file that a failed change left there.
    held: HashMap<String, String>,
    /// The services whose file waits for another's turn to end, mostly a canary's.
    postponed: HashSet<String>,
    changes: Changes,
    terminal: Terminal,
}

impl Watch {
    /// Note what is there from now on, before anything of it is used.
    pub fn begin(manifest: Manifest) -> Result<Watch> {
        manifest.missing_sources().into_result()?;
        let built = manifest.services.iter().map(|service| (service.name.clone(), fingerprint(&manifest, service)));
        Ok(Watch {
            tried: Some(manifest.text().to_owned()),
            built: built.collect(),
            swapped: HashMap::new(),
            held: HashMap::new(),
            postponed: HashSet::new(),
            changes: Changes::of(&manifest)?,
            terminal: Terminal::new(),
            manifest,
        })
    }

    /// Look after them until the host stops.
    pub async fn run(mut self, served: Served, up: Up) {
        self.note_components(&served);
        self.changes.follow(&self.manifest);
        loop {
            self.manifest(&served, &up).await;
            self.sources().await;
            self.components(&served).await;
            // Nothing in the file system tells of the end of a canary.
            self.changes.next(!self.postponed.is_empty()).await;
        }
    }

    /// Apply the manifest if it is another than the one tried last.
    async fn manifest(&mut self, served: &Served, up: &Up) {
        let path = self.manifest.path.clone();
        let text = std::fs::read_to_string(&path).ok();
        if text == self.tried {
            return;
        }
        self.tried = text;
        self.terminal.say("Changed", &path.display().to_string());
        match self.apply(served, up).await {
            Ok(()) => {
                self.held.clear();
                self.note_components(served);
                self.changes.follow(&self.manifest);
            }
            Err(error) => {
                show(&error);
                self.hold(|_| true);
            }
        }
    }

    /// Build the services whose sources changed.
    async fn sources(&mut self) {
        let mut changed = Vec::new();
        for service in self.manifest.services.iter().filter(|service| !service.watch.is_empty()) {
            let now = block_in_place(|| fingerprint(&self.manifest, service));
            if self.built.insert(service.name.clone(), now.clone()) != Some(now) {
                changed.push(service.name.clone());
            }
        }
        if changed.is_empty() {
            return;
        }
        self.terminal.say("Changed", &format!("sources of {}", changed.join(", ")));
        let of_changed = |build: &Build| build.services.iter().any(|service| changed.contains(service));
        for build in Build::all(&self.manifest).into_iter().filter(of_changed) {
            let services = build.services.clone();
            // Others with this command may have changed since they were looked at,
            // and are built now.
            for service in self.manifest.services.iter().filter(|service| services.contains(&service.name)) {
                let now = block_in_place(|| fingerprint(&self.manifest, service));
                self.built.insert(service.name.clone(), now);
            }
            match run(build, self.manifest.dir()).await {
                Ok(()) => self.held.retain(|service, _| !services.contains(service)),
                Err(error) => {
                    show(&error);
                    self.hold(|service| services.contains(&service.to_owned()));
                }
            }
        }
    }

    /// Leave alone what a failed change may have made of these services' files.
    fn hold(&mut self, of: impl Fn(&str) -> bool) {
        for service in self.manifest.services.iter().filter(|service| of(&service.name)) {
            let Some(now) = file_digest(service.component.file()) else { continue };
            if self.swapped.get(&service.name) != Some(&now) {
                self.held.insert(service.name.clone(), now);
            }
        }
    }

    /// The files that the app was made of are not tried again.
    fn note_components(&mut self, served: &Served) {
        let swapper = served.swapper.load();
        let app = swapper.app();
        let services = app.services.iter().enumerate();
        self.postponed.clear();
        self.swapped = services.map(|(place, service)| (service.name().to_owned(), app.file(place))).collect();
    }
}

/// Run a build command on a thread that serves nobody.
async fn run(build: Build, folder: &Path) -> Result<()> {
    let folder: PathBuf = folder.to_owned();
    let built = spawn_blocking(move || build.run(&folder, &Terminal::new())).await;
    built.map_err(|error| anyhow!(error).context("the build broke off"))?
}

fn file_digest(path: &Path) -> Option<String> {
    std::fs::read(path).ok().map(|bytes| digest(&bytes))
}
