//! Kafka: the event's topic keeps each key in one of its partitions, in order.
//!
//! A subscriber reads every partition itself, from places that it keeps together with what it
//! had: it joins no group, so nobody takes a partition from it, and none is held up by a
//! message that is tried again. What a transaction took back is not read.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use futures_util::future::join_all;
use krafka::admin::TopicPartition;
use krafka::consumer::{AutoOffsetReset, Consumer, ConsumerRecord, IsolationLevel};
use krafka::error::ErrorCode;
use krafka::producer::{self, Acks};
use krafka::{KrafkaError, ProtocolErrorKind, Record};
use tokio::sync::OnceCell;

use self::{
    cluster::{Cluster, PATIENCE},
    place::Place,
};
use super::{Address, Arrived, BrokerError, Inlet, Letter, MOST, NotSent, Reader};
use crate::manifest::Transport;

mod cluster;
mod place;

/// In a record's header, what its value is.
const CONTENT_TYPE: (&str, &str) = ("content-type", "application/cloudevents+json; charset=UTF-8");

/// How long to wait for records before it is looked whether the broker is still there.
const POLL: Duration = Duration::from_secs(1);

/// How long a partition may be without an answer.
const SILENCE: Duration = Duration::from_secs(15);

/// The most bytes that are fetched at once, unless one message has more.
const FETCH: i32 = 8 << 20;

/// Produces the messages of an event.
pub struct Producer {
    transport: Transport,
    address: Address,
    /// Made when there is something to send, and anew after it failed: a topic may have been
    /// removed, and an id be known no more.
    client: ArcSwap<OnceCell<producer::Producer>>,
}

/// Fetches the messages of an event.
pub struct Fetcher {
    transport: Transport,
    reader: Reader,
    topic: String,
    consumer: Consumer,
    place: Place,
}

impl Producer {
    /// One that is not connected yet.
    pub fn new(transport: Transport, address: Address) -> Producer {
        Producer { transport, address, client: ArcSwap::default() }
    }

    fn record(&self, letter: &Letter) -> Record {
        let (name, value) = CONTENT_TYPE;
        let record = Record::new(self.address.to_string(), letter.document.clone()).header(name, value);
        match &letter.key {
            Some(key) => record.key(key.clone()),
            None => record,
        }
    }

    async fn connect(&self) -> Result<producer::Producer, BrokerError> {
        let cluster = Cluster::connect(&self.transport).await?;
        cluster.make_topic(&self.address.to_string()).await?;
        // It waits for no others: those that come while a batch is under way are the next one.
        let producer = cluster.kafka.producer().acks(Acks::All).idempotent(true).linger(Duration::ZERO);
        let producer = producer.max_block(PATIENCE).delivery_timeout(PATIENCE).metrics_push(false).build();
        producer.await.map_err(|error| cluster.failed("be produced to", error))
    }
}

#[async_trait]
impl super::Outlet for Producer {
    async fn send(&self, letters: &[Letter]) -> Vec<Result<(), NotSent>> {
        let client = self.client.load_full();
        let producer = match client.get_or_try_init(|| self.connect()).await {
            Ok(producer) => producer,
            Err(away) => return letters.iter().map(|_| Err(away.clone().into())).collect(),
        };
        let sent = join_all(letters.iter().map(|letter| producer.send(self.record(letter)))).await;
        let answer = |sent| match sent {
            Ok(_) => Ok(()),
            Err(error) if is_refusal(&error) => Err(NotSent::Refused(error.into())),
            Err(error) => {
                // The first of those that failed with it.
                self.client.compare_and_swap(&client, Arc::default());
                Err(BrokerError::new(&self.transport, "keep a message", error).into())
            }
        };
        sent.into_iter().map(answer).collect()
    }
}

impl Fetcher {
    /// One for who is at this place.
    pub async fn open(
        transport: &Transport,
        reader: &Reader,
        place: Option<&str>,
    ) -> Result<(Box<dyn Inlet>, Option<String>), BrokerError> {
        let cluster = Cluster::connect(transport).await?;
        let topic = reader.address.to_string();
        cluster.make_topic(&topic).await?;
        let consumer = cluster.kafka.consumer_without_group().auto_offset_reset(AutoOffsetReset::None);
        let consumer = consumer.isolation_level(IsolationLevel::ReadCommitted).enable_auto_commit(false);
        let consumer = consumer.max_poll_records(i32::try_from(MOST).unwrap_or(i32::MAX)).fetch_max_bytes(FETCH);
        let consumer = consumer.lag_staleness_threshold(SILENCE).metrics_push(false).build();
        let consumer = consumer.await.map_err(|error| cluster.failed("be read from", error))?;
        let (id, partitions) = cluster.describe(&consumer, &topic).await?;
        let place = match place.and_then(Place::read) {
            Some(place) if place.is_of(&id) => place,
            Some(_) => {
                tracing::warn!(
                    broker = transport.server.place(),
                    service = reader.subscriber,
                    event = %reader.address,
                    "the topic was made anew: all that it has is read"
                );
                Place::new(id, BTreeMap::new())
            }
            None => Place::new(id, cluster.offsets(&topic, &partitions, reader.start).await?),
        };
        let mut fetcher = Fetcher { transport: transport.clone(), reader: reader.clone(), topic, consumer, place };
        fetcher.assign(partitions).await.map_err(|error| fetcher.failed(error))?;
        let begun = fetcher.place.write();
        Ok((Box::new(fetcher), Some(begun)))
    }

