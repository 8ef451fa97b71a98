//! A log: a file at whose end everybody appends, and which everybody reads from
//! its start. The order in it is the order in which things happened.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::Error;
use crate::disk::{File, LARGEST_READ};
use crate::frame;
use crate::record::{self, Change, Kind};

/// A log, and how far it was read.
#[derive(Debug)]
pub struct Log<F> {
    file: F,
    /// Up to where it was read.
    end: u64,
    /// The records whose last part was not read yet, each with where it starts.
    parts: BTreeMap<u64, (u64, Vec<u8>)>,
    sealed: bool,
}

/// A record that counts.
#[derive(Debug)]
pub struct Record {
    /// Whose it is.
    pub nonce: u64,
    /// Where it lies, from its first part to its last.
    pub place: Range<u64>,
    /// What it changes, all of it or, before it counts, nothing.
    pub changes: Vec<Change>,
}

impl<F: File> Log<F> {
    /// The log in this file, not read yet.
    pub fn new(file: F) -> Self {
        Self { file, end: 0, parts: BTreeMap::new(), sealed: false }
    }

    /// The file.
    pub fn file(&self) -> &F {
        &self.file
    }

    /// The file, to keep for later.
    pub fn into_file(self) -> F {
        self.file
    }

    /// Whether nothing was in it when it was read.
    pub fn is_empty(&self) -> bool {
        self.end == 0
    }

    /// Whether nothing that is appended counts any more.
    pub fn is_sealed(&self) -> bool {
        self.sealed
    }

    /// Read what was not read before, and call `each` with each record.
    pub fn read_on(&mut self, mut each: impl FnMut(Record)) -> Result<(), Error> {
        if self.sealed {
            return Ok(());
        }
        let mut bytes = Vec::new();
        loop {
            let more = self.file.read(self.end + bytes.len() as u64, LARGEST_READ)?;
            if more.is_empty() {
                break;
            }
            bytes.extend_from_slice(&more);
        }
        let start = self.end;
        let read = frame::read(&bytes, |place, payload| {
            if let Some(record) = self.take(start + place.start as u64..start + place.end as u64, &payload) {
                each(record);
            }
        });
        self.end = start + read as u64;
        Ok(())
    }

    fn take(&mut self, place: Range<u64>, payload: &[u8]) -> Option<Record> {
        let part = record::part(payload).filter(|_| !self.sealed)?;
        match part.kind {
            Kind::Seal => {
                self.sealed = true;
                None
            }
            Kind::More => {
                let (_, bytes) = self.parts.entry(part.nonce).or_insert((place.start, Vec::new()));
                bytes.extend_from_slice(part.bytes);
                None
            }
            Kind::Last => {
                let (start, mut bytes) = self.parts.remove(&part.nonce).unwrap_or((place.start, Vec::new()));
                bytes.extend_from_slice(part.bytes);
                let changes = record::read(&bytes)?;
                Some(Record { nonce: part.nonce, place: start..place.end, changes })
            }
        }
    }
}
