//! What can go wrong with a history.

use std::{
    io,
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::private::{self, NotPrivate};

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
    #[error(
        "another host runs this app, and has the folder {path:?}; stop it, or give this one a folder of its own with \
         `--state DIR`"
    )]
    Locked {
        /// The folder that the other host has open.
        path: PathBuf,
    },

    /// It was there when the host began.
    #[error(
        "the folder {path:?} was removed while the host runs, so that nothing can be recorded; what is live goes on: \
         put the folder back, or restart the host, which then serves the manifest's files"
    )]
    Removed {
        /// Where it was.
        path: PathBuf,
    },

    /// Another is where it was when the host began, and may be another host's.
    #[error(
        "another folder was put in the place of {path:?} while the host runs, so that nothing can be recorded; what is \
         live goes on: put the folder back that was there, or restart the host, which then serves what this one says"
    )]
    Replaced {
        /// Where it was.
        path: PathBuf,
    },

    /// A file is where it was, or a folder that it was in, when the host began.
    #[error(
        "{path:?} was replaced by a file while the host runs, so that nothing can be recorded; what is live goes on: put \
         the folder back that was there, or remove the file and restart the host, which then serves the manifest's files"
    )]
    Covered {
        /// The file.
        path: PathBuf,
    },

    /// The component of another service is gone, which a restart would need.
    #[error(
        "the component {path:?} of service `{service}` was removed while it is live, so that nothing can be recorded; \
         what is live goes on: put it back, or swap another in for `{service}`, or restart the host"
    )]
    LostComponent {
        /// Whose it is.
        service: String,
        /// Where it was.
        path: PathBuf,
    },

    /// There is no place to write.
    #[error(
        "nothing can be kept in the folder {path:?} ({why}), so that swaps are refused; start the host with `--state \
         DIR`, a folder that it may write in"
    )]
    Unwritable {
        /// The folder of the state.
        path: PathBuf,
        /// What the system said.
        why: String,
    },

    /// There is no room for what a host must keep before it serves.
    #[error(
        "the disk is full, so that what is to be live cannot be kept; make room, or name another folder with `--state DIR`"
    )]
    Full(#[source] Box<HistoryError>),

    /// What a host must keep before it serves cannot be kept there.
    #[error("nothing can be kept there; name another folder with `--state DIR`")]
    NoPlace(#[source] Box<HistoryError>),

    /// Others could put there what the host would run.
    #[error(transparent)]
    NotPrivate(#[from] NotPrivate),

    /// There are no bytes with this digest.
    #[error(
        "there is no component {path:?} in the history; put it back, or swap in the component's file itself, or remove \
         the history.json beside its folder, and the components that the manifest names are live"
    )]
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
    /// Whether the disk did not do what it should: it may at another time.
    pub fn is_disk(&self) -> bool {
        matches!(self, HistoryError::Disk { .. })
    }

    /// Whether this process may not write there, now or ever.
    pub(super) fn is_unwritable(&self) -> bool {
        matches!(self, HistoryError::Disk { source, .. } if private::is_unwritable(source))
    }

    /// Whether there is no room for it.
    pub fn is_full(&self) -> bool {
        matches!(self, HistoryError::Disk { source, .. } if private::is_full(source))
    }

    /// What helps where the disk refused something, if that can be told.
    pub fn remedy(&self) -> Option<&'static str> {
        let HistoryError::Disk { source, .. } = self else { return None };
        match source.kind() {
            _ if private::is_full(source) => Some("make room"),
            _ if private::is_unwritable(source) => Some("let this account write there"),
            io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory => Some("put back what was there"),
            _ => None,
        }
    }

    /// The same, of a host that does not serve yet, and can have another folder.
    pub(super) fn at_start(self) -> HistoryError {
        match self {
            full if full.is_full() => HistoryError::Full(Box::new(full)),
            failed @ HistoryError::Disk { .. } => HistoryError::NoPlace(Box::new(failed)),
            error => error,
        }
    }

    /// For `map_err`.
    pub(super) fn disk(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> HistoryError {
        let path = path.to_owned();
        move |source| HistoryError::Disk { operation, path, source }
    }
}
