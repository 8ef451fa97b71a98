//! When to look: something moved, and nothing moves any more.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context, Result};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher, event::ModifyKind};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::timeout,
};

use super::sources::{is_ignored, named};
use crate::manifest::{Manifest, StoreUrl};

/// Tools write a file in several steps, and several files at once. When nothing
/// has moved for so long they are done.
const QUIET: Duration = Duration::from_millis(200);

/// Something that never rests is looked at all the same.
const RESTLESS: Duration = Duration::from_secs(5);

/// How often to look by ourselves. What is told of is a folder as it was when it
/// was found; one that was removed and made again is another, and a file behind a
/// link is in another.
const ROUND: Duration = Duration::from_secs(2);

/// Tells when files of a manifest may have changed.
pub struct Changes {
    watcher: RecommendedWatcher,
    told: UnboundedReceiver<()>,
    /// Protects what is of interest, which the watcher's thread asks for.
    interest: Arc<Mutex<Interest>>,
    /// The folders that are followed, and which they were.
    followed: BTreeMap<PathBuf, Option<Id>>,
    states: Vec<Option<(Id, u64, SystemTime)>>,
    /// Whether something cannot be followed, and is looked at in every round.
    is_blind: bool,
}

/// Device and number.
type Id = (u64, u64);

/// What may change.
#[derive(Default)]
struct Interest {
    /// The manifest, components, and sources that are files.
    files: BTreeSet<PathBuf>,
    /// Folders of sources.
    folders: BTreeSet<PathBuf>,
    /// What may be in such a folder and changes with each request.
    data: BTreeSet<PathBuf>,
    /// Those of the folders that were removed or moved: nothing is told any more of what comes
    /// in their place, though it may be the same one again, or have its number.
    lost: BTreeSet<PathBuf>,
}

impl Changes {
    /// Follow what this manifest names.
    pub fn of(manifest: &Manifest, store: &StoreUrl) -> Result<Changes> {
        let (sender, told) = unbounded_channel();
        let interest = Arc::<Mutex<Interest>>::default();
        let watcher = watcher(sender, interest.clone()).context("the file system does not tell what changes in it")?;
        let (followed, states) = (BTreeMap::new(), Vec::new());
        let mut changes = Changes { watcher, told, interest, followed, states, is_blind: false };
        changes.follow(manifest, store);
        Ok(changes)
    }

    /// From now on follow what this manifest names, and nothing else. What is written in
    /// the store does not count.
    pub fn follow(&mut self, manifest: &Manifest, store: &StoreUrl) {
        let interest = Interest::of(manifest, store);
        let folders = interest.wanted();
        let gone: Vec<_> = self.followed.keys().filter(|folder| !folders.contains_key(*folder)).cloned().collect();
        for folder in gone {
            self.followed.remove(&folder);
            let _ = self.watcher.unwatch(&folder);
        }
        self.states = interest.states();
        *self.interest.lock().unwrap_or_else(PoisonError::into_inner) = interest;
        self.renew();
    }

    /// Wait until something has moved, or a round is over after which to look `anyway`,
    /// and then until nothing moves.
    pub async fn next(&mut self, anyway: bool) {
        while let Err(_) | Ok(None) = timeout(ROUND, self.told.recv()).await {
            if self.renew() | self.is_changed() | self.is_blind | anyway {
                break;
            }
        }
        let begun = Instant::now();
        while begun.elapsed() < RESTLESS && matches!(timeout(QUIET, self.told.recv()).await, Ok(Some(()))) {}
        self.renew();
    }

