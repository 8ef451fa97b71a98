//! The keys that records are about: a user of an id, and an order of an id.
//!
//! A user's list as a whole is no key. Its counter is read first and its entries then,
//! so that of two orders taken at once a list may have one that another list lacks, and
//! the other way round. Of each order alone a list tells the truth, as a read of that
//! order would: whoever was answered finds it there, and what was seen once is seen by
//! all that ask from then on.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Debug,
};

use super::{
    checker::{Event, Model, is_linearizable},
    records::Record,
};

pub mod order;
pub mod user;

/// The events of each key.
type Events<O> = BTreeMap<u64, Vec<Event<O>>>;

/// What is wrong with a history: keys whose events no order explains, and answers that
/// nothing that was sent explains.
pub fn faults(records: &[Record]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (id, events) in user::events(records, &mut wrong) {
        wrong.extend(fault(&format!("user {id}"), user::User::at_first(id), events));
    }
    for (id, events) in order::events(records, &mut wrong) {
        wrong.extend(fault(&format!("order {id}"), order::Order::default(), events));
    }
    wrong
}

fn fault<M: Model>(key: &str, initial: M, mut events: Vec<Event<M::Operation>>) -> Option<String>
where
    M::Operation: Debug,
{
    if is_linearizable(initial, &events) {
        return None;
    }
    events.sort_by_key(|event| event.begin);
    let lines = events.iter().map(|event| format!("\n  {:?} from {} to {:?}", event.operation, event.begin, event.end));
    Some(format!("no order of these explains what was seen of {key}:{}", lines.collect::<String>()))
}

/// Which id each thing got, by its text. No text is sent twice, so that what was not
/// answered is known again where somebody reads it.
struct Ids<'a>(HashMap<&'a str, u64>);

impl<'a> Ids<'a> {
    fn new(told: impl Iterator<Item = (&'a str, u64)>, wrong: &mut Vec<String>) -> Ids<'a> {
        let mut ids = HashMap::new();
        for (text, id) in told {
            let first = *ids.entry(text).or_insert(id);
            if first != id {
                wrong.push(format!("{text:?} was sent once, and is {first} and {id}"));
            }
        }
        Ids(ids)
    }

    /// None if nobody was told of it.
    fn get(&self, text: &str) -> Option<u64> {
        self.0.get(text).copied()
    }
}

#[cfg(test)]
mod tests;
