//! A disk in memory. Its processes end when their steps are used up, appends are
//! torn on demand, and when the power goes only what was synced must be there.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Error;
use crate::digest::digest;
use crate::disk::{File, Folder, LARGEST_READ};

/// Numbers that look random, the same in each run.
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(1);
        digest(&self.0.to_le_bytes()) % end
    }
}

/// The disk, with one folder.
#[derive(Clone, Debug, Default)]
pub struct Disk(Arc<Mutex<State>>);

#[derive(Clone, Debug, Default)]
struct State {
    files: Vec<Bytes>,
    names: BTreeMap<String, usize>,
    /// The names that are durable, and the changes since, each of some names.
    durable: BTreeMap<String, usize>,
    changes: Vec<Vec<(String, Option<usize>)>>,
    nonces: u64,
    /// Every so many appends one is torn.
    torn_every: Option<u64>,
    appends: u64,
    full: bool,
}

#[derive(Clone, Debug, Default)]
struct Bytes {
    bytes: Vec<u8>,
    synced: usize,
    /// What is left of a torn append, and lands behind the next one.
    left_over: Vec<u8>,
}

/// A process on the disk, which has so many steps to live.
#[derive(Clone, Debug)]
pub struct Process {
    disk: Disk,
    left: Arc<AtomicU64>,
}

/// A file that a process has open.
#[derive(Debug)]
pub struct Open {
    process: Process,
    file: usize,
    /// Whether others may append, too.
    shared: bool,
}

impl Disk {
    /// A process that lives on.
    pub fn process(&self) -> Process {
        self.mortal(u64::MAX)
    }

    /// A process that ends in the middle of its last step.
    pub fn mortal(&self, steps: u64) -> Process {
        Process { disk: self.clone(), left: Arc::new(AtomicU64::new(steps)) }
    }

    /// A disk of its own that holds the same.
    pub fn copy(&self) -> Disk {
        Disk(Arc::new(Mutex::new(self.state().clone())))
    }

    /// Tear one append of so many, and say nothing of it to the writer.
    pub fn tear(&self, every: u64) {
        self.state().torn_every = Some(every);
    }

    /// Take no more bytes, or take them again.
    pub fn fill(&self, full: bool) {
        self.state().full = full;
    }

    /// Keep what is durable, and of the rest as much as chance wants.
    pub fn lose_power(&self, random: &mut Random) {
        let mut state = self.state();
        for file in &mut state.files {
            let loose = file.bytes.len() - file.synced;
            file.bytes.truncate(file.synced + random.below(loose as u64 + 1) as usize);
            file.synced = file.bytes.len();
        }
        // Any of the changes may have come to the disk, in whatever order.
        let mut changes = std::mem::take(&mut state.changes);
        changes.retain(|_| random.below(2) == 0);
        state.names = state.durable.clone();
        changes.into_iter().for_each(|change| state.change(change));
        state.make_names_durable();
    }

    /// The files, by name.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let state = self.state();
        state.names.iter().map(|(name, file)| (name.clone(), state.files[*file].bytes.clone())).collect()
    }

    /// Put a file in place.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let mut state = self.state();
        let file = state.files.len();
        state.files.push(Bytes { bytes: bytes.to_vec(), synced: bytes.len(), left_over: Vec::new() });
        state.change(vec![(name.to_owned(), Some(file))]);
        state.make_names_durable();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn change(&mut self, names: Vec<(String, Option<usize>)>) {
        for (name, file) in &names {
            match file {
                Some(file) => self.names.insert(name.clone(), *file),
                None => self.names.remove(name),
            };
        }
        self.changes.push(names);
    }

    fn make_names_durable(&mut self) {
        self.durable = self.names.clone();
        self.changes.clear();
    }

    fn create(&mut self, name: &str) -> usize {
        if let Some(file) = self.names.get(name) {
            return *file;
        }
        let file = self.files.len();
        self.files.push(Bytes::default());
        self.change(vec![(name.to_owned(), Some(file))]);
        file
    }
}

impl Process {
    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        self.left.load(SeqCst) == 0
    }

    fn opened(&self, name: &str, file: usize) -> Open {
        Open { process: self.clone(), file, shared: name.ends_with(".log") }
    }

    /// How many steps it has left.
    pub fn left(&self) -> u64 {
        self.left.load(SeqCst)
    }

    /// Take a step; the last one is not finished.
    fn step(&self) -> Result<MutexGuard<'_, State>, Error> {
        std::thread::yield_now();
        let before = self.left.fetch_update(SeqCst, SeqCst, |left| Some(left.saturating_sub(1)));
        if before.unwrap_or(0) <= 1 {
            Err(Error::disk("go on with", "nothing", "killed"))
        } else {
            Ok(self.disk.state())
        }
    }
}

impl Folder for Process {
    type File = Open;

    fn names(&self) -> Result<Vec<String>, Error> {
        Ok(self.step()?.names.keys().cloned().collect())
    }

    fn open(&self, name: &str) -> Result<Option<Open>, Error> {
        let file = self.step()?.names.get(name).copied();
        Ok(file.map(|file| self.opened(name, file)))
    }

    fn create(&self, name: &str) -> Result<Open, Error> {
        let file = self.step()?.create(name);
        Ok(self.opened(name, file))
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), Error> {
        let mut state = self.step()?;
        let file = state.names.get(from).copied().ok_or_else(|| Error::disk("rename", from, "it is gone"))?;
        state.change(vec![(from.to_owned(), None), (to.to_owned(), Some(file))]);
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<(), Error> {
        self.step()?.change(vec![(name.to_owned(), None)]);
        Ok(())
    }

    fn sync(&self) -> Result<(), Error> {
        self.step()?.make_names_durable();
        Ok(())
    }

    fn nonce(&self) -> u64 {
        let mut state = self.disk.state();
        state.nonces += 1;
        state.nonces
    }
}

impl File for Open {
    fn read(&self, offset: u64, length: usize) -> Result<Vec<u8>, Error> {
        let state = self.process.step()?;
        let bytes = state.files[self.file].bytes.get(offset as usize..).unwrap_or_default();
        Ok(bytes[..bytes.len().min(length).min(LARGEST_READ)].to_vec())
    }

    fn append(&self, bytes: &[u8]) -> Result<(), Error> {
        assert!(bytes.len() <= LARGEST_READ, "no host takes {} bytes at once", bytes.len());
        let failed = self.process.step().err();
        let mut state = self.process.disk.state();
        let failed = failed.or(state.full.then(|| Error::disk("append to", "a file", "insufficient-space")));
        state.appends += 1;
        let torn = self.shared && state.torn_every.is_some_and(|every| state.appends.is_multiple_of(every));
        let part = 1 + state.appends as usize % bytes.len();
        let part = if torn || failed.is_some() { part } else { bytes.len() };
        let file = &mut state.files[self.file];
        file.bytes.extend_from_slice(&bytes[..part]);
        let left_over = if torn { bytes[part..].to_vec() } else { Vec::new() };
        file.bytes.append(&mut std::mem::replace(&mut file.left_over, left_over));
        failed.map_or(Ok(()), Err)
    }

    fn length(&self) -> Result<u64, Error> {
        Ok(self.process.step()?.files[self.file].bytes.len() as u64)
    }

    fn sync(&self) -> Result<(), Error> {
        let mut state = self.process.step()?;
        let file = &mut state.files[self.file];
        file.synced = file.bytes.len();
        Ok(())
    }
}