    /// Follow the folders that came, or came again. The answer is whether there
    /// were such.
    fn renew(&mut self) -> bool {
        let (wanted, lost) = {
            let mut interest = self.interest.lock().unwrap_or_else(PoisonError::into_inner);
            (interest.wanted(), std::mem::take(&mut interest.lost))
        };
        for folder in lost {
            let _ = self.watcher.unwatch(&folder);
            self.followed.remove(&folder);
        }
        let mut is_new = false;
        for (folder, mode) in wanted {
            let now = id(&folder);
            if now.is_none() || self.followed.get(&folder) == Some(&now) {
                continue;
            }
            if self.followed.remove(&folder).is_some() {
                let _ = self.watcher.unwatch(&folder);
            }
            match self.watcher.watch(&folder, mode) {
                Ok(()) => is_new |= self.followed.insert(folder, now).is_none(),
                Err(error) => {
                    tracing::warn!(folder = %folder.display(), %error, "changes here are looked for every 2 s");
                    self.is_blind = true;
                    // Not tried again, nor said again.
                    self.followed.insert(folder, now);
                }
            }
        }
        is_new
    }

    /// Whether a file is another than when this was asked last.
    fn is_changed(&mut self) -> bool {
        let now = self.interest.lock().unwrap_or_else(PoisonError::into_inner).states();
        let is_changed = now != self.states;
        self.states = now;
        is_changed
    }
}

impl Interest {
    fn of(manifest: &Manifest, store: &StoreUrl) -> Interest {
        let data = store.files().iter().map(|file| named(file)).collect();
        let mut interest = Interest { data, ..Interest::default() };
        interest.files.insert(named(&manifest.path));
        for service in &manifest.services {
            interest.files.insert(named(service.component.file()));
            for path in &service.watch {
                let path = named(path);
                match path.is_dir() {
                    true => interest.folders.insert(path),
                    false => interest.files.insert(path),
                };
            }
        }
        interest
    }

    /// The folders to follow. Files are followed through theirs, for most tools
    /// replace a file by another with its name.
    fn wanted(&self) -> BTreeMap<PathBuf, RecursiveMode> {
        let parents = self.files.iter().filter_map(|file| file.parent());
        let mut wanted: BTreeMap<_, _> =
            parents.map(|folder| (folder.to_owned(), RecursiveMode::NonRecursive)).collect();
        wanted.extend(self.folders.iter().map(|folder| (folder.clone(), RecursiveMode::Recursive)));
        wanted
    }

    fn states(&self) -> Vec<Option<(Id, u64, SystemTime)>> {
        let state = |file: &PathBuf| {
            let data = fs::metadata(file).ok()?;
            Some(((data.dev(), data.ino()), data.len(), data.modified().ok()?))
        };
        self.files.iter().map(state).collect()
    }

    /// Note of what happened whether a folder was lost by it.
    fn note(&mut self, event: &Event) {
        if matches!(event.kind, EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_))) {
            let lost = event.paths.iter().filter(|path| self.folders.contains(*path));
            self.lost.extend(lost.cloned());
        }
    }

    fn has(&self, path: &Path) -> bool {
        let inside = |folder: &PathBuf| {
            let Ok(below) = path.strip_prefix(folder) else { return false };
            !below.iter().any(|name| name.to_str().is_some_and(is_ignored))
        };
        self.files.contains(path) || self.folders.iter().any(inside) && !self.data.contains(path)
    }
}

fn watcher(sender: UnboundedSender<()>, interest: Arc<Mutex<Interest>>) -> notify::Result<RecommendedWatcher> {
    notify::recommended_watcher(move |event: notify::Result<Event>| {
        // A failure is that something was missed.
        let is_of_interest = event.map_or(true, |event| {
            let mut interest = interest.lock().unwrap_or_else(PoisonError::into_inner);
            interest.note(&event);
            let has = event.paths.iter().any(|path| interest.has(path));
            event.need_rescan() || has && !matches!(event.kind, EventKind::Access(_))
        });
        if is_of_interest {
            let _ = sender.send(());
        }
    })
}

fn id(folder: &Path) -> Option<Id> {
    let data = fs::metadata(folder).ok()?;
    Some((data.dev(), data.ino()))
}
