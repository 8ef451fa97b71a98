//! Orders published by RabbitMQ, with confirms: all that was read is on its way before the
//! first confirm is waited for.

use std::{collections::BTreeMap, net::SocketAddr};

use amqprs::{
    Ack, BasicProperties, Cancel, CloseChannel, DELIVERY_MODE_PERSISTENT, Nack, Return,
    callbacks::ChannelCallback,
    channel::{BasicPublishArguments, Channel, ConfirmSelectArguments},
    connection::Connection,
    error::Error,
};
use anyhow::{Context, Result, bail};
use async_trait::async_trait;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::{kept::Order, placed::Placed};
use crate::rabbitmq;

/// The exchange that they go to, which is there.
pub const EXCHANGE: &str = "native.orders.events";

/// A connection that publishes. It is not made again: nobody takes the broker away.
pub struct Relay {
    channel: Channel,
    heard: UnboundedReceiver<Heard>,
    /// The number of the message that was published last, as the broker counts them.
    last: u64,
    // There as long as its channel.
    _connection: Connection,
}

/// What the broker says.
enum Heard {
    /// What has become of the message of this number, or of all up to it.
    Settled { number: u64, multiple: bool, is_kept: bool },
    /// No queue takes a message.
    Returned,
}

/// Hands on what it hears, to who may not listen any more.
struct Ear(UnboundedSender<Heard>);

impl Relay {
    /// Connect.
    pub async fn connect(broker: SocketAddr) -> Result<Relay> {
        let connection = rabbitmq::connect(broker).await?;
        let channel = connection.open_channel(None).await?;
        let (ear, heard) = mpsc::unbounded_channel();
        channel.register_callback(Ear(ear)).await?;
        channel.confirm_select(ConfirmSelectArguments::new(false)).await?;
        Ok(Relay { channel, heard, last: 0, _connection: connection })
    }

    /// Publish messages, wait until the broker has settled all of them, and say which it
    /// keeps, by their numbers here.
    pub async fn publish(&mut self, messages: &[(i64, Vec<u8>)]) -> Result<Vec<i64>> {
        let mut unsettled = BTreeMap::new();
        for (number, message) in messages {
            self.send(message).await?;
            unsettled.insert(self.last, *number);
        }
        let mut kept = Vec::with_capacity(messages.len());
        while !unsettled.is_empty() {
            match self.heard.recv().await.context("the connection to the broker was lost")? {
                Heard::Settled { number, multiple, is_kept } => {
                    let first = if multiple { 0 } else { number };
                    let settled = unsettled.extract_if(first..=number, |_, _| true).map(|(_, message)| message);
                    kept.extend(settled.filter(|_| is_kept));
                }
                Heard::Returned => bail!("no queue is bound to the exchange {EXCHANGE}"),
            }
        }
        Ok(kept)
    }

    async fn send(&mut self, message: &[u8]) -> Result<()> {
        let order: Order = serde_json::from_slice(message).context("the message is unreadable")?;
        let placed = Placed::new(&order);
        let mut properties = BasicProperties::default();
        properties.with_content_type("application/cloudevents+json").with_message_id(&placed.id);
        properties.with_delivery_mode(DELIVERY_MODE_PERSISTENT);
        let routing_key = format!("placed.{}", placed.partitionkey);
        let arguments = BasicPublishArguments::new(EXCHANGE, &routing_key).mandatory(true).finish();
        self.channel.basic_publish(properties, serde_json::to_vec(&placed)?, arguments).await?;
        self.last += 1;
        Ok(())
    }
}

impl Ear {
    fn hear(&self, heard: Heard) {
        let _ = self.0.send(heard);
    }
}

#[async_trait]
impl ChannelCallback for Ear {
    async fn close(&mut self, _: &Channel, close: CloseChannel) -> Result<(), Error> {
        eprintln!("the broker has closed the channel: {}", close.reply_text());
        Ok(())
    }

    async fn cancel(&mut self, _: &Channel, _: Cancel) -> Result<(), Error> {
        Ok(())
    }

    async fn flow(&mut self, _: &Channel, active: bool) -> Result<bool, Error> {
        Ok(active)
    }

    async fn publish_ack(&mut self, _: &Channel, ack: Ack) {
        self.hear(Heard::Settled { number: ack.delivery_tag(), multiple: ack.mutiple(), is_kept: true });
    }

    async fn publish_nack(&mut self, _: &Channel, nack: Nack) {
        self.hear(Heard::Settled { number: nack.delivery_tag(), multiple: nack.multiple(), is_kept: false });
    }

    async fn publish_return(&mut self, _: &Channel, _: Return, _: BasicProperties, _: Vec<u8>) {
        self.hear(Heard::Returned);
    }
}
