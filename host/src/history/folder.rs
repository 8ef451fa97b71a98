//! The folder of a history: `history.json`, the ledger of all services, and
//! `components`, a file for each component that the ledger names.
//!
//! Once opened it is used by its handle: who puts another folder in its place, or in
//! that of one that it is in, has nothing written into that other one.

#[cfg(test)]
mod crash;
#[cfg(test)]
mod tests;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fs::{self, File, TryLockError},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use rustix::fs::{AtFlags, Dir, Mode, OFlags};

use super::{
    digest_of,
    error::HistoryError,
    ledger::{self, Ledger},
    place::{COMPONENTS, LEDGER, Place, WHAT},
    step::{Step, UNFINISHED},
};
use crate::private;

/// What the file of a component ends with, after its digest.
const WASM: &str = ".wasm";

/// The folder of a history. Whoever writes there has its [`Lock`].
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    pub(super) handle: File,
}

/// The right to write to a folder, until it is dropped or its process ends. It is the
/// folder that is locked: a file could be deleted, and be there for another host anew.
#[derive(Debug)]
pub struct Lock(File);

impl Folder {
    /// Opens it, unless it is missing. Refused if others may write there.
    pub fn open(place: &Place) -> Result<Option<Folder>, HistoryError> {
        place.look()?;
        let path = place.path();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = match rustix::fs::open(path, flags, Mode::empty()).map_err(io::Error::from) {
            Ok(handle) => File::from(handle),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(HistoryError::disk("open", path)(error)),
        };
        private::check(path, &handle.metadata().map_err(HistoryError::disk("open", path))?, WHAT)?;
        Ok(Some(Folder { path: path.to_owned(), handle }))
    }

    /// Takes the right to write there, unless another host has it.
    pub fn lock(&self) -> Result<Lock, HistoryError> {
        let handle = self.handle.try_clone().map_err(HistoryError::disk("open", &self.path))?;
        match handle.try_lock() {
            Ok(()) => Ok(Lock(handle)),
            Err(TryLockError::WouldBlock) => Err(HistoryError::Locked { path: self.path.clone() }),
            Err(TryLockError::Error(error)) => Err(HistoryError::disk("lock", &self.path)(error)),
        }
    }

    /// Refuses it if it is not what its path leads to any more: who starts later would
    /// not find what is written here.
    pub fn in_place(&self) -> Result<(), HistoryError> {
        let id = |found: &fs::Metadata| (found.dev(), found.ino());
        let mine = self.handle.metadata().map_err(HistoryError::disk("look at", &self.path))?;
        match fs::metadata(&self.path) {
            Ok(found) if id(&found) == id(&mine) => Ok(()),
            Ok(found) if !found.is_dir() => Err(HistoryError::Covered { path: self.path.clone() }),
            Ok(_) => Err(HistoryError::Replaced { path: self.path.clone() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(HistoryError::Removed { path: self.path.clone() })
            }
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                Err(HistoryError::Covered { path: private::in_the_way(&self.path).to_owned() })
            }
            Err(error) => Err(HistoryError::disk("look at", &self.path)(error)),
        }
    }

