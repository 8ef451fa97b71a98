//! Users and orders in SQLite, as the shop keeps them.

use std::sync::Arc;

use anyhow::{Context, Result};

use super::{
    kept::{Made, Order, SEEDS, User},
    outbox::{Outbox, Recipient},
    store::{Store, Writing},
};

/// A shop that outlives its process.
pub struct Durable {
    store: Arc<Store>,
    /// Where each order is announced, if it is.
    outbox: Option<Outbox>,
}

impl Durable {
    /// A shop with nobody in it but the first users, which announces its orders to somebody
    /// or not.
    pub async fn new(store: Store, to: Option<Recipient>) -> Result<Durable> {
        let store = Arc::new(store);
        let shop = Durable { outbox: to.map(|to| Outbox::deliver(store.clone(), to)), store };
        for name in SEEDS {
            shop.create_user(name.to_owned()).await?;
        }
        Ok(shop)
    }

    /// The user's JSON.
    pub fn user(&self, id: u64) -> Result<Option<Vec<u8>>> {
        self.store.get("users", &format!("user/{id}"))
    }

    /// The order's JSON.
    pub fn order(&self, id: u64) -> Result<Option<Vec<u8>>> {
        let Some(kept) = self.store.get("orders", &format!("order/{id}"))? else { return Ok(None) };
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
        self.store.write(create).await
    }

    /// Take an order: with its id, and among its user's.
    pub async fn create_order(&self, user_id: u64, item: String) -> Result<Made> {
        let announces = self.outbox.is_some();
        let create = move |writing: &Writing<'_>| {
            let id = writing.next("orders", "last")?;
            let position = writing.next("orders", &format!("user/{user_id}/count"))?;
            let mut order = Order { id, user_id, item, position: None };
            let json = serde_json::to_vec(&order)?;
            order.position = Some(position);
            writing.set("orders", &format!("order/{id}"), &serde_json::to_vec(&order)?)?;
            writing.set("orders", &format!("user/{user_id}/{position}"), &json)?;
            if announces {
                writing.announce(&json)?;
            }
            Ok(Made { id, json })
        };
        let made = self.store.write(create).await?;
        if let Some(outbox) = &self.outbox {
            outbox.look();
        }
        Ok(made)
    }
}
