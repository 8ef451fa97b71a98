//! What is a fault of a history, and what is not.

use http::StatusCode;
use serde_json::{Value, json};

use super::faults;
use crate::linearizable::{
    checker::End,
    records::{Asked, Record},
};

fn at(begin: u64, end: u64, asked: Asked, status: u16, body: Value) -> Record {
    let status = StatusCode::from_u16(status).expect("a status");
    Record { asked, begin, end: End::Answered(end), answer: Some((status, body)) }
}

fn pen(id: u64) -> Value {
    json!({ "id": id, "user_id": 1, "item": format!("Pen {id}") })
}

fn take(begin: u64, end: u64, id: u64) -> Record {
    at(begin, end, Asked::CreateOrder { user: 1, item: format!("Pen {id}") }, 201, pen(id))
}

fn list(begin: u64, end: u64, ids: &[u64]) -> Record {
    at(begin, end, Asked::ListOrders(1), 200, ids.iter().map(|id| pen(*id)).collect())
}

#[test]
fn lists_may_differ_on_which_of_two_orders_came_first() {
    // One list read the counter, then the other saw the second order, then the first
    // was written and the one list saw that.
    let records = [take(1, 10, 1), list(2, 11, &[1]), take(3, 4, 2), list(5, 6, &[2]), list(12, 13, &[1, 2])];
    assert_eq!(faults(&records), [""; 0]);
}

#[test]
fn lists_tell_the_truth_of_each_order() {
    for (what, records) in [
        ("an answered order is missing", vec![take(1, 2, 1), list(3, 4, &[])]),
        ("what was listed is missing", vec![take(1, 6, 1), list(2, 3, &[1]), list(4, 5, &[])]),
        ("an order is listed before it is sent", vec![list(1, 2, &[1]), take(3, 4, 1)]),
        ("an order is listed twice", vec![take(1, 2, 1), list(3, 4, &[1, 1])]),
        (
            "what is listed cannot be read",
            vec![take(1, 6, 1), list(2, 3, &[1]), at(4, 5, Asked::ReadOrder(1), 404, Value::Null)],
        ),
        (
            "another order has the id",
            vec![take(1, 2, 1), at(3, 4, Asked::ReadOrder(1), 200, json!({ "id": 1, "user_id": 2, "item": "Pen 1" }))],
        ),
    ] {
        assert_eq!(faults(&records).len(), 1, "{what}");
    }
}

#[test]
fn users_are_created_once_and_deleted_once() {
    let create = |begin, end, id: u64, name: &str| {
        let sent = Asked::CreateUser { name: name.to_owned() };
        at(begin, end, sent, 201, json!({ "id": id, "name": name }))
    };
    let delete = |begin, end, status| at(begin, end, Asked::DeleteUser(3), status, Value::Null);
    let order = Asked::CreateOrder { user: 3, item: "Pen 1".to_owned() };
    let ordered = at(5, 6, order, 201, json!({ "id": 1, "user_id": 3, "item": "Pen 1" }));
    for (what, wrong, records) in [
        ("one deletion of two", false, vec![create(1, 2, 3, "Carol"), delete(3, 5, 204), delete(4, 6, 404)]),
        ("two deletions", true, vec![create(1, 2, 3, "Carol"), delete(3, 5, 204), delete(4, 6, 204)]),
        ("an id given out twice", true, vec![create(1, 2, 3, "Carol"), create(3, 4, 3, "Dave")]),
        ("also after a deletion", true, vec![create(1, 2, 3, "Carol"), delete(3, 4, 204), create(5, 6, 3, "Dave")]),
        ("an order, then a deletion", true, vec![create(1, 2, 3, "Carol"), ordered.clone(), delete(7, 8, 204)]),
        ("a deletion, then an order", true, vec![create(1, 2, 3, "Carol"), delete(3, 4, 204), ordered]),
    ] {
        assert_eq!(!faults(&records).is_empty(), wrong, "{what}");
    }
}
