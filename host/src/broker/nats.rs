//! NATS, with JetStream: a stream keeps what is published to the event's subjects.
//!
//! A subscriber reads the stream in its order, from a place that it keeps itself together with
//! what it had. So no acknowledgement is needed: the server neither counts attempts nor sends
//! anything again out of its turn, and whoever takes over goes on where the place is.

use std::time::Duration;

use async_nats::jetstream::{
    self, Context,
    consumer::{DeliverPolicy, pull},
    context::{PublishError, PublishErrorKind},
    message::PublishMessage,
    stream,
};
use async_nats::{Client, ConnectOptions, connection::State};
use async_trait::async_trait;
use futures_util::{FutureExt, Stream, StreamExt, future::join_all};
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::{Address, Arrived, BrokerError, Inlet, Letter, MOST, NotSent, Reader, login};
use crate::manifest::{Start, Transport};

/// How long it may take to connect, and to be answered.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is seen whether the server is there, while nothing comes.
const LOOK: Duration = Duration::from_secs(1);

/// In a message's header, what its data is.
const CONTENT_TYPE: (&str, &str) = ("Content-Type", "application/cloudevents+json; charset=utf-8");

/// Publishes the messages of an event.
pub struct Publisher {
    transport: Transport,
    address: Address,
    /// Made when there is something to publish; it reconnects by itself.
    context: OnceCell<Context>,
}

/// Reads the messages of an event.
pub struct Puller {
    transport: Transport,
    messages: pull::Ordered,
    created: String,
    /// Has the connection.
    context: Context,
}

/// What comes of a stream.
type Next = <pull::Ordered as Stream>::Item;

/// Where a subscriber is in a stream.
#[derive(Debug, Serialize, Deserialize)]
struct Place {
    /// When the stream was made, as the server tells it: another has other numbers.
    created: String,
    /// The number of the last message that it had.
    sequence: u64,
}

impl Publisher {
    /// One that is not connected yet.
    pub fn new(transport: Transport, address: Address) -> Publisher {
        Publisher { transport, address, context: OnceCell::new() }
    }

    async fn context(&self) -> Result<&Context, BrokerError> {
        let connect = || async {
            let context = connect(&self.transport).await?;
            stream(&self.transport, &context, &self.address).await?;
            Ok(context)
        };
        self.context.get_or_try_init(connect).await
    }

    async fn publish(&self, context: &Context, letter: &Letter) -> Result<(), PublishError> {
        let subject = format!("{}.{}", self.address, Address::rest(&letter.function, letter.key.as_deref()));
        let (name, value) = CONTENT_TYPE;
        let message =
            PublishMessage::build().message_id(&letter.id).header(name, value).payload(letter.document.clone());
        context.send_publish(subject, message).await?.await.map(drop)
    }

    fn not_sent(&self, error: PublishError) -> NotSent {
        match error.kind() {
            PublishErrorKind::MaxPayloadExceeded => NotSent::Refused(Box::new(error)),
            _ => NotSent::Away(BrokerError::new(&self.transport, "keep a message", error)),
        }
    }
}

#[async_trait]
impl super::Outlet for Publisher {
    async fn send(&self, letters: &[Letter]) -> Vec<Result<(), NotSent>> {
        let context = match self.context().await {
            Ok(context) => context,
            Err(away) => return letters.iter().map(|_| Err(away.clone().into())).collect(),
        };
        let published = join_all(letters.iter().map(|letter| self.publish(context, letter))).await;
        let is_gone = |error: &PublishError| error.kind() == PublishErrorKind::StreamNotFound;
        if published.iter().any(|published| published.as_ref().is_err_and(is_gone)) {
            // Somebody has removed it. What was for it is sent again, and tells if there is none.
            let _ = stream(&self.transport, context, &self.address).await;
        }
        published.into_iter().map(|published| published.map_err(|error| self.not_sent(error))).collect()
    }
}

