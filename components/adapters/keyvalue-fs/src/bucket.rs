//! A bucket, and what one call does to it.
//!
//! A write is appended to the log and made durable, and its writer then reads
//! the log up to it: the order of the records is the order of the writes, which
//! tells what became of each. So nobody waits for a lock, and nobody who is ended
//! in the middle holds one.

use crate::Error;
use crate::bounds;
use crate::counter;
use crate::disk::Folder;
use crate::merge::merge;
use crate::record::{self, Change, Step};
use crate::view::{Found, View};

/// The most keys that one page of a listing holds.
pub const KEYS_PER_PAGE: usize = 1000;

/// How long a log gets before it is merged: that much is read by every instance
/// that is new.
pub const LONGEST_LOG: u64 = 64 * 1024;

/// A log gets no shorter than such a part of its table, all of which is written
/// again when the two are merged.
const PART_OF_TABLE: u64 = 64;

/// How often to write a record again that did not count. Every one but the first
/// takes a log that was sealed, or a write that was torn.
const MOST_ATTEMPTS: usize = 100;

/// A key and its value.
pub type Entry = (String, Vec<u8>);

/// An open bucket.
#[derive(Debug)]
pub struct Bucket<D: Folder> {
    folder: D,
    /// What is known of it; opened by the first call that needs it.
    view: Option<View<D::File>>,
    longest_log: u64,
}

/// A record that counts and is durable, and the view that was read up to it.
struct Written<F> {
    view: View<F>,
    found: Found,
}

/// A part of a bucket's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The keys, in the order in which they were first set.
    pub keys: Vec<String>,
    /// Where the next page starts; none if this is the last one.
    pub cursor: Option<u64>,
}

impl<D: Folder> Bucket<D> {
    /// The bucket in this folder, whose logs are merged at this length, unless its
    /// table is large.
    pub fn new(folder: D, longest_log: u64) -> Self {
        Self { folder, view: None, longest_log }
    }

    /// What is under the key.
    pub fn get(&mut self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        bounds::key(key)?;
        Ok(self.now()?.get(key)?.map(|found| found.value))
    }

    /// What is under each of the keys, at one moment.
    pub fn get_many(&mut self, keys: Vec<String>) -> Result<Vec<Option<Entry>>, Error> {
        bounds::keys(&keys)?;
        let view = self.now()?;
        let mut bytes = 0;
        let get = |key: String| {
            let Some(found) = view.get(&key)? else { return Ok(None) };
            bytes += key.len() + found.value.len();
            bounds::bytes(bytes)?;
            Ok(Some((key, found.value)))
        };
        keys.into_iter().map(get).collect()
    }

    /// Put each value under its key, all of them or none.
    pub fn set_many(&mut self, entries: &[Entry]) -> Result<(), Error> {
        bounds::entries(entries)?;
        let changes = entries.iter().map(|(key, value)| Change { key, step: Step::Set(value) });
        self.write(&changes.collect::<Vec<_>>())
    }

    /// Leave nothing under the keys, all of them or none.
    pub fn delete_many(&mut self, keys: &[String]) -> Result<(), Error> {
        bounds::keys(keys)?;
        let changes = keys.iter().map(|key| Change { key, step: Step::Delete });
        self.write(&changes.collect::<Vec<_>>())
    }

    /// Add to the counter at the key; a `delta` of 0 only reads.
    pub fn increment(&mut self, key: &str, delta: u64) -> Result<u64, Error> {
        bounds::key(key)?;
        if delta == 0 {
            let stored = self.now()?.get(key)?;
            return counter::add(key, stored.as_ref().map(|found| &*found.value), 0);
        }
        let mut written = self.append(&[Change { key, step: Step::Add(delta) }])?;
        let sum = written.view.sum(key, written.found.first);
        self.settle(written);
        sum
    }

    /// The next page of keys after the one that ended with `cursor`.
    pub fn list_keys(&mut self, cursor: Option<u64>) -> Result<Page, Error> {
        let mut listed = self.now()?.list(cursor.unwrap_or(0), KEYS_PER_PAGE + 1)?;
        let more = listed.len() > KEYS_PER_PAGE;
        listed.truncate(KEYS_PER_PAGE);
        let cursor = listed.last().filter(|_| more).map(|(number, _)| *number);
        Ok(Page { keys: listed.into_iter().map(|(_, key)| key).collect(), cursor })
    }

    fn write(&mut self, changes: &[Change<'_>]) -> Result<(), Error> {
        if changes.is_empty() {
            return Ok(());
        }
        let written = self.append(changes)?;
        self.settle(written);
        Ok(())
    }

    /// The view with all that was acknowledged before.
    fn now(&mut self) -> Result<&mut View<D::File>, Error> {
        let known = match self.view.take() {
            Some(mut known) => known.read_on()?.then_some(known),
            None => None,
        };
        let view = match known {
            Some(known) => known,
            None => View::open(&self.folder)?,
        };
        Ok(self.view.insert(view))
    }

    /// Append a record, until it counts and is durable. What fails takes the view
    /// with it: a file that refused once is closed to further appends.
    fn append(&mut self, changes: &[Change<'_>]) -> Result<Written<D::File>, Error> {
        for _ in 0..MOST_ATTEMPTS {
            // A part of an attempt that was torn must not become one of the next.
            let nonce = self.folder.nonce();
            let frames = record::frames(nonce, changes.iter().copied());
            let mut view = match self.view.take() {
                Some(view) => view,
                None => View::open(&self.folder)?,
            };
            view.append(&self.folder, &frames)?;
            if let Some(found) = view.find_own(nonce)? {
                view.sync()?;
                return Ok(Written { view, found });
            }
            self.view = Some(view).filter(|view| !view.is_sealed());
        }
        Err(Error::Busy)
    }

    /// Merge, if it is the turn of whoever wrote this record: it is the one that
    /// made the log so long. If its instance is ended before it is done, the turn
    /// comes again when the log is twice as long.
    ///
    /// The record itself is written, whatever happens here.
    fn settle(&mut self, Written { view, found }: Written<D::File>) {
        let longest = self.longest_log.max(view.table_length() / PART_OF_TABLE);
        if found.place.start / longest != found.place.end / longest {
            // What fails here is tried again when the next turn comes.
            let _ = self.seal_and_merge();
        } else {
            self.view = Some(view);
        }
    }

    fn seal_and_merge(&self) -> Result<(), Error> {
        let mut view = View::open(&self.folder)?;
        if !view.has_sealed() {
            view.append(&self.folder, &[record::seal(self.folder.nonce())])?;
            view = View::open(&self.folder)?;
        }
        if let Some((number, mut table, log)) = view.mergeable() {
            merge(&self.folder, number, table.as_mut(), log)?;
        }
        Ok(())
    }
}
