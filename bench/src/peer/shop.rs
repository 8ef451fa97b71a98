//! Users and orders, as the shop keeps them.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::store::{Store, Writing};

/// Whom every new store holds.
const SEEDS: [&str; 2] = ["Alice", "Bob"];

/// The users and the orders.
pub struct Shop(Store);

/// What was made: its id, and what is answered.
pub struct Made {
    pub id: u64,
    pub json: Vec<u8>,
}

#[derive(Serialize)]
struct User<'a> {
    id: u64,
    name: &'a str,
}

#[derive(Serialize, Deserialize)]
struct Order {
    id: u64,
    user_id: u64,
    item: String,
    /// Its place among its user's orders, which is not answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    position: Option<u64>,
}

impl Shop {
    /// A shop with nobody in it but the first users.
    pub async fn new(store: Store) -> Result<Shop> {
        let shop = Shop(store);
        for name in SEEDS {
            shop.create_user(name.to_owned()).await?;
        }
        Ok(shop)
    }

    /// The user's JSON.
    pub fn user(&self, id: u64) -> Result<Option<Vec<u8>>> {
        self.0.get("users", &format!("user/{id}"))
    }

    /// The order's JSON.
    pub fn order(&self, id: u64) -> Result<Option<Vec<u8>>> {
        let Some(kept) = self.0.get("orders", &format!("order/{id}"))? else { return Ok(None) };
        let order: Order = serde_json::from_slice(&kept).context("the order is unreadable")?;
        Ok(Some(serde_json::to_vec(&Order { position: None, ..order })?))
    }

    /// Take a user in.
    pub async fn create_user(&self, name: String) -> Result<Made> {
        let create = move |writing: &Writing<'_>| {
            let id = writing.next("users", "last")?;
            let json = serde_json::to_vec(&User { id, name: &name })?;
            writing.set("users", &format!("user/{id}"), &json)?;
            Ok(Made { id, json })
        };
        self.0.write(create).await
    }

    /// Take an order: with its id, and among its user's.
    pub async fn create_order(&self, user_id: u64, item: String) -> Result<Made> {
        let create = move |writing: &Writing<'_>| {
            let id = writing.next("orders", "last")?;
            let position = writing.next("orders", &format!("user/{user_id}/count"))?;
            let mut order = Order { id, user_id, item, position: None };
            let json = serde_json::to_vec(&order)?;
            order.position = Some(position);
            writing.set("orders", &format!("order/{id}"), &serde_json::to_vec(&order)?)?;
            writing.set("orders", &format!("user/{user_id}/{position}"), &json)?;
            Ok(Made { id, json })
        };
        self.0.write(create).await
    }
}
