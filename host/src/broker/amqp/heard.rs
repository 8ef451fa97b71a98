//! What RabbitMQ says without having been asked.

use amqprs::callbacks::{ChannelCallback, ConnectionCallback};
use amqprs::channel::Channel;
use amqprs::connection::Connection;
use amqprs::error::Error;
use amqprs::{Ack, BasicProperties, Cancel, Close, CloseChannel, Nack, Return};
use async_trait::async_trait;
use tokio::sync::mpsc::UnboundedSender;

/// What was heard.
#[derive(Debug)]
pub enum Heard {
    /// What has become of the message of this number, or of all up to it.
    Settled {
        /// Its number on the channel, from 1.
        number: u64,
        /// Whether those before it are meant, too.
        multiple: bool,
        /// Whether the broker keeps it.
        is_kept: bool,
    },
    /// No queue has the message of this id. That it is settled is heard after this.
    Returned(String),
    /// The channel, or its connection, is closed, for this reason.
    Closed(String),
}

/// Hands on what it hears. All is over when the last one of a connection is gone.
#[derive(Clone)]
pub struct Ear(pub UnboundedSender<Heard>);

impl Ear {
    /// Who does not listen any more need not hear it.
    fn hear(&self, heard: Heard) {
        let _ = self.0.send(heard);
    }
}

#[async_trait]
impl ConnectionCallback for Ear {
    async fn close(&mut self, _: &Connection, close: Close) -> Result<(), Error> {
        self.hear(Heard::Closed(close.reply_text().clone()));
        Ok(())
    }

    async fn blocked(&mut self, _: &Connection, _: String) {}

    async fn unblocked(&mut self, _: &Connection) {}

    async fn secret_updated(&mut self, _: &Connection) {}
}

#[async_trait]
impl ChannelCallback for Ear {
    async fn close(&mut self, _: &Channel, close: CloseChannel) -> Result<(), Error> {
        self.hear(Heard::Closed(close.reply_text().clone()));
        Ok(())
    }

    async fn cancel(&mut self, _: &Channel, _: Cancel) -> Result<(), Error> {
        self.hear(Heard::Closed("its queue was removed".into()));
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

    async fn publish_return(&mut self, _: &Channel, _: Return, properties: BasicProperties, _: Vec<u8>) {
        self.hear(Heard::Returned(properties.message_id().cloned().unwrap_or_default()));
    }
}