    /// Read these partitions, each from where it is; one that is new from its beginning.
    async fn assign(&mut self, partitions: Vec<i32>) -> Result<(), KrafkaError> {
        self.consumer.assign(&self.topic, partitions.clone()).await?;
        for partition in partitions {
            match self.place.offsets.get(&partition) {
                Some(offset) => self.consumer.seek(&self.topic, partition, *offset).await?,
                None => self.consumer.seek_to_beginning(&self.topic, partition).await?,
            }
        }
        Ok(())
    }

    /// See whether the topic is what it was, and read partitions that it has got. Asks the
    /// broker only if what is known is [older](cluster::LOOK) than it may be.
    async fn look(&mut self) -> Result<(), BrokerError> {
        let found = self.consumer.fetch_metadata(Some(&self.topic)).await.map_err(|error| self.failed(error))?;
        let Some((id, partitions)) = found.topics.first().map(cluster::identity) else {
            return Err(self.failed("the topic is gone"));
        };
        if !self.place.is_of(&id) {
            return Err(self.failed("the topic was made anew"));
        }
        let assigned = self.consumer.assignment().await.remove(&self.topic).unwrap_or_default();
        if partitions.iter().any(|partition| !assigned.contains(partition)) {
            self.assign(partitions).await.map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    /// What came, in the order of each partition.
    fn take(&mut self, records: Vec<ConsumerRecord>) -> Arrived {
        let mut documents = Vec::with_capacity(records.len());
        for record in records {
            self.place.offsets.insert(record.partition, record.offset + 1);
            documents.push(record.value.unwrap_or_default());
        }
        Arrived { documents, place: Some(self.place.write()) }
    }

    /// Begin at the earliest that there is, where what was to be next is not there any more.
    async fn begin_again(&mut self, partitions: Vec<(String, i32)>) -> Result<(), KrafkaError> {
        for (_, partition) in partitions {
            let (first, end) = self.consumer.fetch_watermarks(&self.topic, partition).await?;
            let next = self.place.offsets.insert(partition, first).unwrap_or_default();
            self.consumer.seek(&self.topic, partition, first).await?;
            tracing::error!(
                broker = self.transport.server.place(),
                service = self.reader.subscriber,
                event = %self.reader.address,
                partition,
                lost = place::lost(next, first, end),
                "what was to be read next is gone: the partition is read from the earliest that it has"
            );
        }
        Ok(())
    }

    /// A partition that has had no answer for too long. The client only goes on trying.
    async fn silent(&self) -> Option<TopicPartition> {
        let lag = self.consumer.lag().await;
        lag.into_iter().find(|(_, lag)| lag.stale && lag.high_watermark.is_some()).map(|(partition, _)| partition)
    }

    fn failed(&self, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> BrokerError {
        BrokerError::new(&self.transport, "be read from", error)
    }
}

#[async_trait]
impl Inlet for Fetcher {
    async fn receive(&mut self) -> Result<Arrived, BrokerError> {
        loop {
            self.look().await?;
            match self.consumer.poll(POLL).await {
                Ok(records) if records.is_empty() => {
                    if let Some(silent) = self.silent().await {
                        return Err(self.failed(format!("partition {} does not answer", silent.partition())));
                    }
                }
                Ok(records) => return Ok(self.take(records)),
                Err(KrafkaError::NoOffset { partitions }) => {
                    self.begin_again(partitions).await.map_err(|error| self.failed(error))?;
                }
                Err(error) => return Err(self.failed(error)),
            }
        }
    }

    async fn kept(&mut self) -> Result<(), BrokerError> {
        Ok(())
    }
}

/// Whether the broker would never take it.
fn is_refusal(error: &KrafkaError) -> bool {
    use ErrorCode::{InvalidRecord, MessageTooLarge, RecordListTooLarge};
    match error {
        KrafkaError::Broker { code, .. } => matches!(code, MessageTooLarge | RecordListTooLarge | InvalidRecord),
        KrafkaError::Protocol { kind, .. } => *kind == ProtocolErrorKind::FrameTooLarge,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
