//! What is recorded of all services, and the rules by which it changes.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashSet},
    io,
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::{Entry, How, error::HistoryError};

/// The form of what [`Ledger::write`] writes.
const VERSION: u64 = 2;

/// How many revisions before the live one are kept, and how many rollbacks in a
/// row they make possible.
const BEFORE: usize = 3;

/// How many services are remembered that the manifest no longer has.
const ABSENT: usize = 16;

/// The highest revision that is believed, which every reader of JSON can hold.
const HIGHEST: u64 = 1 << 53;

/// What is recorded of all services.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    version: u64,
    services: BTreeMap<String, Line>,
}

/// What is recorded of one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The digest of the manifest's file when this was recorded.
    pub file: String,
    /// Newest first; the first is live. Never empty.
    pub entries: Vec<Entry>,
    /// The revisions that rollbacks lead to, one after another. Each has another
    /// component than the one it comes after.
    back: Vec<u64>,
    /// When this was changed last, counted in changes of all services: clocks are set.
    changed: u64,
}

impl Ledger {
    /// Reads what [`Ledger::write`] wrote; `path` is where it was.
    pub fn read(path: &Path, bytes: &[u8]) -> Result<Ledger, HistoryError> {
        /// All that is sure of a later form.
        #[derive(Deserialize)]
        struct Form {
            version: u64,
        }
        let damaged = |reason| HistoryError::Damaged { path: path.to_owned(), reason };
        let unreadable = |error: serde_json::Error| damaged(error.to_string());
        let Form { version: found } = serde_json::from_slice(bytes).map_err(unreadable)?;
        if found != VERSION {
            return Err(HistoryError::OtherVersion { path: path.to_owned(), found, known: VERSION });
        }
        let ledger: Ledger = serde_json::from_slice(bytes).map_err(unreadable)?;
        for (service, line) in &ledger.services {
            line.check().map_err(|reason| damaged(format!("service {service:?} has {reason}")))?;
        }
        Ok(ledger)
    }

    /// The bytes to keep. People may read them too.
    pub fn write(&self) -> io::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// What is recorded of a service.
    pub fn line(&self, service: &str) -> Option<&Line> {
        self.services.get(service)
    }

    /// The services, and the digests of what is live of them.
    pub fn live(&self) -> impl Iterator<Item = (&str, &str)> {
        self.services.iter().map(|(service, line)| (service.as_str(), line.live().digest.as_str()))
    }

    /// The components that entries have.
    pub fn components(&self) -> HashSet<&str> {
        self.services.values().flat_map(|line| &line.entries).map(|entry| entry.digest.as_str()).collect()
    }

    /// Makes an entry the live one, under the next revision. If its component is
    /// live already, the live entry stays.
    pub fn record(&mut self, service: &str, mut entry: Entry, file: &str) -> Entry {
        let changed = self.services.values().map(|line| line.changed).max().unwrap_or_default() + 1;
        let Some(line) = self.services.get_mut(service) else {
            entry.revision = 1;
            let line = Line { file: file.to_owned(), entries: vec![entry.clone()], back: Vec::new(), changed };
            self.services.insert(service.to_owned(), line);
            return entry;
        };
        file.clone_into(&mut line.file);
        if line.live().digest != entry.digest {
            entry.revision = line.live().revision + 1;
            line.changed = changed;
            line.push(entry);
        }
        line.live().clone()
    }

    /// Forgets what is too much of the services that are not among these.
    pub fn retain(&mut self, services: &BTreeSet<String>) {
        let absent = self.services.iter().filter(|(service, _)| !services.contains(*service));
        let mut absent: Vec<_> = absent.map(|(service, line)| (Reverse(line.changed), service.clone())).collect();
        absent.sort();
        for (_, service) in absent.into_iter().skip(ABSENT) {
            self.services.remove(&service);
        }
    }
}

impl Line {
    /// What is live.
    pub fn live(&self) -> &Entry {
        &self.entries[0]
    }

    /// Where a rollback goes.
    pub fn before_live(&self) -> Option<&Entry> {
        self.back.first().and_then(|revision| self.entry(*revision))
    }

    fn entry(&self, revision: u64) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.revision == revision)
    }

    /// Puts an entry before all others.
    fn push(&mut self, entry: Entry) {
        let same = |revision: &u64| self.entry(*revision).is_some_and(|it| it.digest == entry.digest);
        match self.back.iter().position(same) {
            // The next rollback goes on from where this one came out.
            Some(place) if entry.how == How::Rollback => drop(self.back.drain(..=place)),
            _ => self.back.insert(0, self.live().revision),
        }
        self.back.truncate(BEFORE);
        self.entries.insert(0, entry);
        let mut place = 0;
        self.entries.retain(|entry| {
            place += 1;
            place <= 1 + BEFORE || self.back.contains(&entry.revision)
        });
    }

    /// What no host writes.
    fn check(&self) -> Result<(), String> {
        if self.changed >= HIGHEST {
            return Err(format!("the change {}, which cannot be", self.changed));
        }
        let revisions: Vec<_> = self.entries.iter().map(|entry| entry.revision).collect();
        if revisions.is_empty() {
            return Err("no entries".into());
        }
        if !revisions.is_sorted_by(|newer, older| newer > older) {
            return Err("revisions that are not newest first".into());
        }
        if let Some(revision) = revisions.iter().find(|revision| !(1..HIGHEST).contains(*revision)) {
            return Err(format!("the revision {revision}, which cannot be"));
        }
        if let Some(entry) = self.entries.iter().find(|entry| !is_digest(&entry.digest)) {
            return Err(format!("the digest {:?}, which is no SHA-256", entry.digest));
        }
        if let Some(revision) = self.back.iter().find(|revision| self.entry(**revision).is_none()) {
            return Err(format!("a way back to revision {revision}, of which there is no entry"));
        }
        if !self.back.is_sorted_by(|newer, older| newer > older) || self.back.first() >= revisions.first() {
            return Err("a way back that does not lead back".into());
        }
        Ok(())
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Ledger { version: VERSION, services: BTreeMap::new() }
    }
}

/// Whether this is how a digest is written.
pub fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
