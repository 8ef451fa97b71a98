//! Users and orders in maps behind a lock.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use anyhow::Result;

use super::kept::{Made, Order, SEEDS, User};

/// A shop that is gone with its process.
pub struct Memory {
    /// Held for one look or one change, never while JSON is written.
    tables: Mutex<Tables>,
}

struct Tables {
    users: HashMap<u64, String>,
    last_user: u64,
    orders: HashMap<u64, Order>,
    /// The ids of each user's orders, as they were taken.
    orders_of: HashMap<u64, Vec<u64>>,
    last_order: u64,
}

impl Memory {
    /// A shop with nobody in it but the first users.
    pub fn new() -> Memory {
        let users: HashMap<_, _> = (1..).zip(SEEDS.map(str::to_owned)).collect();
        let (last_user, orders, orders_of) = (users.len() as u64, HashMap::new(), HashMap::new());
        Memory { tables: Mutex::new(Tables { users, last_user, orders, orders_of, last_order: 0 }) }
    }

    /// The user's JSON.
    pub fn user(&self, id: u64) -> Result<Option<Vec<u8>>> {
        let name = self.tables().users.get(&id).cloned();
        name.map(|name| Ok(serde_json::to_vec(&User { id, name: &name })?)).transpose()
    }

    /// The order's JSON.
    pub fn order(&self, id: u64) -> Result<Option<Vec<u8>>> {
        let order = self.tables().orders.get(&id).cloned();
        order.map(|order| Ok(serde_json::to_vec(&order)?)).transpose()
    }

    /// Take a user in.
    pub fn create_user(&self, name: String) -> Result<Made> {
        let mut tables = self.tables();
        tables.last_user += 1;
        let id = tables.last_user;
        tables.users.insert(id, name.clone());
        drop(tables);
        Ok(Made { id, json: serde_json::to_vec(&User { id, name: &name })? })
    }

    /// Take an order: with its id, and among its user's.
    pub fn create_order(&self, user_id: u64, item: String) -> Result<Made> {
        let mut tables = self.tables();
        tables.last_order += 1;
        let order = Order { id: tables.last_order, user_id, item, position: None };
        tables.orders.insert(order.id, order.clone());
        tables.orders_of.entry(user_id).or_default().push(order.id);
        drop(tables);
        Ok(Made { id: order.id, json: serde_json::to_vec(&order)? })
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
