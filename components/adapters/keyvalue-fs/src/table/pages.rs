//! What was read of a table, which never changes.

use std::collections::BTreeMap;

use crate::Error;
use crate::disk::{File, LARGEST_READ};

/// The bytes of a page. Reading more costs little beside asking at all.
const PAGE: u64 = 16 * 1024;

/// The most pages that are kept: 4 MiB.
const MOST: usize = 256;

/// A file that is read in pages.
#[derive(Debug)]
pub struct Pages<F> {
    file: F,
    kept: BTreeMap<u64, Vec<u8>>,
}

impl<F: File> Pages<F> {
    /// The pages of this file.
    pub fn new(file: F) -> Self {
        Self { file, kept: BTreeMap::new() }
    }

    /// These bytes of the file.
    pub fn bytes(&mut self, offset: u64, length: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::with_capacity(length as usize);
        if length > PAGE {
            self.fill(offset, length, &mut bytes)?;
            return Ok(bytes);
        }
        let (mut offset, end) = (offset, offset + length);
        while offset < end {
            let within = (offset % PAGE) as usize;
            let count = (end - offset).min(PAGE - within as u64) as usize;
            bytes.extend_from_slice(self.page(offset / PAGE)?.get(within..within + count).unwrap_or_default());
            offset += count as u64;
        }
        Ok(bytes)
    }

    fn page(&mut self, number: u64) -> Result<&[u8], Error> {
        if !self.kept.contains_key(&number) {
            if self.kept.len() == MOST {
                self.kept.clear();
            }
            let mut page = Vec::new();
            self.fill(number * PAGE, PAGE, &mut page)?;
            self.kept.insert(number, page);
        }
        Ok(&self.kept[&number])
    }

    /// As many of these bytes as there are.
    fn fill(&self, offset: u64, length: u64, bytes: &mut Vec<u8>) -> Result<(), Error> {
        while (bytes.len() as u64) < length {
            let missing = (length as usize - bytes.len()).min(LARGEST_READ);
            let more = self.file.read(offset + bytes.len() as u64, missing)?;
            if more.is_empty() {
                break;
            }
            bytes.extend_from_slice(&more);
        }
        Ok(())
    }
}
