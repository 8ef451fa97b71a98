//! Where a history is kept.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::{
    error::HistoryError,
    folder::{Folder, Lock},
    ledger::Ledger,
};

/// Keeps the ledger and the components that it names.
#[derive(Debug)]
pub enum Keeper {
    /// In a folder, of which this host is the only one to write.
    Disk {
        /// The folder.
        folder: Folder,
        /// Held as long as the folder is written.
        _lock: Lock,
    },
    /// Nowhere; lost with the value.
    Memory {
        /// What was recorded, by digest.
        components: BTreeMap<String, Vec<u8>>,
        /// The folder that is looked into, and never written.
        below: Option<Folder>,
        /// Why it is not written, if it was to be.
        unwritable: Option<Unwritable>,
    },
}

/// A folder that was to be written and cannot be.
#[derive(Debug)]
pub struct Unwritable {
    state: PathBuf,
    why: String,
    /// What is recorded there, and what a restart finds.
    recorded: Ledger,
}

impl Unwritable {
    /// The folder of the state, what the system says of it, and what is recorded there.
    pub fn new(state: &Path, error: &HistoryError, recorded: Ledger) -> Unwritable {
        let why = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
        Unwritable { state: state.to_owned(), why, recorded }
    }

    /// That nothing can be kept.
    pub fn told(&self) -> HistoryError {
        HistoryError::Unwritable { path: self.state.clone(), why: self.why.clone() }
    }

    /// Refuses a component that a restart would not come up with.
    fn check(&self, service: &str, digest: &str, file: &str) -> Result<(), HistoryError> {
        let found = self.recorded.line(service).filter(|line| line.file == file);
        let found = found.map_or(file, |line| &line.live().digest);
        if found == digest { Ok(()) } else { Err(self.told()) }
    }
}

impl Keeper {
    /// Refuses what cannot be kept, as far as can be told before: that a component of a
    /// service is live whose file in the manifest has the digest `file`.
    pub fn check(&self, service: &str, digest: &str, file: &str) -> Result<(), HistoryError> {
        match self {
            Keeper::Disk { folder, .. } => folder.in_place(),
            Keeper::Memory { unwritable: Some(unwritable), .. } => unwritable.check(service, digest, file),
            Keeper::Memory { .. } => Ok(()),
        }
    }

    /// Keeps a ledger in place of the one before it, after the components that are
    /// new in it, by digest. `services` are those that a restart would come up with.
    pub fn keep(
        &mut self,
        ledger: &Ledger,
        new: &BTreeMap<String, &[u8]>,
        services: &BTreeSet<String>,
    ) -> Result<(), HistoryError> {
        match self {
            Keeper::Disk { folder, .. } => {
                folder.in_place()?;
                let mut live =
                    ledger.live().filter(|(service, digest)| services.contains(*service) && !new.contains_key(*digest));
                live.try_for_each(|(service, digest)| folder.has_live(service, digest))?;
                let steps = folder.steps(ledger, new)?;
                steps.iter().try_for_each(|step| step.take(folder))
            }
            Keeper::Memory { components, .. } => {
                components.extend(new.iter().map(|(digest, bytes)| (digest.clone(), bytes.to_vec())));
                Ok(())
            }
        }
    }

    /// Removes what the ledger does not name.
    pub fn sweep(&mut self, ledger: &Ledger) {
        match self {
            Keeper::Disk { folder, .. } => folder.sweep(ledger),
            Keeper::Memory { components, .. } => {
                let named = ledger.components();
                components.retain(|digest, _| named.contains(digest.as_str()));
            }
        }
    }

    /// Whether there is a component with this digest.
    pub fn has(&self, digest: &str) -> bool {
        match self {
            Keeper::Disk { folder, .. } => folder.has(digest),
            Keeper::Memory { components, below, .. } => {
                components.contains_key(digest) || below.as_ref().is_some_and(|folder| folder.has(digest))
            }
        }
    }

    /// The bytes with this digest.
    pub fn component(&self, digest: &str) -> Result<Vec<u8>, HistoryError> {
        match self {
            Keeper::Disk { folder, .. } => folder.component(digest),
            Keeper::Memory { components, below, .. } => match (components.get(digest), below) {
                (Some(bytes), _) => Ok(bytes.clone()),
                (None, Some(folder)) => folder.component(digest),
                (None, None) => Err(HistoryError::NoComponent { path: PathBuf::from(digest) }),
            },
        }
    }
}
