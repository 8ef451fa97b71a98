//! The history: which component of each service is live, which were before it,
//! and their bytes.
//!
//! The invariant: what [`History::record`] returned is on the disk, whole. A
//! host that dies at any moment leaves what was recorded before or what is
//! recorded now, with the components of either. Nothing is taken from a folder that
//! others may write in.
//!
//! It knows names, digests and bytes, and nothing of what they mean. Left to
//! others: whether a component may go live at all, and what serves it; and that
//! the records of one service come one after another.
//!
//! Every function here may wait for the disk. Call none of them on a thread that
//! serves requests.

mod entry;
mod error;
mod folder;
mod keeper;
mod ledger;
mod place;
mod step;
mod timestamp;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use sha2::{Digest, Sha256};

pub use self::{
    entry::{Entry, How},
    error::HistoryError,
    timestamp::Timestamp,
};
use self::{
    folder::Folder,
    keeper::{Keeper, Unwritable},
    ledger::Ledger,
    place::Place,
};

/// What was and is live, of all services of an app.
#[derive(Debug)]
pub struct History {
    /// Protects the ledger and what is kept of it, which change together: it is
    /// held while the disk is written, so that whoever reads sees nothing that a
    /// restart would not.
    inside: Mutex<Inside>,
}

#[derive(Debug)]
struct Inside {
    ledger: Ledger,
    keeper: Keeper,
    /// The services that the manifest has, once that was told.
    services: BTreeSet<String>,
}

/// What a service comes up with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AtStart {
    /// The manifest's file: nothing is recorded of this service yet, or the file
    /// has changed since.
    File,
    /// What was made live last; the manifest's file is the one of that time.
    Recorded(Entry),
}

impl History {
    /// Opens the history of an app, in the folder `below` that of the state, and makes
    /// the folder if it is missing. Refused if others may write there. No other host can
    /// open it until this one is dropped.
    ///
    /// Where this process may not write, what is recorded there is looked at, and what
    /// comes is forgotten with this value: [`unwritable`](Self::unwritable) says why.
    pub fn open(state: &Path, below: &Path) -> Result<History, HistoryError> {
        let place = Place::new(state, below);
        match place.make() {
            Ok(()) => {}
            Err(error) if error.is_unwritable() => return History::look_at(&place, Some(&error)),
            Err(error) => return Err(error.at_start()),
        }
        let removed = || HistoryError::Removed { path: place.path().to_owned() };
        let folder = Folder::open(&place)?.ok_or_else(removed)?;
        let lock = folder.lock()?;
        // Somebody may have put another there before this one was locked.
        folder.in_place()?;
        let ledger = folder.ledger()?;
        if let Some(earlier) = place.earlier() {
            tracing::warn!(
                "{earlier:?} was written by an earlier Dovetail, for whichever app of this folder ran, and is not taken \
                 over: swap in again what is to be live, and remove it with `components` and `lock` beside it"
            );
        }
        // A host that was killed may have left some.
        folder.sweep(&ledger);
        Ok(History::of(ledger, Keeper::Disk { folder, _lock: lock }))
    }

    /// A look at the history in this folder, whoever has it open. Nothing is
    /// written there: what is recorded is forgotten with this value.
    pub fn peek(state: &Path, below: &Path) -> Result<History, HistoryError> {
        History::look_at(&Place::new(state, below), None)
    }

    fn look_at(place: &Place, unwritable: Option<&HistoryError>) -> Result<History, HistoryError> {
        let below = Folder::open(place)?;
        let ledger = below.as_ref().map_or_else(|| Ok(Ledger::default()), Folder::ledger)?;
        let unwritable = unwritable.map(|error| Unwritable::new(place.state(), error, ledger.clone()));
        Ok(History::of(ledger, Keeper::Memory { components: Default::default(), below, unwritable }))
    }

    /// An empty history that is kept nowhere.
    pub fn in_memory() -> History {
        History::of(Ledger::default(), Keeper::Memory { components: Default::default(), below: None, unwritable: None })
    }

    fn of(ledger: Ledger, keeper: Keeper) -> History {
        History { inside: Mutex::new(Inside { ledger, keeper, services: BTreeSet::new() }) }
    }

    /// Why nothing is kept, if that is so although it was to be.
    pub fn unwritable(&self) -> Option<HistoryError> {
        match &self.inside().keeper {
            Keeper::Memory { unwritable, .. } => unwritable.as_ref().map(Unwritable::told),
            Keeper::Disk { .. } => None,
        }
    }

