//! The notices, as they are kept: `user/{user}/{id}` holds the JSON that a list
//! answers, and the counter `user/{user}/count` gave out the id, which is the notice's
//! place among its user's.
//!
//! Which orders were noted is not remembered: that each is told of with effect once is
//! what the host promises. Whoever is told twice keeps two notices. A call that fails
//! between counting and writing leaves a gap, which readers skip.

use rest::{Bucket, Error, Page, Paging};
use serde::Serialize;

use crate::bindings::exports::shop::orders::events::Order;

static NOTICES: Bucket = Bucket::named("notices");

/// A notice, with the names that the fields have in JSON.
#[derive(Serialize)]
struct Notice {
    id: u64,
    user_id: u64,
    order_id: u64,
    text: String,
}

/// Keep a notice of this order for its user.
pub fn add(order: &Order) -> Result<(), Error> {
    let user_id = order.user_id;
    let id = NOTICES.next(&count_key(user_id))?;
    let text = format!("Your order of {} was taken", order.item);
    let notice = Notice { id, user_id, order_id: order.id, text };
    let json =
        serde_json::to_vec(&notice).map_err(|error| Error::internal("The notice could not be written", error))?;
    NOTICES.set(&key(user_id, id), &json)
}

/// A page of the user's notices, in the order they were kept.
pub fn page(user_id: u64, paging: Paging) -> Result<Page, Error> {
    let last = NOTICES.last(&count_key(user_id))?;
    paging.read(last, |ids| NOTICES.get_many(&ids.map(|id| key(user_id, id)).collect::<Vec<_>>()))
}

fn count_key(user_id: u64) -> String {
    format!("user/{user_id}/count")
}

fn key(user_id: u64, id: u64) -> String {
    format!("user/{user_id}/{id}")
}
