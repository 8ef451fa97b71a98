//! A queue of RabbitMQ's that has all events of an exchange.

use std::net::SocketAddr;

use amqprs::{
    FieldTable, FieldValue,
    channel::{
        BasicGetArguments, Channel, ExchangeDeclareArguments, ExchangeType, QueueBindArguments, QueueDeclareArguments,
    },
    connection::Connection,
};
use anyhow::{Context, Result};

use crate::rabbitmq;

/// One that is looked at.
pub struct Queue {
    connection: Connection,
    channel: Channel,
    name: String,
}

impl Queue {
    /// A new quorum queue, as the host makes them for its subscribers, and the exchange.
    pub async fn declare(broker: SocketAddr, exchange: &str) -> Result<Queue> {
        let connection = rabbitmq::connect(broker).await?;
        let channel = connection.open_channel(None).await?;
        let topic = ExchangeDeclareArguments::of_type(exchange, ExchangeType::Topic).durable(true).finish();
        channel.exchange_declare(topic).await?;
        let mut quorum = FieldTable::new();
        quorum.insert("x-queue-type".try_into()?, FieldValue::from("quorum"));
        let name = format!("bench.{exchange}");
        let quorum = QueueDeclareArguments::durable_client_named(&name).arguments(quorum).finish();
        channel.queue_declare(quorum).await?;
        channel.queue_bind(QueueBindArguments::new(&name, exchange, "#")).await?;
        Ok(Queue { connection, channel, name })
    }

    /// How many messages it has.
    pub async fn count(&self) -> Result<u64> {
        let passive = QueueDeclareArguments::new(&self.name).passive(true).finish();
        let found = self.channel.queue_declare(passive).await?;
        let (_, count, _) = found.with_context(|| format!("nothing is said of the queue {}", self.name))?;
        Ok(count.into())
    }

    /// Its first message, which stays there.
    pub async fn first(&self) -> Result<Vec<u8>> {
        let channel = self.connection.open_channel(None).await?;
        let found = channel.basic_get(BasicGetArguments::new(&self.name)).await?;
        // What was not acknowledged goes back.
        channel.close().await?;
        let (_, _, message) = found.with_context(|| format!("the queue {} is empty", self.name))?;
        Ok(message)
    }
}
