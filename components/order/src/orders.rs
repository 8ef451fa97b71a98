//! The orders, as they are kept, each of them twice:
//!
//! - `order/{id}` holds the order and its position among its user's orders; the
//!   counter `last` gave out the id.
//! - `user/{user}/{position}` holds the order's JSON as it is answered, so that
//!   a page of a user's orders is read in one call; the counter
//!   `user/{user}/count` gave out the position.
//!
//! Both are written in one step, so neither is ever there without the other. A
//! service that ends between counting and writing leaves a gap, which readers
//! skip; no number is given out twice.
//!
//! An order is announced after it was written, so that an announced one is there on a
//! host that writes at once, too. There one that ends in between is never announced; a
//! host whose calls are units of work keeps both or neither.

use std::borrow::Cow;

use rest::{Bucket, Error, IdempotencyKey, Page, Paging};
use serde::{Deserialize, Serialize};

use crate::bindings::shop::orders::events;

static ORDERS: Bucket = Bucket::named("orders");

/// The counter of ids given out.
const LAST: &str = "last";

/// An order, with the names that the fields have in JSON.
#[derive(Serialize, Deserialize)]
pub struct Order<'a> {
    pub id: u64,
    user_id: u64,
    #[serde(borrow)]
    item: Cow<'a, str>,
    /// The order's place among its user's orders, from 1. Kept under `order/`,
    /// and in no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    position: Option<u64>,
}

/// Take an order of a user who is admitted, once for a key; the answer is its JSON.
pub fn create(
    key: Option<IdempotencyKey>,
    user_id: u64,
    item: Cow<'_, str>,
    admit: impl FnOnce(u64) -> Result<(), Error>,
) -> Result<Vec<u8>, Error> {
    let is_same = |json: &[u8]| parse(json).is_ok_and(|order| order.user_id == user_id && order.item == item);
    rest::once(&ORDERS, key, is_same, |receipt| {
        admit(user_id)?;
        let id = ORDERS.next(LAST)?;
        let position = ORDERS.next(&count_key(user_id))?;
        let mut order = Order { id, user_id, item: Cow::Borrowed(&item), position: None };
        let answer = write(&order)?;
        order.position = Some(position);
        let mut entries = receipt.entries(&answer)?;
        entries.extend([(self::key(id), write(&order)?), (position_key(user_id, position), answer.clone())]);
        ORDERS.set_many(&entries)?;
        events::placed(&events::Order { id, user_id, item: item.to_string() });
        Ok(answer)
    })
}

/// The order's JSON; `None` if there is no such order.
pub fn get(id: u64) -> Result<Option<Vec<u8>>, Error> {
    let Some(kept) = ORDERS.get(&key(id))? else {
        return Ok(None);
    };
    let mut order = parse(&kept)?;
    order.position = None;
    write(&order).map(Some)
}

/// The place of this order among this user's; `None` if it is not one of them.
pub fn position(id: u64, user_id: u64) -> Result<Option<u64>, Error> {
    let Some(kept) = ORDERS.get(&key(id))? else {
        return Ok(None);
    };
    let order = parse(&kept)?;
    Ok(order.position.filter(|_| order.user_id == user_id))
}

/// A page of the user's orders, in the order they were taken. `paging.after` is
/// a position here.
pub fn page(user_id: u64, paging: Paging) -> Result<Page, Error> {
    let last = ORDERS.last(&count_key(user_id))?;
    paging.read(last, |positions| {
        let keys: Vec<String> = positions.map(|position| position_key(user_id, position)).collect();
        ORDERS.get_many(&keys)
    })
}

/// The order that is written in the JSON kept.
pub fn parse(json: &[u8]) -> Result<Order<'_>, Error> {
    serde_json::from_slice(json).map_err(|error| Error::internal("The order is unreadable", error))
}

fn write(order: &Order<'_>) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(order).map_err(|error| Error::internal("The order could not be written", error))
}

fn key(id: u64) -> String {
    format!("order/{id}")
}

fn count_key(user_id: u64) -> String {
    format!("user/{user_id}/count")
}

fn position_key(user_id: u64, position: u64) -> String {
    format!("user/{user_id}/{position}")
}
