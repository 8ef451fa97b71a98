//! The notice of an order, as the notice service of the shop keeps it.

use anyhow::{Context, Result};
use serde::Serialize;

use super::{kept::Order, store::Writing};

#[derive(Serialize)]
struct Notice {
    id: u64,
    user_id: u64,
    order_id: u64,
    text: String,
}

/// Keep one of the order that this message tells of.
pub fn keep(writing: &Writing<'_>, message: &[u8]) -> Result<()> {
    let Order { id: order_id, user_id, item, .. } =
        serde_json::from_slice(message).context("the message is unreadable")?;
    let id = writing.next("notices", &format!("user/{user_id}/count"))?;
    let notice = Notice { id, user_id, order_id, text: format!("Your order of {item} was taken") };
    writing.set("notices", &format!("user/{user_id}/{id}"), &serde_json::to_vec(&notice)?)
}
