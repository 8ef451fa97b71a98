//! Whether what several clients did at once could have been done by one after the other.
//!
//! The search of Wing and Gong, as Lowe has it: the operations are put one after the
//! other in every way that their times allow, and no combination of those that are
//! placed and what the key then holds is looked at twice. It is our own because the
//! crates for it bring a model checker with a web server along, or take no operation
//! without an answer, and look at combinations again and again.

use std::{collections::HashSet, hash::Hash};

/// What a key holds, as one client after the other would find it.
pub trait Model: Clone + Eq + Hash {
    /// What is done to it, and what came of that.
    type Operation;

    /// What it holds after the operation; none if that cannot have come of it.
    fn after(&self, operation: &Self::Operation) -> Option<Self>;

    /// Whether it changes nothing, whatever is there.
    fn is_read(operation: &Self::Operation) -> bool;
}

/// An operation, and when it was. No two moments of a history are the same.
#[derive(Clone, Debug)]
pub struct Event<O> {
    pub operation: O,
    /// Before it was asked for.
    pub begin: u64,
    pub end: End,
}

/// When an operation was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was done before this moment.
    Answered(u64),
    /// It was done before this moment, or never.
    Lost(u64),
    /// It was done at any time, or never.
    Open,
}

impl<O> Event<O> {
    fn is_answered(&self) -> bool {
        matches!(self.end, End::Answered(_))
    }

    fn last_moment(&self) -> u64 {
        match self.end {
            End::Answered(end) | End::Lost(end) => end,
            End::Open => u64::MAX,
        }
    }
}

/// Whether there is an order of these events, of one key, in which each could have come
/// to what it did, and each that was over before another began comes before it.
pub fn is_linearizable<M: Model>(initial: M, events: &[Event<M::Operation>]) -> bool {
    let first = Placed::default();
    let mut known = HashSet::from([(initial.clone(), first.clone())]);
    let mut open = vec![(initial, first)];
    while let Some((state, placed)) = open.pop() {
        if events.iter().enumerate().all(|(index, event)| placed.has(index) || !event.is_answered()) {
            return true;
        }
        for next in steps(&state, &placed, events) {
            if known.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    false
}

/// The events that are placed, a bit for each.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
struct Placed(Vec<u64>);

impl Placed {
    fn has(&self, index: usize) -> bool {
        self.0.get(index / 64).is_some_and(|word| word & (1 << (index % 64)) != 0)
    }

    fn and(&self, index: usize) -> Placed {
        let mut words = self.0.clone();
        words.resize(words.len().max(index / 64 + 1), 0);
        words[index / 64] |= 1 << (index % 64);
        Placed(words)
    }
}

/// Where one more event leads to: each that may come next.
fn steps<M: Model>(state: &M, placed: &Placed, events: &[Event<M::Operation>]) -> Vec<(M, Placed)> {
    let left = || events.iter().enumerate().filter(|(index, _)| !placed.has(*index));
    let here = events.iter().enumerate().filter(|(index, _)| placed.has(*index));
    let latest_begin = here.map(|(_, event)| event.begin).max().unwrap_or(0);
    // Nothing that began later may come before the first that has to be over.
    let first_end = left().filter(|(_, event)| event.is_answered()).map(|(_, event)| event.last_moment()).min();
    let may_be_next = |event: &Event<M::Operation>| {
        first_end.is_none_or(|end| event.begin < end) && event.last_moment() > latest_begin
    };
    let first_lost = left().filter(|(_, event)| !event.is_answered() && may_be_next(event));
    let first_lost = first_lost.map(|(_, event)| event.last_moment()).min().unwrap_or(u64::MAX);
    let mut steps = Vec::new();
    for (index, event) in left().filter(|(_, event)| may_be_next(event)) {
        let Some(after) = state.after(&event.operation) else { continue };
        // What may have been done has its effect when it has one, or never.
        if after == *state && !event.is_answered() {
            continue;
        }
        let step = (after, placed.and(index));
        // A read that is right now can as well come now as later, unless something that
        // may have been done would have to be before it.
        if M::is_read(&event.operation) && event.begin < first_lost {
            return vec![step];
        }
        steps.push(step);
    }
    steps
}

#[cfg(test)]
mod tests;
