//! A table: all that is in a bucket after its first logs, in a file that never
//! changes.
//!
//! ```text
//! entries   number, length of key, length of value, key, value; by number
//! index     digest of key, where its entry is; by digest
//! marks     number, where its entry is; of every 256th entry
//! foot      how many of each, and the number of the last change
//! ```
//!
//! A key is found by its digest in the index, a place in the listing by the
//! marks. All numbers are written with the lowest byte first.

mod draft;
mod pages;

pub use draft::Draft;

use crate::Error;
use crate::changes::Numbered;
use crate::digest::digest;
use crate::disk::File;
use pages::Pages;

/// What the last bytes of a table say before its counts: the format.
const MAGIC: u64 = u64::from_le_bytes(*b"dovekv\x00\x01");

/// The bytes of an entry before its key.
const HEAD: u64 = 8 + 4 + 4;
/// The bytes of a row of the index or the marks.
const ROW: u64 = 8 + 8;
/// The bytes of the foot: five numbers and their digest.
const FOOT: u64 = 6 * 8;
/// How many entries a mark is for.
const MARKED: u64 = 256;

/// A table that can be read.
#[derive(Debug)]
pub struct Table<F> {
    name: String,
    pages: Pages<F>,
    foot: Foot,
    length: u64,
}

/// The key and value of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub number: u64,
    pub key: String,
    pub value: Vec<u8>,
}

/// What a table says of itself.
#[derive(Clone, Copy, Debug)]
struct Foot {
    /// How many entries it has.
    count: u64,
    /// Where the entries end and the index begins.
    index: u64,
    /// Where the index ends and the marks begin.
    marks: u64,
    /// The number of the last change.
    last: u64,
}

impl<F: File> Table<F> {
    /// The table in this file, which is named in errors.
    pub fn open(file: F, name: &str) -> Result<Self, Error> {
        let length = file.length()?;
        let mut pages = Pages::new(file);
        let foot = match length.checked_sub(FOOT) {
            Some(start) => Foot::read(&pages.bytes(start, FOOT)?),
            None => None,
        };
        let whole = foot.filter(|foot| foot.marks.checked_add(foot.marks_length() + FOOT) == Some(length));
        match whole {
            Some(foot) => Ok(Self { name: name.to_owned(), pages, foot, length }),
            None => Err(Error::Damaged { file: name.to_owned() }),
        }
    }

    /// The number of the last change that is in it.
    pub fn last(&self) -> u64 {
        self.foot.last
    }

    /// How many bytes it has.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// What the key has.
    pub fn find(&mut self, key: &str) -> Result<Option<Numbered>, Error> {
        let sought = digest(key.as_bytes());
        let mut row = self.first_row(sought)?;
        while row < self.foot.count {
            let (digest, offset) = self.row(self.foot.index, row)?;
            if digest != sought {
                break;
            }
            let (number, found, value) = self.parts(offset)?;
            if found == key.len() as u64 && self.pages.bytes(offset + HEAD, found)? == key.as_bytes() {
                let value = self.pages.bytes(offset + HEAD + found, value)?;
                return Ok(Some(Numbered { number, value }));
            }
            row += 1;
        }
        Ok(None)
    }

    /// Where the first entry with a number above this one is.
    pub fn after(&mut self, number: u64) -> Result<u64, Error> {
        let (mut low, mut high) = (0, self.foot.marks_length() / ROW);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.row(self.foot.marks, middle)?.0 <= number {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        let mut offset = match low.checked_sub(1) {
            Some(before) => self.row(self.foot.marks, before)?.1,
            None => 0,
        };
        while offset < self.foot.index {
            let (at, key, value) = self.parts(offset)?;
            if at > number {
                break;
            }
            offset += HEAD + key + value;
        }
        Ok(offset)
    }

    /// The entry here, and where the next one is; `None` behind the last one.
    pub fn entry(&mut self, offset: u64) -> Result<Option<(Entry, u64)>, Error> {
        if offset >= self.foot.index {
            return Ok(None);
        }
        let (number, key, value) = self.parts(offset)?;
        let mut text = self.pages.bytes(offset + HEAD, key + value)?;
        let value = text.split_off(key as usize);
        let key = String::from_utf8(text).unwrap_or_default();
        let next = offset + HEAD + key.len() as u64 + value.len() as u64;
        Ok(Some((Entry { number, key, value }, next)))
    }

    /// The number of an entry, and the lengths of its key and its value.
    fn parts(&mut self, offset: u64) -> Result<(u64, u64, u64), Error> {
        let head = self.pages.bytes(offset, HEAD)?;
        let [number, lengths] = words(&head);
        let (key, value) = (lengths & u64::from(u32::MAX), lengths >> 32);
        if offset.saturating_add(HEAD + key + value) > self.foot.index {
            return Err(Error::Damaged { file: self.name.clone() });
        }
        Ok((number, key, value))
    }

    /// The first row of the index that has this digest or a higher one.
    ///
    /// Digests are spread evenly, so where one must be is guessed from its height
    /// between those around it; every other step halves what is left, so that keys
    /// made to crowd cost no more than twice the steps of halving alone.
    fn first_row(&mut self, sought: u64) -> Result<u64, Error> {
        let (mut low, mut high) = (0, self.foot.count);
        let (mut lowest, mut highest) = (0, u64::MAX);
        let mut guess = true;
        while low < high {
            let rows = high - low;
            let share = (u128::from(sought - lowest) * u128::from(rows)) / (u128::from(highest - lowest) + 1);
            let middle = low + if guess { share as u64 } else { rows / 2 };
            let (digest, _) = self.row(self.foot.index, middle)?;
            match digest < sought {
                true => (low, lowest) = (middle + 1, digest),
                false => (high, highest) = (middle, digest),
            }
            guess = !guess;
        }
        Ok(low)
    }

    fn row(&mut self, start: u64, row: u64) -> Result<(u64, u64), Error> {
        let bytes = self.pages.bytes(start + row * ROW, ROW)?;
        let [value, offset] = words(&bytes);
        Ok((value, offset))
    }
}

impl Foot {
    fn read(bytes: &[u8]) -> Option<Self> {
        let [magic, count, index, marks, last, expected] = words(bytes);
        let whole = magic == MAGIC && digest(bytes.get(..40)?) == expected;
        let consistent = index.checked_add(count.checked_mul(ROW)?) == Some(marks);
        (whole && consistent).then_some(Self { count, index, marks, last })
    }

    fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in [MAGIC, self.count, self.index, self.marks, self.last] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        let digest = digest(&bytes);
        bytes.extend_from_slice(&digest.to_le_bytes());
        bytes
    }

    fn marks_length(&self) -> u64 {
        self.count.div_ceil(MARKED) * ROW
    }
}

/// The numbers in these bytes; 0 for those that are missing.
fn words<const COUNT: usize>(bytes: &[u8]) -> [u64; COUNT] {
    let (found, _) = bytes.as_chunks::<8>();
    std::array::from_fn(|index| found.get(index).map_or(0, |word| u64::from_le_bytes(*word)))
}
