//! `dovetail up --watch`: build, swap and apply what changes while it serves.
//!
//! What moves is told by the file system ([`Changes`]); what changed is found by
//! comparing contents, so that a file that is touched, or written again as it
//! was, changes nothing. A change that is refused is shown once, and everything
//! stays as it was until the next one.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    io::ErrorKind,
    path::Path,
    time::Duration,
};

use anyhow::Result;
use tokio::{task::block_in_place, time::timeout_at};

pub use self::sources::is_ignored;
use self::{
    changes::Changes,
    component::known_by,
    echo::Echo,
    round::{Round, listed},
    sources::{Snapshot, Sources},
};
use super::{
    build::Build,
    show,
    terminal::Terminal,
    up::{Served, Up},
};
use crate::{
    app::read_component,
    manifest::{Manifest, StoreUrl},
};

mod apply;
mod changes;
mod component;
mod echo;
mod round;
mod sources;
mod written;

/// Who swaps, for the history and the log.
const WHO: &str = "dovetail up --watch";

/// Looks after the files of an app.
pub struct Watch {
    /// As it is served.
    manifest: Manifest,
    /// The text of the manifest that was tried last; none if there was no file.
    tried: Option<String>,
    /// Where the data is, which does not change.
    store: StoreUrl,
    /// By service, what its sources were when they were built last.
    built: HashMap<String, Sources>,
    /// What was there when builds had run last, or at the last look.
    seen: Snapshot,
    echo: Echo,
    /// By service, the digest of its component's file that was tried last, or what was in
    /// its way.
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
    pub fn begin(manifest: Manifest, store: StoreUrl) -> Result<Watch> {
        manifest.missing_sources().into_result()?;
        let seen = Snapshot::of(&manifest, &store);
        let built = manifest.services.iter().map(|service| (service.name.clone(), seen.service(&service.name)));
        Ok(Watch {
            tried: Some(manifest.text().to_owned()),
            built: built.collect(),
            swapped: HashMap::new(),
            held: HashMap::new(),
            postponed: HashSet::new(),
            changes: Changes::of(&manifest, &store)?,
            echo: Echo::default(),
            terminal: Terminal::new(),
            seen,
            store,
            manifest,
        })
    }

    /// Everything was built for so long, for the first time.
    pub fn first_build(&mut self, took: Duration) {
        let now = Snapshot::of(&self.manifest, &self.store);
        self.echo.built(&now.changed_since(&self.seen), took);
        self.seen = now;
    }

    /// Look after them until the host stops.
    pub async fn run(mut self, served: Served, up: Up) {
        self.note_components(&served);
        self.changes.follow(&self.manifest, &self.store);
        loop {
            self.manifest(&served, &up).await;
            self.sources().await;
            self.components(&served).await;
            // Nothing in the file system tells of the end of a canary.
            let moved = self.changes.next(!self.postponed.is_empty());
            match self.echo.next() {
                Some(at) => _ = timeout_at(at.into(), moved).await,
                None => moved.await,
            }
        }
    }

    /// Apply the manifest if it is another than the one tried last.
    async fn manifest(&mut self, served: &Served, up: &Up) {
        let path = self.manifest.path.clone();
        let read = std::fs::read_to_string(&path);
        let is_gone = read.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound);
        let text = read.ok();
        if text == self.tried {
            return;
        }
        self.tried = text;
        self.look();
        if is_gone {
            let what = format!("{}; what it said is served on, until there is one again", path.display());
            self.terminal.say("Removed", &what);
            return self.hold(|_| true);
        }
        self.terminal.say("Changed", &path.display().to_string());
        match self.apply(served, up).await {
            Ok(()) => {
                self.held.clear();
                self.note_components(served);
                self.changes.follow(&self.manifest, &self.store);
            }
            Err(error) => {
                show(&error);
                self.hold(|_| true);
            }
        }
    }

    /// Build the services whose sources changed, but for what builds change themselves.
    async fn sources(&mut self) {
        if !self.look() && self.echo.is_pausing() {
            return;
        }
        let mut changed = Vec::new();
        let mut files = BTreeSet::new();
        for service in &self.manifest.services {
            let now = self.seen.service(&service.name);
            let since = self.built.get(&service.name).map(|built| now.changed_since(built)).unwrap_or_default();
            let since: Vec<_> = since.into_iter().filter(|file| !self.echo.is_own(file)).collect();
            if !since.is_empty() {
                changed.push(service.name.clone());
                files.extend(since);
            }
            self.built.insert(service.name.clone(), now);
        }
        if changed.is_empty() {
            return self.echo.rest();
        }
        let files = listed(&files, self.manifest.dir());
        self.terminal.say("Changed", &format!("sources of {}: {files}", changed.join(", ")));
        let mut round = Round::begin();
        let manifest = self.manifest.clone();
        for build in Build::all(&manifest) {
            let services = build.services.clone();
            if !services.iter().any(|service| changed.contains(service)) {
                continue;
            }
            match self.build(build, &manifest, &mut round).await {
                Ok(()) => self.held.retain(|service, _| !services.contains(service)),
                Err(error) => {
                    show(&error);
                    self.hold(|service| services.contains(&service.to_owned()));
                }
            }
        }
        self.end(&round, &manifest);
    }

    /// See what is there now. The answer is whether others than builds changed something.
    fn look(&mut self) -> bool {
        let now = block_in_place(|| Snapshot::of(&self.manifest, &self.store));
        let by_others = self.echo.worked_on(now.changed_since(&self.seen));
        self.seen = now;
        if !by_others.is_empty() {
            self.echo.others_changed(&by_others);
        }
        !by_others.is_empty()
    }

    /// Leave alone what a failed change may have made of these services' files.
    fn hold(&mut self, of: impl Fn(&str) -> bool) {
        for service in self.manifest.services.iter().filter(|service| of(&service.name)) {
            let Some(now) = known_by(&read_component(service.component.file())) else { continue };
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

/// A path as the manifest has it.
fn shown(path: &Path, dir: &Path) -> String {
    path.strip_prefix(dir).unwrap_or(path).display().to_string()
}