    /// Refuses what [`record`](Self::record) would refuse, as far as that can be told
    /// before: that a component is made live which has the digest `digest`.
    pub fn check(&self, service: &str, digest: &str, file_digest: &str) -> Result<(), HistoryError> {
        self.inside().keeper.check(service, digest, file_digest)
    }

    /// What a service comes up with whose file in the manifest has this digest:
    /// what was live, until that file changes; then the file.
    pub fn at_start(&self, service: &str, file_digest: &str) -> AtStart {
        match self.inside().ledger.line(service) {
            Some(line) if line.file == file_digest => AtStart::Recorded(line.live().clone()),
            _ => AtStart::File,
        }
    }

    /// Makes a component the live one. It is on the disk when this returns, and
    /// the digest of the manifest's file with it. If this fails, nothing has
    /// changed for those who ask; a restart finds what was live before or, if
    /// only the last sync of the folder failed, this component.
    ///
    /// Where nothing can be written a component is refused, unless a restart would come
    /// up with it all the same.
    ///
    /// Each component gets the next revision of its service, from 1. One that is
    /// live already keeps its revision, and of `file_digest` note is taken.
    pub fn record(
        &self,
        service: &str,
        component: &[u8],
        by: &str,
        how: How,
        file_digest: &str,
    ) -> Result<Entry, HistoryError> {
        let digest = digest_of(component);
        self.check(service, &digest, file_digest)?;
        let entry = Entry::new(digest.clone(), component.len() as u64, by, how);
        self.change(&BTreeMap::from([(digest, component)]), |ledger| ledger.record(service, entry, file_digest))
    }

    /// Tells which services the manifest has, and makes these of its files the live ones,
    /// each with its service: all of them, or none if this fails. An app may have a
    /// thousand services, and a record each would write a ledger of all of them a thousand
    /// times.
    ///
    /// What other services had is kept, for it is missed when one that was taken out for a
    /// while comes back; but of 16 of them only, those that changed last. A service that is
    /// forgotten begins again with revision 1.
    pub fn serve(&self, services: BTreeSet<String>, files: &[(&str, &[u8])], by: &str) -> Result<(), HistoryError> {
        let digests: Vec<_> = files.iter().map(|(_, component)| digest_of(component)).collect();
        self.inside().services.clone_from(&services);
        let new = digests.iter().cloned().zip(files.iter().map(|(_, component)| *component)).collect();
        let changed = self.change(&new, |ledger| {
            for ((service, component), digest) in files.iter().zip(&digests) {
                let entry = Entry::new(digest.clone(), component.len() as u64, by, How::Manifest);
                ledger.record(service, entry, digest);
            }
            ledger.retain(&services);
        });
        changed.map_err(HistoryError::at_start)
    }

    /// What is live, unless nothing was recorded of this service.
    pub fn live(&self, service: &str) -> Option<Entry> {
        self.inside().ledger.line(service).map(|line| line.live().clone())
    }

    /// What is kept of a service, newest first. The first one is live. Then come
    /// the three revisions before it, and those that rollbacks lead to.
    pub fn entries(&self, service: &str) -> Vec<Entry> {
        self.inside().ledger.line(service).map(|line| line.entries.clone()).unwrap_or_default()
    }

    /// Where a rollback goes: to the component that the live one replaced. After
    /// a rollback this is the one before the component that it brought back. So
    /// rollbacks in a row go further back, three at most, and never to what an
    /// earlier one took away. After 1, 2 and 3 the first makes the component of 2
    /// live, as revision 4, and the second that of 1, as revision 5.
    pub fn before_live(&self, service: &str) -> Option<Entry> {
        self.inside().ledger.line(service)?.before_live().cloned()
    }

    /// Whether there is a component with this digest.
    pub fn has(&self, digest: &str) -> bool {
        self.inside().keeper.has(digest)
    }

    /// The bytes of a component that some entry names.
    pub fn component(&self, digest: &str) -> Result<Vec<u8>, HistoryError> {
        self.inside().keeper.component(digest)
    }

    /// Changes the ledger, on the disk first, with the components that are new in it.
    fn change<T>(
        &self,
        new: &BTreeMap<String, &[u8]>,
        change: impl FnOnce(&mut Ledger) -> T,
    ) -> Result<T, HistoryError> {
        let mut inside = self.inside();
        let Inside { ledger, keeper, services } = &mut *inside;
        let mut next = ledger.clone();
        let answer = change(&mut next);
        if !new.is_empty() || next != *ledger {
            keeper.keep(&next, new, services)?;
            *ledger = next;
            keeper.sweep(ledger);
        }
        Ok(answer)
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        // Whole even so: the ledger is replaced by one assignment.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// By what a component is known: its SHA-256 in lowercase hexadecimal digits.
fn digest_of(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
