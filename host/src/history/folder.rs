//! The folder of a history: `history.json`, the ledger of all services;
//! `components`, a file for each component that the ledger names; and `lock`.

#[cfg(test)]
mod crash;
#[cfg(test)]
mod tests;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fs::{self, DirBuilder, File, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::{
    digest_of,
    error::HistoryError,
    ledger::{self, Ledger},
    step::{self, Step, UNFINISHED},
};
use crate::private;

const LEDGER: &str = "history.json";
const COMPONENTS: &str = "components";
const LOCK: &str = "lock";

/// What the file of a component ends with, after its digest.
const WASM: &str = ".wasm";

/// The folder of a history. Whoever writes there has its [`Lock`].
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    components: PathBuf,
}

/// The right to write to a folder, until it is dropped or its process ends.
#[derive(Debug)]
pub struct Lock(File);

impl Folder {
    /// The folder at `path`, whether it exists or not.
    pub fn new(path: &Path) -> Folder {
        Folder { path: path.to_owned(), components: path.join(COMPONENTS) }
    }

    /// Refuses it if others may write there: whoever does decides what the host runs.
    /// What is missing of it is no reason.
    pub fn look(&self) -> Result<(), HistoryError> {
        for folder in [&self.path, &self.components] {
            private::look(folder, "the history")?;
        }
        Ok(())
    }

    /// Makes what is missing of it, for its owner alone, and refuses what is there
    /// like [`look`](Self::look).
    pub fn make(&self) -> Result<(), HistoryError> {
        for folder in [&self.path, &self.components] {
            if !folder.is_dir() {
                let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
                made.map_err(HistoryError::disk("make the folder", folder))?;
                let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
                step::sync(parent.unwrap_or(Path::new(".")))?;
            }
            private::look(folder, "the history")?;
        }
        Ok(())
    }

    /// Takes the right to write there, unless another host has it.
    pub fn lock(&self) -> Result<Lock, HistoryError> {
        let path = self.path.join(LOCK);
        let file = File::options().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = file.map_err(HistoryError::disk("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(TryLockError::WouldBlock) => Err(HistoryError::Locked { path: self.path.clone() }),
            Err(TryLockError::Error(error)) => Err(HistoryError::disk("lock", &path)(error)),
        }
    }

    /// What is recorded; empty if nothing is.
    pub fn ledger(&self) -> Result<Ledger, HistoryError> {
        let path = self.path.join(LEDGER);
        match fs::read(&path) {
            Ok(bytes) => Ledger::read(&path, &bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Ledger::default()),
            Err(error) => Err(HistoryError::disk("read", &path)(error)),
        }
    }

    /// The steps that make a ledger the recorded one. The components that are new
    /// in it come first, so that there is never an entry without its component.
    pub fn steps<'a>(&self, ledger: &Ledger, new: &BTreeMap<String, &'a [u8]>) -> Result<Vec<Step<'a>>, HistoryError> {
        let mut steps = Vec::new();
        for (digest, bytes) in new {
            if self.component(digest).is_err() {
                steps.extend(Step::put(&self.components, &format!("{digest}{WASM}"), Cow::Borrowed(*bytes)));
            }
        }
        // Those that are there may not be synced, if that is what failed.
        if !new.is_empty() {
            steps.push(Step::Sync(self.components.clone()));
        }
        let bytes = ledger.write().map_err(HistoryError::disk("write", &self.path.join(LEDGER)))?;
        steps.extend(Step::put(&self.path, LEDGER, Cow::Owned(bytes)));
        steps.push(Step::Sync(self.path.clone()));
        Ok(steps)
    }

    /// Removes what no entry names and what was never finished. What cannot be
    /// removed is in nobody's way, and tried again the next time.
    pub fn sweep(&self, ledger: &Ledger) {
        let _ = fs::remove_file(self.path.join(format!("{LEDGER}{UNFINISHED}")));
        let Ok(files) = fs::read_dir(&self.components) else { return };
        let named = ledger.components();
        for file in files.flatten() {
            let name = file.file_name();
            let Some(name) = name.to_str() else { continue };
            let whole = name.strip_suffix(UNFINISHED).unwrap_or(name);
            // Other names are not ours.
            let Some(digest) = whole.strip_suffix(WASM).filter(|it| ledger::is_digest(it)) else { continue };
            if whole != name || !named.contains(digest) {
                let _ = fs::remove_file(file.path());
            }
        }
    }

    /// The bytes with this digest.
    pub fn component(&self, digest: &str) -> Result<Vec<u8>, HistoryError> {
        let path = self.components.join(format!("{digest}{WASM}"));
        // Anything else could lead out of the folder.
        if !ledger::is_digest(digest) {
            return Err(HistoryError::NoComponent { path });
        }
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(HistoryError::NoComponent { path }),
            Err(error) => return Err(HistoryError::disk("read", &path)(error)),
        };
        match digest_of(&bytes) {
            found if found == digest => Ok(bytes),
            found => Err(HistoryError::DamagedComponent { path, found }),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // To close the file would not do while a process that is being started
        // still shares it.
        let _ = self.0.unlock();
    }
}
