//! Where a history is kept.

use std::{collections::BTreeMap, path::PathBuf};

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
    },
}

impl Keeper {
    /// Keeps a ledger in place of the one before it, after the components that are
    /// new in it, by digest.
    pub fn keep(&mut self, ledger: &Ledger, new: &BTreeMap<String, &[u8]>) -> Result<(), HistoryError> {
        match self {
            Keeper::Disk { folder, .. } => {
                let steps = folder.steps(ledger, new)?;
                steps.iter().try_for_each(|step| step.take())
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

    /// The bytes with this digest.
    pub fn component(&self, digest: &str) -> Result<Vec<u8>, HistoryError> {
        match self {
            Keeper::Disk { folder, .. } => folder.component(digest),
            Keeper::Memory { components, below } => match (components.get(digest), below) {
                (Some(bytes), _) => Ok(bytes.clone()),
                (None, Some(folder)) => folder.component(digest),
                (None, None) => Err(HistoryError::NoComponent { path: PathBuf::from(digest) }),
            },
        }
    }
}