impl Puller {
    /// One for who is at this place.
    pub async fn open(
        transport: &Transport,
        reader: &Reader,
        place: Option<&str>,
    ) -> Result<(Box<dyn Inlet>, Option<String>), BrokerError> {
        let context = connect(transport).await?;
        let stream = stream(transport, &context, &reader.address).await?;
        let info = stream.cached_info();
        let created = info.created.to_string();
        let (first, last) = (info.state.first_sequence, info.state.last_sequence);
        let known = place.and_then(|place| serde_json::from_str::<Place>(place).ok());
        let sequence = match known {
            Some(place) if place.created == created => {
                warn_of_lost(transport, reader, place.sequence, first);
                place.sequence
            }
            Some(_) => {
                tracing::warn!(
                    broker = transport.server.place(),
                    service = reader.subscriber,
                    event = %reader.address,
                    "the stream was made anew: all that it has is read"
                );
                0
            }
            None => {
                if reader.start == Start::Oldest {
                    0
                } else {
                    last
                }
            }
        };
        let config = pull::OrderedConfig {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: sequence + 1 },
            filter_subject: format!("{}.>", reader.address),
            ..Default::default()
        };
        let failed = |error: async_nats::Error| BrokerError::new(transport, "be read from", error);
        let consumer = stream.create_consumer(config).await.map_err(|error| failed(error.into()))?;
        let messages = consumer.messages().await.map_err(|error| failed(error.into()))?;
        let begun = Place { created: created.clone(), sequence }.write();
        Ok((Box::new(Puller { transport: transport.clone(), messages, created, context }), Some(begun)))
    }

    /// The first message that comes. The client waits for a server that is gone, and says nothing
    /// of it: people are to see it.
    async fn first(&mut self) -> Result<Option<Next>, BrokerError> {
        loop {
            match timeout(LOOK, self.messages.next()).await {
                Ok(next) => return Ok(next),
                Err(_) if self.context.client().connection_state() == State::Disconnected => {
                    return Err(self.failed("its connection was closed"));
                }
                Err(_) => {}
            }
        }
    }

    fn failed(&self, error: impl Into<async_nats::Error>) -> BrokerError {
        BrokerError::new(&self.transport, "be read from", error.into())
    }
}

#[async_trait]
impl Inlet for Puller {
    async fn receive(&mut self) -> Result<Arrived, BrokerError> {
        let (mut documents, mut sequence) = (Vec::new(), 0);
        let mut next = self.first().await?;
        while let Some(message) = next {
            let message = message.map_err(|error| self.failed(error))?;
            sequence = message.info().map_err(|error| self.failed(error))?.stream_sequence;
            documents.push(message.message.payload);
            next = match documents.len() < MOST {
                true => self.messages.next().now_or_never().flatten(),
                false => break,
            };
        }
        match documents.is_empty() {
            true => Err(self.failed("its messages have ended")),
            false => {
                let place = Place { created: self.created.clone(), sequence }.write();
                Ok(Arrived { documents, place: Some(place) })
            }
        }
    }

    async fn kept(&mut self) -> Result<(), BrokerError> {
        Ok(())
    }
}

impl Place {
    fn write(&self) -> String {
        // A text and a number have a form in JSON.
        serde_json::to_string(self).unwrap_or_default()
    }
}

async fn connect(transport: &Transport) -> Result<Context, BrokerError> {
    let failed = |error: async_nats::Error| BrokerError::new(transport, "be connected to", error);
    // The first attempt fails where a URL or a file is wrong; what breaks later is made anew by
    // the client itself.
    let mut options = ConnectOptions::new().name("dovetail").connection_timeout(PATIENCE);
    options = match (&transport.server.user, login::password(transport)?) {
        (Some(user), Some(password)) => options.user_and_password(user.clone(), password),
        (None, Some(token)) => options.token(token),
        (_, None) => options,
    };
    if let Some(tls) = login::tls(transport)? {
        options = options.require_tls(true).tls_client_config(tls);
    }
    let scheme = if transport.server.tls { "tls" } else { "nats" };
    let servers: Vec<_> = transport.server.authority().split(',').map(|host| format!("{scheme}://{host}")).collect();
    let client: Client = match timeout(PATIENCE, options.connect(servers)).await {
        Ok(client) => client.map_err(|error| failed(error.into()))?,
        Err(late) => return Err(failed(late.into())),
    };
    let mut context = jetstream::new(client);
    context.set_timeout(PATIENCE);
    Ok(context)
}

/// The stream that keeps the event's subjects, which is made if there is none.
async fn stream(transport: &Transport, context: &Context, address: &Address) -> Result<stream::Stream, BrokerError> {
    let failed = |error: async_nats::Error| BrokerError::new(transport, "keep a stream of the event", error);
    let subjects = format!("{address}.>");
    if let Ok(name) = context.stream_by_subject(subjects.as_str()).await {
        return context.get_stream(name).await.map_err(|error| failed(error.into()));
    }
    let config = stream::Config { name: address.dashed(), subjects: vec![subjects], ..Default::default() };
    context.get_or_create_stream(config).await.map_err(|error| failed(error.into()))
}

/// Say so if the stream has removed what the subscriber has not had.
fn warn_of_lost(transport: &Transport, reader: &Reader, had: u64, first: u64) {
    let lost = first.saturating_sub(had + 1);
    if lost > 0 {
        tracing::error!(
            broker = transport.server.place(),
            service = reader.subscriber,
            event = %reader.address,
            lost,
            "the stream's limits removed messages before they were read"
        );
    }
}
