//! A table that is being written, in a file of its own until it is whole.

use super::{Entry, Foot, MARKED};
use crate::Error;
use crate::digest::digest;
use crate::disk::File;

/// How much is written at once.
const CHUNK: usize = 60 * 1024;

/// A table without its end.
#[derive(Debug)]
pub struct Draft<F> {
    file: F,
    /// What was not written yet.
    buffer: Vec<u8>,
    /// How much was put in so far.
    length: u64,
    index: Vec<(u64, u64)>,
    marks: Vec<(u64, u64)>,
}

impl<F: File> Draft<F> {
    /// A draft in this empty file.
    pub fn new(file: F) -> Self {
        Self { file, buffer: Vec::new(), length: 0, index: Vec::new(), marks: Vec::new() }
    }

    /// Put in the entry, whose number is above all others so far.
    pub fn push(&mut self, entry: &Entry) -> Result<(), Error> {
        if (self.index.len() as u64).is_multiple_of(MARKED) {
            self.marks.push((entry.number, self.length));
        }
        self.index.push((digest(entry.key.as_bytes()), self.length));
        self.put(&entry.number.to_le_bytes())?;
        self.put(&(entry.key.len() as u32).to_le_bytes())?;
        self.put(&(entry.value.len() as u32).to_le_bytes())?;
        self.put(entry.key.as_bytes())?;
        self.put(&entry.value)
    }

    /// Put in the rest, for a table whose last change has this number, and make it
    /// durable.
    pub fn finish(mut self, last: u64) -> Result<(), Error> {
        let count = self.index.len() as u64;
        let mut index = std::mem::take(&mut self.index);
        index.sort_unstable();
        let start = self.length;
        self.rows(&index)?;
        let foot = Foot { count, index: start, marks: self.length, last };
        let marks = std::mem::take(&mut self.marks);
        self.rows(&marks)?;
        self.put(&foot.write())?;
        self.write()?;
        self.file.sync()
    }

    fn rows(&mut self, rows: &[(u64, u64)]) -> Result<(), Error> {
        for (value, offset) in rows {
            self.put(&value.to_le_bytes())?;
            self.put(&offset.to_le_bytes())?;
        }
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.length += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() < CHUNK {
            return Ok(());
        }
        self.write()
    }

    fn write(&mut self) -> Result<(), Error> {
        for chunk in self.buffer.chunks(CHUNK) {
            self.file.append(chunk)?;
        }
        self.buffer.clear();
        Ok(())
    }
}
