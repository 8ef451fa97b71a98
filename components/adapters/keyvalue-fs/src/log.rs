//! A log: a file at whose end everybody appends, and which everybody reads from
//! its start. The order in it is the order in which things happened.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::Error;
use crate::disk::{File, LARGEST_READ};
use crate::frame;
use crate::record::{self, Kind};

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
pub struct Record<'a> {
    /// Whose it is.
    pub nonce: u64,
    /// Where it lies, from its first part to its last.
    pub place: Range<u64>,
    /// What it changes, as [`record::changes`] reads it.
    pub bytes: &'a [u8],
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
    pub fn read_on(&mut self, mut each: impl FnMut(Record<'_>)) -> Result<(), Error> {
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
            self.take(start + place.start as u64..start + place.end as u64, payload, &mut each);
        });
        self.end = start + read as u64;
        Ok(())
    }

    fn take(&mut self, place: Range<u64>, payload: &[u8], each: &mut impl FnMut(Record<'_>)) {
        let Some(part) = record::part(payload).filter(|_| !self.sealed) else { return };
        match part.kind {
            Kind::Seal => self.sealed = true,
            Kind::More => {
                let (_, bytes) = self.parts.entry(part.nonce).or_insert((place.start, Vec::new()));
                bytes.extend_from_slice(part.bytes);
            }
            Kind::Last => match self.parts.remove(&part.nonce) {
                None => each(Record { nonce: part.nonce, place, bytes: part.bytes }),
                Some((start, mut bytes)) => {
                    bytes.extend_from_slice(part.bytes);
                    each(Record { nonce: part.nonce, place: start..place.end, bytes: &bytes });
                }
            },
        }
    }
}
