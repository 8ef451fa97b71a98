//! What the logs change in the table behind them.
//!
//! A new instance reads all of it to answer one question, so it is kept as it was
//! read: the keys and values in one run of bytes, and a row for each change that
//! says where in it they are, and which change of the same key came before.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

use crate::Error;
use crate::counter;
use crate::digest::digest;
use crate::record::{self, Change, Step};

/// The changes since a table.
#[derive(Debug, Default)]
pub struct Changes {
    /// The number of the last change before these. Each has the next one, whatever
    /// it does, so that everybody who reads the same logs gives the same numbers.
    before: u64,
    bytes: Vec<u8>,
    rows: Vec<Row>,
    /// The latest row of each digest of a key.
    latest: HashMap<u64, usize, BuildHasherDefault<Digested>>,
}

/// A value, with the number of the change by which its key came to be: keys are
/// listed in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    pub number: u64,
    pub value: Vec<u8>,
}

/// A change: where its key and its value are, and the row before with a key of the
/// same digest.
#[derive(Debug)]
struct Row {
    key: Range<usize>,
    does: Does,
    earlier: Option<usize>,
}

#[derive(Debug)]
enum Does {
    Set(Range<usize>),
    Delete,
    Add(u64),
}

/// What a key has while changes are followed. A counter that many add to is not
/// written out in between.
enum State<'a> {
    Value(&'a [u8]),
    Count(u64),
}

impl Changes {
    /// No changes, after a table whose last change has this number.
    pub fn after(before: u64) -> Self {
        Self { before, ..Self::default() }
    }

    /// The number of the last change.
    pub fn last(&self) -> u64 {
        self.before + self.rows.len() as u64
    }

    /// Take in the changes of a record, the latest so far.
    pub fn apply(&mut self, record: &[u8]) {
        record::changes(record).for_each(|change| self.push(change));
    }

    /// The keys that were changed, each once.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let latest = |(row, key): &(usize, &str)| self.rows_of(key).next() == Some(*row);
        let keys = self.rows.iter().map(|row| str::from_utf8(&self.bytes[row.key.clone()]).unwrap_or_default());
        keys.enumerate().filter(latest).map(|(_, key)| key)
    }

    /// Whether the key was changed.
    pub fn has(&self, key: &str) -> bool {
        self.rows_of(key).next().is_some()
    }

    /// Whether the key's value is known without the table.
    pub fn settles(&self, key: &str) -> bool {
        self.rows_of(key).any(|row| !matches!(self.rows[row].does, Does::Add(_)))
    }

    /// What the key has after the changes, by what it has in the table.
    pub fn resolve(&self, key: &str, base: Option<Numbered>) -> Option<Numbered> {
        self.follow(key, base, self.last())
    }

    /// What the addition of this number made of the counter, or why it did not.
    pub fn sum(&self, key: &str, base: Option<Numbered>, number: u64) -> Result<u64, Error> {
        let before = self.follow(key, base, number - 1);
        let delta = match self.rows[(number - self.before - 1) as usize].does {
            Does::Add(delta) => delta,
            Does::Set(_) | Does::Delete => 0,
        };
        counter::add(key, before.as_ref().map(|numbered| &*numbered.value), delta)
    }

    /// What the key has after the change of this number.
    fn follow(&self, key: &str, base: Option<Numbered>, until: u64) -> Option<Numbered> {
        let mut now = base.as_ref().map(|base| (base.number, State::Value(&base.value)));
        let mut rows: Vec<usize> = self.rows_of(key).collect();
        rows.reverse();
        for row in rows {
            let number = self.before + 1 + row as u64;
            if number > until {
                break;
            }
            let first = now.as_ref().map_or(number, |(first, _)| *first);
            now = match &self.rows[row].does {
                Does::Set(value) => Some((first, State::Value(&self.bytes[value.clone()]))),
                Does::Delete => None,
                Does::Add(delta) => Some((first, add(now.map(|(_, state)| state), *delta))),
            };
        }
        now.map(|(number, state)| Numbered { number, value: state.value() })
    }

    /// The rows of the key, the latest first.
    fn rows_of(&self, key: &str) -> impl Iterator<Item = usize> {
        let latest = self.latest.get(&digest(key.as_bytes())).copied();
        let rows = std::iter::successors(latest, |row| self.rows[*row].earlier);
        rows.filter(move |row| &self.bytes[self.rows[*row].key.clone()] == key.as_bytes())
    }

    fn push(&mut self, change: Change<'_>) {
        let key = self.keep(change.key.as_bytes());
        let does = match change.step {
            Step::Set(value) => Does::Set(self.keep(value)),
            Step::Delete => Does::Delete,
            Step::Add(delta) => Does::Add(delta),
        };
        let earlier = self.latest.insert(digest(change.key.as_bytes()), self.rows.len());
        self.rows.push(Row { key, does, earlier });
    }

    fn keep(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }
}

/// What cannot be added changes nothing; whoever tried is told by [`Changes::sum`].
fn add(state: Option<State<'_>>, delta: u64) -> State<'_> {
    let state = state.unwrap_or(State::Count(0));
    let count = match state {
        State::Value(value) => counter::parse(value),
        State::Count(count) => Some(count),
    };
    count.and_then(|count| count.checked_add(delta)).map_or(state, State::Count)
}

impl State<'_> {
    fn value(self) -> Vec<u8> {
        match self {
            State::Value(value) => value.to_vec(),
            State::Count(count) => count.to_string().into_bytes(),
        }
    }
}

/// A digest is as good a hash as any.
#[derive(Default)]
struct Digested(u64);

impl Hasher for Digested {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = digest(bytes);
    }

    fn write_u64(&mut self, digest: u64) {
        self.0 = digest;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
