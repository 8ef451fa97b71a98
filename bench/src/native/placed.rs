//! An order as others are told of it: a CloudEvent, with what the host's have in it.

use serde::Serialize;

use super::kept::Order;

/// The document.
#[derive(Serialize)]
pub struct Placed<'a> {
    specversion: &'static str,
    /// The same each time that it is sent.
    pub id: String,
    source: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    datacontenttype: &'static str,
    dataschema: &'static str,
    pub partitionkey: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    order: Told<'a>,
}

#[derive(Serialize)]
struct Told<'a> {
    id: u64,
    #[serde(rename = "user-id")]
    user_id: u64,
    item: &'a str,
}

impl Placed<'_> {
    /// That of an order.
    pub fn new(order: &Order) -> Placed<'_> {
        let Order { id, user_id, item, .. } = order;
        Placed {
            specversion: "1.0",
            id: format!("00000000-0000-4000-8000-{id:012}"),
            source: "/shop/order",
            kind: "shop:orders/events@0.1.0#placed",
            datacontenttype: "application/json",
            dataschema: "https://shop.example/orders/events/placed.json",
            partitionkey: user_id.to_string(),
            data: Data { order: Told { id: *id, user_id: *user_id, item } },
        }
    }
}
