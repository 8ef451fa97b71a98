//! A user of an id: there or not, with orders or without. Who has none may be deleted,
//! and who was deleted takes none; an id is given out once.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{Events, Ids};
use crate::linearizable::{
    checker::{Event, Model},
    records::{Asked, Record},
};

/// A user, as one client after the other would find them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum User {
    NotYet,
    Present,
    /// For good.
    WithOrders,
    Deleted,
}

#[derive(Clone, Copy, Debug)]
pub enum Operation {
    Create,
    Find,
    Miss,
    Delete,
    /// For the orders that there are.
    KeepFromDeletion,
    Order,
}

impl User {
    /// Two are in every store.
    pub fn at_first(id: u64) -> User {
        if id <= 2 { User::Present } else { User::NotYet }
    }
}

impl Model for User {
    type Operation = Operation;

    fn after(&self, operation: &Operation) -> Option<User> {
        match (operation, self) {
            (Operation::Create, User::NotYet) => Some(User::Present),
            (Operation::Find, User::Present | User::WithOrders) => Some(*self),
            (Operation::Miss, User::NotYet | User::Deleted) => Some(*self),
            (Operation::Delete, User::Present) => Some(User::Deleted),
            (Operation::KeepFromDeletion, User::WithOrders) => Some(*self),
            (Operation::Order, User::Present | User::WithOrders) => Some(User::WithOrders),
            _ => None,
        }
    }

    fn is_read(operation: &Operation) -> bool {
        matches!(operation, Operation::Find | Operation::Miss | Operation::KeepFromDeletion)
    }
}

/// What the records say of each user.
pub fn events(records: &[Record], wrong: &mut Vec<String>) -> Events<Operation> {
    let sent = records.iter().filter_map(|record| match &record.asked {
        Asked::CreateUser { name } => Some(name.as_str()),
        _ => None,
    });
    let sent: HashSet<&str> = sent.chain(["Alice", "Bob"]).collect();
    let shown: Vec<&Value> = records.iter().filter_map(told).collect();
    for user in &shown {
        let name = user["name"].as_str().and_then(|name| sent.get(name));
        if **user != json!({ "id": user["id"], "name": name }) {
            wrong.push(format!("nobody sent {user}"));
        }
    }
    let named = shown.iter().filter_map(|user| Some((user["name"].as_str()?, user["id"].as_u64()?)));
    let ids = Ids::new(named, wrong);
    let (mut events, mut nameless) = (Events::new(), Vec::new());
    for record in records {
        let (id, operation) = match (&record.asked, record.status()) {
            (Asked::CreateUser { name }, Some(201) | None) => (ids.get(name), Operation::Create),
            (Asked::ReadUser(id), Some(200)) if record.is_of(*id) => (Some(*id), Operation::Find),
            (Asked::ReadUser(id) | Asked::DeleteUser(id), Some(404)) => (Some(*id), Operation::Miss),
            (Asked::DeleteUser(id), Some(204) | None) => (Some(*id), Operation::Delete),
            (Asked::DeleteUser(id), Some(409)) if record.says("User has orders") => {
                (Some(*id), Operation::KeepFromDeletion)
            }
            // It met an order, or another deletion, and did nothing.
            (Asked::DeleteUser(_), Some(409)) | (Asked::ReadUser(_), None) => continue,
            (Asked::CreateOrder { user, .. }, Some(201) | None) => (Some(*user), Operation::Order),
            (Asked::CreateOrder { user, .. }, Some(400)) if record.says("User does not exist") => {
                (Some(*user), Operation::Miss)
            }
            (Asked::ReadOrder(_) | Asked::ListOrders(_), _) => continue,
            _ => {
                wrong.push(format!("no such answer was expected: {record:?}"));
                continue;
            }
        };
        let event = Event { operation, begin: record.begin, end: record.end };
        match id {
            Some(id) => events.entry(id).or_default().push(event),
            None => nameless.push(event),
        }
    }
    // Who was deleted before anybody read their name may be one that was not answered.
    let is_created = |event: &Event<Operation>| matches!(event.operation, Operation::Create);
    for of_one in events.values_mut().filter(|of_one| !of_one.iter().any(is_created)) {
        of_one.extend(nameless.iter().cloned());
    }
    events
}

/// The user that a record shows.
fn told(record: &Record) -> Option<&Value> {
    match record.asked {
        Asked::CreateUser { .. } | Asked::ReadUser(_) => record.found(),
        _ => None,
    }
}
