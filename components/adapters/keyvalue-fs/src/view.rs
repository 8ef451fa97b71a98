//! A view of a bucket: its newest table, and what the logs behind it change.
//!
//! A table holds all logs up to its number, whose files are removed once it is
//! durable. So a log that was opened is one that counts if, afterwards, there is
//! still no newer table. It is then read through this opening alone: whoever
//! opened it long ago may find its seal, but never another file of its name.

use crate::Error;
use crate::changes::{Changes, Numbered};
use crate::disk::{File, Folder};
use crate::log::{Log, Record};
use crate::names;
use crate::table::Table;

/// How often to look again when others change the folder meanwhile. A merge takes
/// much longer than a look.
const MOST_LOOKS: usize = 100;

/// What was read of a bucket. It stays true when others write; [`View::read_on`]
/// brings it up to date.
#[derive(Debug)]
pub struct View<F> {
    /// The number of the table; 0 if there is none.
    base: u64,
    table: Option<Table<F>>,
    /// The logs behind the table that are sealed.
    sealed: Vec<F>,
    /// The log that is written to.
    log: Log<F>,
    changes: Changes,
}

/// A record of this writer's own, found in the log.
#[derive(Debug)]
pub struct Found {
    /// The number of its first change.
    pub first: u64,
    /// Where it starts and ends in its log.
    pub place: std::ops::Range<u64>,
}

impl<F: File> View<F> {
    /// The bucket as it is now.
    pub fn open<D: Folder<File = F>>(folder: &D) -> Result<Self, Error> {
        for _ in 0..MOST_LOOKS {
            let base = names::newest_table(&folder.names()?);
            let name = names::table(base);
            let table = match base {
                0 => None,
                _ => match folder.open(&name)? {
                    Some(file) => Some(Table::open(file, &name)?),
                    None => continue,
                },
            };
            let view = Self::behind(folder, base, table)?;
            if names::newest_table(&folder.names()?) == base {
                return Ok(view);
            }
        }
        Err(Error::Busy)
    }

    fn behind<D: Folder<File = F>>(folder: &D, base: u64, table: Option<Table<F>>) -> Result<Self, Error> {
        let mut changes = Changes::after(table.as_ref().map_or(0, Table::last));
        let mut sealed = Vec::new();
        loop {
            let number = base + 1 + sealed.len() as u64;
            let mut log = Log::new(folder.create(&names::log(number))?);
            log.read_on(|record| changes.apply(record.bytes))?;
            if !log.is_sealed() {
                return Ok(Self { base, table, sealed, log, changes });
            }
            sealed.push(log.into_file());
        }
    }

    /// Take in what was written since. False if the log was sealed: the view is to
    /// be opened again.
    pub fn read_on(&mut self) -> Result<bool, Error> {
        self.find(None)?;
        Ok(!self.log.is_sealed())
    }

    /// Append these frames. Where they start a log, the seal that sent them there
    /// is made durable before them, and so are the names.
    pub fn append<D: Folder<File = F>>(&self, folder: &D, frames: &[Vec<u8>]) -> Result<(), Error> {
        if self.log.is_empty() {
            self.sealed.last().map_or(Ok(()), F::sync)?;
            folder.sync()?;
        }
        frames.iter().try_for_each(|frame| self.log.file().append(frame))
    }

    /// Take in what was written since, up to which this record must be. `None` if
    /// it does not count: the log is sealed, or the record was torn.
    pub fn find_own(&mut self, nonce: u64) -> Result<Option<Found>, Error> {
        self.find(Some(nonce))
    }

    /// Whether nothing counts any more that is appended here.
    pub fn is_sealed(&self) -> bool {
        self.log.is_sealed()
    }

    /// Make what was read of the log durable.
    pub fn sync(&self) -> Result<(), Error> {
        self.log.file().sync()
    }

    /// What the key has.
    pub fn get(&mut self, key: &str) -> Result<Option<Numbered>, Error> {
        let base = self.base_of(key, self.changes.settles(key))?;
        Ok(self.changes.resolve(key, base))
    }

    /// What the addition of this number made of the counter, or why it did not.
    pub fn sum(&mut self, key: &str, number: u64) -> Result<u64, Error> {
        let base = self.base_of(key, false)?;
        self.changes.sum(key, base, number)
    }

    /// Whether a log behind the table is sealed, so that the two can be merged.
    pub fn has_sealed(&self) -> bool {
        !self.sealed.is_empty()
    }

    /// The table and the first log behind it, if that is sealed: what can be
    /// merged, and the number of the table it makes.
    pub fn mergeable(self) -> Option<(u64, Option<Table<F>>, Log<F>)> {
        let log = self.sealed.into_iter().next()?;
        Some((self.base + 1, self.table, Log::new(log)))
    }

    /// How many bytes the table has.
    pub fn table_length(&self) -> u64 {
        self.table.as_ref().map_or(0, Table::length)
    }

    /// Up to `most` keys with their numbers, by number, of those above `after`.
    pub fn list(&mut self, after: u64, most: usize) -> Result<Vec<(u64, String)>, Error> {
        let mut listed = Vec::new();
        let mut offset = match &mut self.table {
            Some(table) => table.after(after)?,
            None => 0,
        };
        while listed.len() < most {
            let Some(table) = &mut self.table else { break };
            let Some((entry, next)) = table.entry(offset)? else { break };
            offset = next;
            let base = Numbered { number: entry.number, value: entry.value };
            let now = self.changes.resolve(&entry.key, Some(base));
            if now.is_some_and(|now| now.number == entry.number) {
                listed.push((entry.number, entry.key));
            }
        }
        if listed.len() < most {
            let mut new = self.new_keys(after)?;
            new.sort_unstable();
            new.truncate(most - listed.len());
            listed.extend(new);
        }
        Ok(listed)
    }

    /// The keys that came to be since the table, with numbers above `after`.
    fn new_keys(&mut self, after: u64) -> Result<Vec<(u64, String)>, Error> {
        let last = self.table.as_ref().map_or(0, Table::last).max(after);
        let mut new = Vec::new();
        for key in self.changes.keys() {
            let base = match &mut self.table {
                Some(table) => table.find(key)?,
                None => None,
            };
            match self.changes.resolve(key, base) {
                Some(now) if now.number > last => new.push((now.number, key.to_owned())),
                _ => {}
            }
        }
        Ok(new)
    }

    fn find(&mut self, nonce: Option<u64>) -> Result<Option<Found>, Error> {
        let (changes, mut found) = (&mut self.changes, None);
        self.log.read_on(|Record { nonce: of, place, bytes }| {
            if nonce == Some(of) {
                found = Some(Found { first: changes.last() + 1, place });
            }
            changes.apply(bytes);
        })?;
        Ok(found)
    }

    /// What the table has for the key, unless it makes no difference.
    fn base_of(&mut self, key: &str, settled: bool) -> Result<Option<Numbered>, Error> {
        match &mut self.table {
            Some(table) if !settled => table.find(key),
            _ => Ok(None),
        }
    }
}
