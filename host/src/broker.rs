//! Brokers: servers that carry events between apps, and to and from programs of others.
//!
//! An [`Outlet`] hands messages to one, and says of each when the broker keeps it. An
//! [`Inlet`] has those that a subscriber has not had, from where it said that it is, and may
//! bring one twice. What is kept of them, in which order they are sent and what becomes of
//! those that fail is for `event`; what stands in them for `message`. Every protocol has a
//! file, which a cargo feature of its name takes in: each makes its own connections, and
//! whoever finds one broken opens another.
//!
//! | | [`nats`] | [`amqp`] | [`kafka`] |
//! |---|---|---|---|
//! | goes to | subject `NAME.FUNCTION.KEY` of a stream | topic exchange `NAME`, routing key `FUNCTION.KEY` | topic `NAME`, the key |
//! | kept, when | JetStream has acknowledged it | the exchange has confirmed it, and some queue has it | all replicas in sync have it |
//! | comes from | the stream, behind a place | a quorum queue of the subscriber's, until it is acknowledged | the topic's partitions, behind places |

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

pub use self::{
    address::Address,
    error::{BrokerError, NotSent},
};
use crate::manifest::{Protocol, Start, Transport};

mod address;
#[cfg(feature = "amqp")]
mod amqp;
mod error;
#[cfg(feature = "kafka")]
mod kafka;
#[cfg(any(feature = "nats", feature = "amqp", feature = "kafka"))]
mod login;
#[cfg(feature = "nats")]
mod nats;

/// A message to be sent.
#[derive(Clone, Debug)]
pub struct Letter {
    /// By which brokers and others know it again.
    pub id: String,
    /// The function of the event.
    pub function: String,
    /// Those of one key stay in order.
    pub key: Option<String>,
    /// The CloudEvent, as JSON.
    pub document: Bytes,
}

/// A way to a broker, for the messages of one event.
#[async_trait]
pub trait Outlet: Send + Sync {
    /// Send messages, no two of one key, and wait until the broker keeps them: all are sent
    /// before any is waited for. The answers are what came of each, in their order. What was
    /// sent may be there though its answer is an error.
    async fn send(&self, letters: &[Letter]) -> Vec<Result<(), NotSent>>;
}

/// A way from a broker, for the messages of one event to one subscriber.
#[async_trait]
pub trait Inlet: Send {
    /// Wait for messages. An error says that this inlet is of no use any more.
    async fn receive(&mut self) -> Result<Arrived, BrokerError>;

    /// All that was received is kept.
    async fn kept(&mut self) -> Result<(), BrokerError>;
}

/// Messages from a broker, in their order.
#[derive(Clone, Debug, Default)]
pub struct Arrived {
    /// The documents.
    pub documents: Vec<Bytes>,
    /// Where who has kept them is: to be kept with them, and given to the next inlet. None if
    /// the broker remembers that itself.
    pub place: Option<String>,
}

/// Who receives what.
#[derive(Clone, Debug)]
pub struct Reader {
    /// The app.
    pub app: String,
    /// The subscriber.
    pub subscriber: String,
    /// The event.
    pub address: Address,
    /// Where it begins, if it never was anywhere.
    pub start: Start,
}

/// The most messages that are sent or arrive at once.
pub const MOST: usize = 256;

/// A way to the broker of a transport. It connects when it has something to send.
pub fn outlet(transport: &Transport, address: &Address) -> Arc<dyn Outlet> {
    match transport.protocol {
        #[cfg(feature = "nats")]
        Protocol::Nats => Arc::new(nats::Publisher::new(transport.clone(), address.clone())),
        #[cfg(feature = "amqp")]
        Protocol::Amqp => Arc::new(amqp::Publisher::new(transport.clone(), address.clone())),
        #[cfg(feature = "kafka")]
        Protocol::Kafka => Arc::new(kafka::Producer::new(transport.clone(), address.clone())),
        #[cfg(not(all(feature = "nats", feature = "amqp", feature = "kafka")))]
        protocol => {
            let _ = address;
            Arc::new(NotBuilt(protocol))
        }
    }
}

/// A way from the broker of a transport, for who is at this place, if anywhere. The answer is
/// also where it is, if that is to be kept before anything is received.
pub async fn inlet(
    transport: &Transport,
    reader: &Reader,
    place: Option<&str>,
) -> Result<(Box<dyn Inlet>, Option<String>), BrokerError> {
    match transport.protocol {
        #[cfg(feature = "nats")]
        Protocol::Nats => nats::Puller::open(transport, reader, place).await,
        #[cfg(feature = "amqp")]
        Protocol::Amqp => amqp::Consumer::open(transport, reader).await,
        #[cfg(feature = "kafka")]
        Protocol::Kafka => kafka::Fetcher::open(transport, reader, place).await,
        #[cfg(not(all(feature = "nats", feature = "amqp", feature = "kafka")))]
        protocol => {
            let _ = (reader, place);
            Err(BrokerError::new(transport, "be read", NotBuilt(protocol).why()))
        }
    }
}

/// A protocol that is not built in. A manifest that names one is refused before.
#[cfg(not(all(feature = "nats", feature = "amqp", feature = "kafka")))]
struct NotBuilt(Protocol);

#[cfg(not(all(feature = "nats", feature = "amqp", feature = "kafka")))]
impl NotBuilt {
    fn why(&self) -> String {
        format!("this dovetail was built without {}", self.0.name())
    }
}

#[cfg(not(all(feature = "nats", feature = "amqp", feature = "kafka")))]
#[async_trait]
impl Outlet for NotBuilt {
    async fn send(&self, letters: &[Letter]) -> Vec<Result<(), NotSent>> {
        letters.iter().map(|_| Err(NotSent::Refused(self.why().into()))).collect()
    }
}
