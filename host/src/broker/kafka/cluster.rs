//! Connections to the brokers of a cluster.
//!
//! A user logs in by SASL: with SCRAM-SHA-512 or SCRAM-SHA-256, whichever the broker has, and
//! by TLS with PLAIN where it has neither. Without TLS a password is never sent as it is.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::time::Duration;

use krafka::admin::{CreateTopicsOptions, ListOffsetsOptions, ListTopicsOptions, NewTopic, OffsetSpec, TopicPartition};
use krafka::auth::{AuthConfig, TlsConfig};
use krafka::consumer::Consumer;
use krafka::error::ErrorCode;
use krafka::{Kafka, KrafkaError, TopicInfo};
use tokio::time::{sleep, timeout};

use super::super::{BrokerError, login};
use crate::manifest::{Start, Transport};

/// How long it may take to connect, and to be answered.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// How old it may be what is known of a topic: so long new partitions are not read.
pub const LOOK: Duration = Duration::from_secs(5);

/// How often to look whether a topic that was made is there.
const SOON: Duration = Duration::from_millis(50);

/// How many partitions and replicas a topic has that is made here: as many as the broker is
/// set to give.
const BROKERS_DEFAULT: (i32, i16) = (-1, -1);

/// A way to log in, from a user and a password.
type Mechanism = fn(String, String) -> AuthConfig;

/// One that is connected.
pub struct Cluster<'a> {
    transport: &'a Transport,
    pub kafka: Kafka,
}

impl Cluster<'_> {
    /// The cluster of a transport, any of whose brokers may be named there.
    pub async fn connect(transport: &Transport) -> Result<Cluster<'_>, BrokerError> {
        let failed = |error: KrafkaError| BrokerError::new(transport, "be connected to", error);
        let mut ways = ways(transport)?.into_iter();
        let mut way = ways.next();
        loop {
            let mut builder = Kafka::builder(transport.server.authority()).client_id("dovetail");
            builder = builder.request_timeout(PATIENCE).connect_timeout(PATIENCE).metadata_max_age(LOOK);
            if let Some(way) = way {
                builder = builder.security(way);
            }
            let connected = timeout(PATIENCE, builder.connect()).await;
            match connected.unwrap_or_else(|late| Err(late.into())) {
                Ok(kafka) => return Ok(Cluster { transport, kafka }),
                Err(error) => {
                    let next = ways.next().filter(|_| is_unknown_mechanism(&error));
                    way = Some(next.ok_or_else(|| failed(error))?);
                }
            }
        }
    }

    /// Make a topic, if there is none.
    pub async fn make_topic(&self, topic: &str) -> Result<(), BrokerError> {
        let failed = |error| self.failed("keep a topic of the event", error);
        let admin = self.kafka.admin().default_api_timeout(PATIENCE);
        let topics = admin.list_topics(ListTopicsOptions::default()).await.map_err(failed)?;
        if topics.iter().any(|known| known == topic) {
            return Ok(());
        }
        let (partitions, replicas) = BROKERS_DEFAULT;
        let new = NewTopic::new(topic, partitions, replicas).map_err(failed)?;
        let made = admin.create_topics([new], CreateTopicsOptions::default()).await.map_err(failed)?;
        match made.into_values().next() {
            // Somebody else may be quicker.
            None | Some(Ok(()) | Err(KrafkaError::Broker { code: ErrorCode::TopicAlreadyExists, .. })) => Ok(()),
            Some(Err(error)) => Err(failed(error)),
        }
    }

    /// A topic's [`identity`], once the brokers know it: it may have been made just now.
    pub async fn describe(&self, consumer: &Consumer, topic: &str) -> Result<(String, Vec<i32>), BrokerError> {
        let found = timeout(PATIENCE, async {
            loop {
                let found = consumer.fetch_metadata(Some(topic)).await?;
                match found.topics.first().filter(|topic| topic.partition_count() > 0) {
                    Some(topic) => return Ok(identity(topic)),
                    None => sleep(SOON).await,
                }
            }
        });
        let found = found.await.unwrap_or_else(|late| Err(late.into()));
        found.map_err(|error| self.failed("describe the topic of the event", error))
    }

    /// Where the partitions of a topic begin for who is new.
    pub async fn offsets(
        &self,
        topic: &str,
        partitions: &[i32],
        start: Start,
    ) -> Result<BTreeMap<i32, i64>, BrokerError> {
        let failed = |error| self.failed("say where the topic of the event ends", error);
        let end = || if start == Start::Oldest { OffsetSpec::Earliest } else { OffsetSpec::Latest };
        let asked = partitions.iter().map(|partition| (TopicPartition::new(topic, *partition), end()));
        let options = ListOffsetsOptions::default().read_committed(true);
        let admin = self.kafka.admin().default_api_timeout(PATIENCE);
        let listed = admin.list_offsets(asked, options).await.map_err(failed)?;
        let each = listed.into_iter().map(|(place, listed)| Ok((place.partition(), listed.map_err(failed)?.offset)));
        each.collect()
    }

    /// It could not do what is said.
    pub fn failed(&self, what: &'static str, error: KrafkaError) -> BrokerError {
        BrokerError::new(self.transport, what, error)
    }
}

/// The id of a topic, which is another when it is made anew, and its partitions.
pub fn identity(topic: &TopicInfo) -> (String, Vec<i32>) {
    let id = uuid::Uuid::from_bytes(topic.topic_id).to_string();
    let mut partitions: Vec<_> = topic.partitions_iter().map(|partition| partition.partition).collect();
    partitions.sort_unstable();
    (id, partitions)
}

/// The ways to be let in, the best first; none without TLS and user.
fn ways(transport: &Transport) -> Result<Vec<AuthConfig>, BrokerError> {
    let tls = tls(transport)?;
    let (Some(user), Some(password)) = (&transport.server.user, login::password(transport)?) else {
        return Ok(tls.map(AuthConfig::ssl).into_iter().collect());
    };
    let mut mechanisms: Vec<Mechanism> = vec![AuthConfig::sasl_scram_sha512, AuthConfig::sasl_scram_sha256];
    if tls.is_some() {
        mechanisms.push(AuthConfig::sasl_plain);
    }
    let each = mechanisms.into_iter().map(|mechanism| mechanism(user.clone(), password.clone()));
    Ok(each.map(|way| tls.clone().map_or(way.clone(), |tls| way.with_tls(tls))).collect())
}

/// How the servers are spoken to by TLS; none without.
fn tls(transport: &Transport) -> Result<Option<TlsConfig>, BrokerError> {
    if !transport.server.tls {
        return Ok(None);
    }
    let Some(root) = &transport.server.root else { return Ok(Some(TlsConfig::new().with_native_roots())) };
    let pem = fs::read(root).map_err(|error| BrokerError::new(transport, "be reached by TLS", error))?;
    Ok(Some(TlsConfig::new().with_ca_cert_pem(pem)))
}

/// Whether the broker has another mechanism to log in. The client says so in words alone.
fn is_unknown_mechanism(error: &KrafkaError) -> bool {
    let name = format!("{:?}", ErrorCode::UnsupportedSaslMechanism);
    let mut causes = std::iter::successors(Some(error as &(dyn Error + 'static)), |error| (*error).source());
    causes.any(|error| error.to_string().contains(&name))
}
