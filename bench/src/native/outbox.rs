//! Notices of orders, by an outbox as it is usually made: an order puts a message into a
//! table by its own transaction; a worker reads many at a time, and keeps their notices and
//! takes them out of the table by one transaction, so that each has its effect once.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use serde::Serialize;
use tokio::{sync::Notify, time::sleep};

use super::{
    kept::Order,
    store::{Store, Writing},
};

/// The most messages of one transaction, as many as the most orders.
const BATCH: usize = 1024;

/// How long the worker rests when the store has failed.
const UNWELL: Duration = Duration::from_secs(1);

/// Has orders announced.
pub struct Outbox(Arc<Notify>);

/// As the notice service of the shop keeps it.
#[derive(Serialize)]
struct Notice {
    id: u64,
    user_id: u64,
    order_id: u64,
    text: String,
}

impl Outbox {
    /// Begin to deliver what comes into this store's.
    pub fn deliver(store: Arc<Store>) -> Outbox {
        let written = Arc::new(Notify::new());
        tokio::spawn(run(store, written.clone()));
        Outbox(written)
    }

    /// Say that something came.
    pub fn look(&self) {
        self.0.notify_one();
    }
}

async fn run(store: Arc<Store>, written: Arc<Notify>) {
    loop {
        match deliver(&store).await {
            Ok(0) => written.notified().await,
            Ok(_) => {}
            Err(error) => {
                eprintln!("orders are not announced: {error:#}");
                sleep(UNWELL).await;
            }
        }
    }
}

/// Deliver what is there, and say how many that were.
async fn deliver(store: &Store) -> Result<usize> {
    let messages = store.messages(BATCH)?;
    if messages.is_empty() {
        return Ok(0);
    }
    let deliver = move |writing: &Writing<'_>| {
        for (number, message) in &messages {
            keep(writing, message)?;
            writing.forget(*number)?;
        }
        Ok(messages.len())
    };
    store.write(deliver).await
}

fn keep(writing: &Writing<'_>, message: &[u8]) -> Result<()> {
    let Order { id: order_id, user_id, item, .. } =
        serde_json::from_slice(message).context("the message is unreadable")?;
    let id = writing.next("notices", &format!("user/{user_id}/count"))?;
    let notice = Notice { id, user_id, order_id, text: format!("Your order of {item} was taken") };
    writing.set("notices", &format!("user/{user_id}/{id}"), &serde_json::to_vec(&notice)?)
}
