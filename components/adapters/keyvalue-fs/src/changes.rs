//! What the logs change in the table behind them.

use std::collections::BTreeMap;

use crate::Error;
use crate::counter;
use crate::record::Change;

/// The changes since a table, by key.
#[derive(Debug, Default)]
pub struct Changes {
    /// The number of the last change. Each has the next one, whatever it does, so
    /// that everybody who reads the same logs gives the same numbers.
    last: u64,
    keys: BTreeMap<String, Vec<(u64, Step)>>,
}

/// A value, with the number of the change by which its key came to be: keys are
/// listed in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    pub number: u64,
    pub value: Vec<u8>,
}

/// A change to a key that is known.
#[derive(Debug)]
enum Step {
    Set(Vec<u8>),
    Delete,
    Add(u64),
}

/// What a key has while steps are taken. A counter that many add to is not
/// written out in between.
enum State {
    Value(Vec<u8>),
    Count(u64),
}

impl Changes {
    /// No changes, after a table whose last change has this number.
    pub fn after(last: u64) -> Self {
        Self { last, keys: BTreeMap::new() }
    }

    /// The number of the last change.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Take in the changes of a record, the latest so far.
    pub fn apply(&mut self, changes: Vec<Change>) {
        for change in changes {
            self.last += 1;
            let (key, step) = match change {
                Change::Set(key, value) => (key, Step::Set(value)),
                Change::Delete(key) => (key, Step::Delete),
                Change::Add(key, delta) => (key, Step::Add(delta)),
            };
            self.keys.entry(key).or_default().push((self.last, step));
        }
    }

    /// The keys that were changed.
    pub fn keys(&self) -> impl Iterator<Item = &String> {
        self.keys.keys()
    }

    /// Whether the key was changed.
    pub fn has(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    /// Whether the key's value is known without the table.
    pub fn settles(&self, key: &str) -> bool {
        self.steps(key).iter().any(|(_, step)| !matches!(step, Step::Add(_)))
    }

    /// What the key has after the changes, by what it has in the table.
    pub fn resolve(&self, key: &str, base: Option<Numbered>) -> Option<Numbered> {
        follow(self.steps(key), base)
    }

    /// What the addition of this number made of the counter, or why it did not.
    pub fn sum(&self, key: &str, base: Option<Numbered>, number: u64) -> Result<u64, Error> {
        let steps = self.steps(key);
        let at = steps.partition_point(|(earlier, _)| *earlier < number);
        let before = follow(&steps[..at], base);
        let delta = match steps.get(at) {
            Some((_, Step::Add(delta))) => *delta,
            _ => 0,
        };
        counter::add(key, before.as_ref().map(|numbered| &*numbered.value), delta)
    }

    fn steps(&self, key: &str) -> &[(u64, Step)] {
        self.keys.get(key).map_or(&[], Vec::as_slice)
    }
}

fn follow(steps: &[(u64, Step)], base: Option<Numbered>) -> Option<Numbered> {
    let mut now = base.map(|base| (base.number, State::Value(base.value)));
    for (number, step) in steps {
        now = match (now, step) {
            (now, Step::Set(value)) => Some((now.map_or(*number, |(first, _)| first), State::Value(value.clone()))),
            (_, Step::Delete) => None,
            (now, Step::Add(delta)) => add(now, *number, *delta),
        };
    }
    now.map(|(number, state)| Numbered { number, value: state.value() })
}

/// What cannot be added changes nothing; whoever tried is told by [`Changes::sum`].
fn add(now: Option<(u64, State)>, number: u64, delta: u64) -> Option<(u64, State)> {
    let (first, state) = now.unwrap_or((number, State::Count(0)));
    let count = match &state {
        State::Value(value) => counter::parse(value),
        State::Count(count) => Some(*count),
    };
    let sum = count.and_then(|count| count.checked_add(delta));
    Some((first, sum.map_or(state, State::Count)))
}

impl State {
    fn value(self) -> Vec<u8> {
        match self {
            State::Value(value) => value,
            State::Count(count) => count.to_string().into_bytes(),
        }
    }
}
