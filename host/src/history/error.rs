//! What can go wrong with a history.

use std::{
    io,
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::private::NotPrivate;

/// Why a history could not be read or written.
#[derive(Debug, Error)]
pub enum HistoryError {
    /// The file is not what a host wrote.
    #[error(
        "the history at {path:?} is damaged: {reason}; remove it, and the components that the manifest \
         names are live"
    )]
    Damaged {
        /// The file, left as it was.
        path: PathBuf,
        /// What is wrong in it, and where.
        reason: String,
    },

    /// A later Dovetail wrote this file.
    #[error(
        "the history at {path:?} has version {found}, and this Dovetail knows version {known}; use a newer \
         Dovetail, or remove it, and the components that the manifest names are live"
    )]
    OtherVersion {
        /// The file, left as it was.
        path: PathBuf,
        /// The version in it.
        found: u64,
        /// The version that this build reads and writes.
        known: u64,
    },

    /// Two hosts would overwrite what the other records.
    #[error("another host runs with the folder {path:?}; stop it, or run this app from a folder of its own")]
    Locked {
        /// The folder that the other host has open.
        path: PathBuf,
    },

    /// Others could put there what the host would run.
    #[error(transparent)]
    NotPrivate(#[from] NotPrivate),

    /// There are no bytes with this digest.
    #[error("there is no component {path:?} in the history; swap in the component's file itself")]
    NoComponent {
        /// Where it would be.
        path: PathBuf,
    },

    /// The bytes are not those of this digest.
    #[error(
        "the component {path:?} is damaged: its SHA-256 is {found}; remove it, and swap in the component's \
         file itself"
    )]
    DamagedComponent {
        /// The file, left as it was.
        path: PathBuf,
        /// The digest of what is in it.
        found: String,
    },

    /// The file system refused something.
    #[error("cannot {operation} {path:?}")]
    Disk {
        /// What was to be done.
        operation: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
}

impl HistoryError {
    /// For `map_err`.
    pub(super) fn disk(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> HistoryError {
        let path = path.to_owned();
        move |source| HistoryError::Disk { operation, path, source }
    }
}
