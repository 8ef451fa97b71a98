//! Builds that run one after the other, and what changes meanwhile.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Result, anyhow};
use tokio::task::{block_in_place, spawn_blocking};

use super::{
    Watch, shown,
    sources::{Snapshot, named},
};
use crate::{
    cli::{build::Build, terminal::Terminal},
    manifest::Manifest,
};

/// How many files are named at once.
const NAMED: usize = 3;

/// The builds of one change.
pub struct Round {
    begun: Instant,
    /// For each build the services that are built, and the files that changed.
    changed: Vec<(String, BTreeSet<PathBuf>)>,
}

impl Round {
    /// No build, from now on.
    pub fn begin() -> Round {
        Round { begun: Instant::now(), changed: Vec::new() }
    }
}

impl Watch {
    /// Run a build, and note what changes meanwhile.
    pub(super) async fn build(&mut self, build: Build, manifest: &Manifest, round: &mut Round) -> Result<()> {
        let services = build.services.clone();
        let before = block_in_place(|| Snapshot::of(manifest, &self.store));
        // Others with this command may have changed since they were looked at, and are
        // built now.
        self.built.extend(services.iter().map(|service| (service.clone(), before.service(service))));
        let built = run(build, manifest.dir()).await;
        self.seen = block_in_place(|| Snapshot::of(manifest, &self.store));
        round.changed.push((services.join(", "), self.seen.changed_since(&before)));
        built
    }

    /// The builds have ended, if there were any. Say which files they are found to change
    /// themselves.
    pub(super) fn end(&mut self, round: &Round, manifest: &Manifest) {
        if round.changed.is_empty() {
            return;
        }
        let all = round.changed.iter().flat_map(|(_, files)| files).cloned().collect();
        let own = self.echo.built(&all, round.begun.elapsed());
        for (services, files) in &round.changed {
            let files: BTreeSet<_> = files.intersection(&own).cloned().collect();
            if !files.is_empty() {
                let files = listed(&files, manifest.dir());
                let why = "and what a build changes itself starts no other";
                self.terminal.say("Ignored", &format!("{files}: each build of {services} changes it, {why}"));
            }
        }
    }
}

/// Files as a manifest in this folder would name them, the first few.
pub fn listed(files: &BTreeSet<PathBuf>, folder: &Path) -> String {
    let folder = named(folder);
    let mut names: Vec<_> = files.iter().take(NAMED).map(|file| shown(file, &folder)).collect();
    if files.len() > NAMED {
        names.push(format!("{} more", files.len() - NAMED));
    }
    names.join(", ")
}

/// Run a build command on a thread that serves nobody.
async fn run(build: Build, folder: &Path) -> Result<()> {
    let folder: PathBuf = folder.to_owned();
    let built = spawn_blocking(move || build.run(&folder, &Terminal::new())).await;
    built.map_err(|error| anyhow!(error).context("the build broke off"))?
}
