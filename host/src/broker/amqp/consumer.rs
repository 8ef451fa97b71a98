//! Reads a subscriber's queue.

use amqprs::{
    FieldTable, FieldValue,
    channel::{
        BasicAckArguments, BasicConsumeArguments, BasicQosArguments, ConsumerMessage, QueueBindArguments,
        QueueDeclareArguments,
    },
};
use async_trait::async_trait;
use tokio::{sync::mpsc::UnboundedReceiver, time::timeout};

use super::wire::{LOST, PATIENCE, Wire};
use crate::{
    broker::{Arrived, BrokerError, Inlet, MOST, Reader},
    manifest::Transport,
};

/// Reads the messages of an event.
pub struct Consumer {
    wire: Wire,
    messages: UnboundedReceiver<ConsumerMessage>,
    /// The number of the last one that was received.
    last: u64,
}

impl Consumer {
    /// One for this reader, who has a queue from now on.
    pub async fn open(transport: &Transport, reader: &Reader) -> Result<(Box<dyn Inlet>, Option<String>), BrokerError> {
        let mut wire = Wire::open(transport, &reader.address).await?;
        let opened = timeout(PATIENCE, consume(&mut wire, reader)).await;
        let messages = opened.unwrap_or_else(|late| Err(wire.failed("be read from", late)))?;
        warn_of_limit(transport, reader, wire.connection.server_properties().version());
        Ok((Box::new(Consumer { wire, messages, last: 0 }), None))
    }
}

#[async_trait]
impl Inlet for Consumer {
    async fn receive(&mut self) -> Result<Arrived, BrokerError> {
        let mut documents = Vec::new();
        let mut next = self.messages.recv().await;
        while let Some(message) = next {
            self.last = message.deliver.map_or(self.last, |deliver| deliver.delivery_tag());
            documents.push(message.content.unwrap_or_default().into());
            next = match documents.len() < MOST {
                true => self.messages.try_recv().ok(),
                false => break,
            };
        }
        match documents.is_empty() {
            true => Err(self.wire.failed("be read from", LOST)),
            false => Ok(Arrived { documents, place: None }),
        }
    }

    async fn kept(&mut self) -> Result<(), BrokerError> {
        let acknowledgement = BasicAckArguments::new(self.last, true);
        match timeout(PATIENCE, self.wire.channel.basic_ack(acknowledgement)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.wire.failed("take an acknowledgement", error)),
            Err(late) => Err(self.wire.failed("take an acknowledgement", late)),
        }
    }
}

/// Have what comes to the reader's queue, which is made if there is none.
async fn consume(wire: &mut Wire, reader: &Reader) -> Result<UnboundedReceiver<ConsumerMessage>, BrokerError> {
    const QUEUE: &str = "keep a queue of the subscriber";
    let Reader { app, subscriber, address, .. } = reader;
    let (queue, exchange) = (format!("{app}.{subscriber}.{address}"), address.to_string());
    wire.ensure_name(&queue)?;
    let declaration = QueueDeclareArguments::durable_client_named(&queue).arguments(properties()).finish();
    let declared = wire.channel.queue_declare(declaration).await;
    declared.map_err(|error| wire.failed(QUEUE, error))?;
    let bound = wire.channel.queue_bind(QueueBindArguments::new(&queue, &exchange, "#")).await;
    bound.map_err(|error| wire.failed(QUEUE, error))?;
    let most = u16::try_from(MOST).unwrap_or(u16::MAX);
    let bounded = wire.channel.basic_qos(BasicQosArguments::new(0, most, false)).await;
    bounded.map_err(|error| wire.failed("be read from", error))?;
    let consumed = wire.channel.basic_consume_rx(BasicConsumeArguments::new(&queue, "")).await;
    Ok(consumed.map_err(|error| wire.failed("be read from", error))?.1)
}

fn properties() -> FieldTable {
    let mut properties = FieldTable::new();
    let of = [("x-queue-type", FieldValue::from("quorum")), ("x-single-active-consumer", FieldValue::from(true))];
    for (name, value) in of {
        if let Ok(name) = name.try_into() {
            properties.insert(name, value);
        }
    }
    properties
}

/// From its version 4 on RabbitMQ drops what it has delivered twenty times, which it counts
/// whenever a host goes away, unless a policy says otherwise.
fn warn_of_limit(transport: &Transport, reader: &Reader, version: &str) {
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_some_and(|major| major >= 4) {
        tracing::warn!(
            broker = transport.server.place(),
            service = reader.subscriber,
            event = %reader.address,
            "RabbitMQ drops what it has delivered 20 times: set `delivery-limit` to -1 by a policy for the queue"
        );
    }
}
