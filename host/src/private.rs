//! Folders that only this process's user may write in. What the host runs comes
//! from such folders, and whoever writes there decides what that is.
//!
//! A folder is judged as it was found. Left to others: to make it for its owner
//! alone, and to hold on to it where another could be put in its place.

use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use rustix::process::geteuid;

/// The permissions to write that nobody but the owner may have. Those that an
/// access control list gives are among them: its mask is the group's part.
const OTHERS_WRITE: u32 = 0o022;

/// Why a folder is no place for what the host runs.
#[derive(Debug, thiserror::Error)]
pub enum NotPrivate {
    /// Its owner could put there what the host would run.
    #[error(
        "the folder {path:?} cannot be used for {what}: it belongs to user {owner}, and this process runs as \
         user {user}; run `chown {user} {path:?}`, or choose another folder with `--state DIR`"
    )]
    Owner {
        /// The folder.
        path: PathBuf,
        /// What is kept there.
        what: &'static str,
        /// The number of the user who owns it.
        owner: u32,
        /// The number of the user as whom this process runs.
        user: u32,
    },
    /// Others could put there what the host would run.
    #[error(
        "the folder {path:?} cannot be used for {what}: others than its owner may write in it (its mode is \
         {mode:04o}); run `chmod 700 {path:?}`"
    )]
    Writable {
        /// The folder.
        path: PathBuf,
        /// What is kept there.
        what: &'static str,
        /// Its permissions.
        mode: u32,
    },
    /// It is a file, or below one.
    #[error("{path:?} is a file, and a folder is needed there; name one with `--state DIR`")]
    NoFolder {
        /// What is there.
        path: PathBuf,
    },
    /// Whose it is cannot be found out.
    #[error("the folder {path:?} cannot be used for {what}")]
    Hidden {
        /// The folder.
        path: PathBuf,
        /// What is kept there.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// Refuse the folder at this path for `what`, unless it is private or missing.
pub fn look(path: &Path, what: &'static str) -> Result<(), NotPrivate> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => check(path, &found, what),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(_) => Err(NotPrivate::NoFolder { path: path.into() }),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            Err(NotPrivate::NoFolder { path: in_the_way(path).into() })
        }
        Err(source) => Err(NotPrivate::Hidden { path: path.into(), what, source }),
    }
}

/// The file that a path leads over as if it were a folder.
pub fn in_the_way(path: &Path) -> &Path {
    let is_in_the_way = |above: &&Path| fs::metadata(above).is_ok_and(|found| !found.is_dir());
    path.ancestors().find(is_in_the_way).unwrap_or(path)
}

/// Refuse a folder for `what`, unless it was found private.
pub fn check(path: &Path, found: &Metadata, what: &'static str) -> Result<(), NotPrivate> {
    let user = geteuid().as_raw();
    if found.uid() != user {
        return Err(NotPrivate::Owner { path: path.into(), what, owner: found.uid(), user });
    }
    if found.mode() & OTHERS_WRITE != 0 {
        return Err(NotPrivate::Writable { path: path.into(), what, mode: found.mode() & 0o7777 });
    }
    Ok(())
}

/// Whether this process may not write there, now or ever.
pub fn is_unwritable(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// Whether there is no room left on the disk, for anybody or for this process's user.
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Whether nobody but this process's user could have written what was found so.
pub fn is_private(found: &Metadata) -> bool {
    found.uid() == geteuid().as_raw() && found.mode() & OTHERS_WRITE == 0
}
