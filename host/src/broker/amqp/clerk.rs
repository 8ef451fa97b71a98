//! Who publishes over a connection.

use amqprs::{
    BasicProperties, DELIVERY_MODE_PERSISTENT,
    channel::{BasicPublishArguments, ConfirmSelectArguments},
};
use bytes::Bytes;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::{
    heard::Heard,
    ledger::{Answer, Ledger},
    wire::{LOST, PATIENCE, Wire},
};
use crate::{
    broker::{Address, BrokerError},
    manifest::Transport,
};

/// What a message is.
const CONTENT_TYPE: &str = "application/cloudevents+json";

/// A message to be published.
pub struct Posted {
    pub id: String,
    pub routing_key: String,
    pub document: Bytes,
    pub answer: oneshot::Sender<Answer>,
}

/// A task that publishes, until the connection is lost or nobody is left who could have
/// anything published. It alone does over its channel, so that its numbers are the broker's.
pub struct Clerk {
    wire: Wire,
    exchange: String,
    letters: mpsc::Receiver<Vec<Posted>>,
    ledger: Ledger,
}

impl Clerk {
    /// Connect, and begin. What is sent by the answer is published.
    pub async fn start(transport: &Transport, address: &Address) -> Result<mpsc::Sender<Vec<Posted>>, BrokerError> {
        let mut wire = Wire::open(transport, address).await?;
        let confirms = timeout(PATIENCE, wire.channel.confirm_select(ConfirmSelectArguments::new(false)));
        match confirms.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(wire.failed("confirm messages", error)),
            Err(late) => return Err(wire.failed("confirm messages", late)),
        }
        let (sender, letters) = mpsc::channel(1);
        tokio::spawn(Clerk { wire, exchange: address.to_string(), letters, ledger: Ledger::default() }.run());
        Ok(sender)
    }

    async fn run(mut self) {
        let why = loop {
            tokio::select! {
                heard = self.wire.heard.recv() => match heard {
                    Some(Heard::Returned(id)) => self.ledger.returned(&id),
                    Some(Heard::Settled { number, multiple, is_kept }) => self.ledger.settled(number, multiple, is_kept),
                    Some(Heard::Closed(why)) => break why.into(),
                    None => break LOST.into(),
                },
                posted = self.letters.recv(), if self.ledger.has_room() => match posted {
                    Some(posted) => if !self.publish_all(posted).await {
                        break "it reads nothing".into();
                    },
                    None => return,
                }
            }
        };
        self.ledger.close(&why);
    }

    /// Publish these, unless the broker does not read any more; whether it does.
    async fn publish_all(&mut self, posted: Vec<Posted>) -> bool {
        for posted in posted {
            if !self.publish(posted).await {
                return false;
            }
        }
        true
    }

    /// Publish it, if somebody waits for it; whether the broker reads.
    async fn publish(&mut self, posted: Posted) -> bool {
        let Posted { id, routing_key, document, answer } = posted;
        if answer.is_closed() || !self.ledger.enter(id.clone(), answer) {
            return true;
        }
        let mut properties = BasicProperties::default();
        properties.with_content_type(CONTENT_TYPE).with_message_id(&id).with_delivery_mode(DELIVERY_MODE_PERSISTENT);
        let arguments = BasicPublishArguments::new(&self.exchange, &routing_key).mandatory(true).finish();
        // If the connection was lost, that is heard, after what was said before.
        timeout(PATIENCE, self.wire.channel.basic_publish(properties, document.to_vec(), arguments)).await.is_ok()
    }
}
