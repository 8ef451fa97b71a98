//! An order of an id: taken once, and there from then on, for those who read it as for
//! those who list its user's orders.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};

use super::{Events, Ids};
use crate::linearizable::{
    checker::{Event, Model},
    records::{Asked, Record},
};

/// An order, as one client after the other would find it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Order {
    is_taken: bool,
}

#[derive(Clone, Copy, Debug)]
pub enum Operation {
    Take,
    Find,
    Miss,
    /// Find it in its user's list.
    FindListed,
    MissListed,
}

impl Model for Order {
    type Operation = Operation;

    fn after(&self, operation: &Operation) -> Option<Order> {
        match (operation, self.is_taken) {
            (Operation::Take, false) => Some(Order { is_taken: true }),
            (Operation::Find | Operation::FindListed, true) | (Operation::Miss | Operation::MissListed, false) => {
                Some(*self)
            }
            _ => None,
        }
    }

    fn is_read(operation: &Operation) -> bool {
        !matches!(operation, Operation::Take)
    }
}

/// What the records say of each order.
pub fn events(records: &[Record], wrong: &mut Vec<String>) -> Events<Operation> {
    let sent = records.iter().filter_map(|record| match &record.asked {
        Asked::CreateOrder { user, item } => Some((item.as_str(), *user)),
        _ => None,
    });
    let sent: HashMap<&str, u64> = sent.collect();
    let shown: Vec<&Value> = records.iter().flat_map(told).collect();
    for order in &shown {
        let user = order["item"].as_str().and_then(|item| sent.get(item));
        if **order != json!({ "id": order["id"], "user_id": user, "item": order["item"] }) {
            wrong.push(format!("nobody sent {order}"));
        }
    }
    let named = shown.iter().filter_map(|order| Some((order["item"].as_str()?, order["id"].as_u64()?)));
    let ids = Ids::new(named, wrong);
    let of_user = |user: u64| sent.iter().filter(move |(_, of)| **of == user).filter_map(|(item, _)| ids.get(item));

    let mut events = Events::new();
    for record in records {
        let mut add = |id: u64, operation: Operation| {
            let event = Event { operation, begin: record.begin, end: record.end };
            events.entry(id).or_default().push(event);
        };
        match (&record.asked, record.status()) {
            (Asked::CreateOrder { item, .. }, Some(201) | None) => {
                if let Some(id) = ids.get(item) {
                    add(id, Operation::Take);
                }
            }
            (Asked::ReadOrder(id), Some(200)) if record.is_of(*id) => add(*id, Operation::Find),
            (Asked::ReadOrder(id), Some(404)) => add(*id, Operation::Miss),
            (Asked::ListOrders(user), Some(200)) => {
                let listed: Vec<u64> = told(record).iter().filter_map(|order| order["id"].as_u64()).collect();
                let found: BTreeSet<u64> = listed.iter().copied().collect();
                if found.len() != listed.len() || told(record).iter().any(|order| order["user_id"] != *user) {
                    wrong.push(format!("a list has an order twice, or another user's: {record:?}"));
                }
                for id in of_user(*user) {
                    add(id, if found.contains(&id) { Operation::FindListed } else { Operation::MissListed });
                }
            }
            (Asked::ReadOrder(_) | Asked::ListOrders(_), None) => {}
            (Asked::ReadOrder(_) | Asked::ListOrders(_), _) => {
                wrong.push(format!("no such answer was expected: {record:?}"));
            }
            // A refusal says something of the user alone.
            _ => {}
        }
    }
    events
}

/// The orders that a record shows.
fn told(record: &Record) -> Vec<&Value> {
    match (&record.asked, record.found()) {
        (Asked::CreateOrder { .. } | Asked::ReadOrder(_), Some(order)) => vec![order],
        (Asked::ListOrders(_), Some(orders)) => orders.as_array().into_iter().flatten().collect(),
        _ => Vec::new(),
    }
}
