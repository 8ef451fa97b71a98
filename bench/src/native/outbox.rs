//! What became of orders, told by an outbox as it is usually made: an order puts a message
//! into a table by its own transaction; a worker reads many at a time, has them where they
//! go, and takes them out of the table by one transaction.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use tokio::{sync::Notify, time::sleep};

use super::{
    notice,
    relay::Relay,
    store::{Store, Writing},
};

/// The most messages of one transaction, as many as the most orders.
const BATCH: usize = 1024;

/// How long the worker rests when the store or the broker has failed.
const UNWELL: Duration = Duration::from_secs(1);

/// Has orders announced.
pub struct Outbox(Arc<Notify>);

/// Where messages go.
pub enum Recipient {
    /// A notice of each is kept here, by the transaction that takes it out of the table: it
    /// has its effect once.
    Notices,
    /// A broker's queue.
    Broker(Relay),
}

impl Outbox {
    /// Begin to deliver what comes into this store's.
    pub fn deliver(store: Arc<Store>, to: Recipient) -> Outbox {
        let written = Arc::new(Notify::new());
        tokio::spawn(run(store, to, written.clone()));
        Outbox(written)
    }

    /// Say that something came.
    pub fn look(&self) {
        self.0.notify_one();
    }
}

async fn run(store: Arc<Store>, mut to: Recipient, written: Arc<Notify>) {
    loop {
        match deliver(&store, &mut to).await {
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
async fn deliver(store: &Store, to: &mut Recipient) -> Result<usize> {
    let messages = store.messages(BATCH)?;
    let count = messages.len();
    if count == 0 {
        return Ok(0);
    }
    match to {
        Recipient::Notices => {
            let keep = move |writing: &Writing<'_>| {
                messages.iter().try_for_each(|(number, message)| {
                    notice::keep(writing, message)?;
                    writing.forget(*number)
                })
            };
            store.write(keep).await?;
        }
        Recipient::Broker(relay) => {
            let kept = relay.publish(&messages).await?;
            store.write(move |writing| kept.iter().try_for_each(|number| writing.forget(*number))).await?;
        }
    }
    Ok(count)
}