    /// What is recorded; empty if nothing is.
    pub fn ledger(&self) -> Result<Ledger, HistoryError> {
        let path = self.shown(LEDGER.as_ref());
        match self.read(LEDGER.as_ref()) {
            Ok(bytes) => Ledger::read(&path, &bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Ledger::default()),
            Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
                Err(HistoryError::Damaged { path, reason: "it is a folder".to_owned() })
            }
            Err(error) => Err(HistoryError::disk("read", &path)(error)),
        }
    }

    /// The steps that make a ledger the recorded one. The components that are new
    /// in it come first, so that there is never an entry without its component.
    pub fn steps<'a>(&self, ledger: &Ledger, new: &BTreeMap<String, &'a [u8]>) -> Result<Vec<Step<'a>>, HistoryError> {
        let mut steps = Vec::new();
        for (digest, bytes) in new {
            if self.component(digest).is_err() {
                steps.extend(Step::put(file_of(digest), Cow::Borrowed(*bytes)));
            }
        }
        // Those that are there may not be synced, if that is what failed.
        if !new.is_empty() {
            steps.push(Step::Sync(COMPONENTS.into()));
        }
        let bytes = ledger.write().map_err(HistoryError::disk("write", &self.shown(LEDGER.as_ref())))?;
        steps.extend(Step::put(LEDGER.into(), Cow::Owned(bytes)));
        steps.push(Step::Sync(PathBuf::new()));
        Ok(steps)
    }

    /// Removes what no entry names and what was never finished. What cannot be
    /// removed is in nobody's way, and tried again the next time.
    pub fn sweep(&self, ledger: &Ledger) {
        self.remove(format!("{LEDGER}{UNFINISHED}").as_ref());
        let Some(files) = self.open_file(COMPONENTS.as_ref()).ok().and_then(|folder| Dir::new(folder).ok()) else {
            return;
        };
        let named = ledger.components();
        for file in files.flatten() {
            let Ok(name) = file.file_name().to_str() else { continue };
            let whole = name.strip_suffix(UNFINISHED).unwrap_or(name);
            // Other names are not ours.
            let Some(digest) = whole.strip_suffix(WASM).filter(|it| ledger::is_digest(it)) else { continue };
            if whole != name || !named.contains(digest) {
                self.remove(&Path::new(COMPONENTS).join(name));
            }
        }
    }

    /// Whether there is a component with this digest.
    pub fn has(&self, digest: &str) -> bool {
        rustix::fs::statat(&self.handle, file_of(digest), AtFlags::empty()).is_ok()
    }

    /// Refuses a component that is live of a service and was removed: nobody could come up
    /// with it.
    pub fn has_live(&self, service: &str, digest: &str) -> Result<(), HistoryError> {
        match self.has(digest) {
            true => Ok(()),
            false => {
                Err(HistoryError::LostComponent { service: service.to_owned(), path: self.shown(&file_of(digest)) })
            }
        }
    }

    /// The bytes with this digest.
    pub fn component(&self, digest: &str) -> Result<Vec<u8>, HistoryError> {
        let name = file_of(digest);
        let path = self.shown(&name);
        // Anything else could lead out of the folder.
        if !ledger::is_digest(digest) {
            return Err(HistoryError::NoComponent { path });
        }
        let bytes = match self.read(&name) {
            Ok(bytes) => bytes,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::IsADirectory) => {
                return Err(HistoryError::NoComponent { path });
            }
            Err(error) => return Err(HistoryError::disk("read", &path)(error)),
        };
        match digest_of(&bytes) {
            found if found == digest => Ok(bytes),
            found => Err(HistoryError::DamagedComponent { path, found }),
        }
    }

    /// The path of what has this name in it, for people.
    pub fn shown(&self, name: &Path) -> PathBuf {
        if name.as_os_str().is_empty() { self.path.clone() } else { self.path.join(name) }
    }

    /// What has this name in it; the folder itself has none.
    pub fn open_file(&self, name: &Path) -> io::Result<File> {
        let name = if name.as_os_str().is_empty() { Path::new(".") } else { name };
        let opened = rustix::fs::openat(&self.handle, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        Ok(File::from(opened?))
    }

    /// Removes a file that may not be there.
    pub fn remove(&self, name: &Path) {
        let _ = rustix::fs::unlinkat(&self.handle, name, AtFlags::empty());
    }

    fn read(&self, name: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open_file(name)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // To close the handle would not do while a process that is being started
        // still shares it.
        let _ = self.0.unlock();
    }
}

/// The file of the component with this digest.
fn file_of(digest: &str) -> PathBuf {
    Path::new(COMPONENTS).join(format!("{digest}{WASM}"))
}
