//! The broker of an event, as the document tells of it.

use serde_json::{Value, json};

/// A server that an event goes over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// What is spoken there.
    pub protocol: Protocol,
    /// Its name or address, with a port if that is not the usual one; no user, no password.
    pub host: String,
}

/// What a broker speaks, and whether over TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Protocol {
    Nats,
    NatsTls,
    Amqp,
    Amqps,
    Kafka,
    KafkaTls,
}

impl Protocol {
    /// As AsyncAPI calls it. It has no word of its own for NATS over TLS.
    pub(super) fn name(self) -> &'static str {
        match self {
            Protocol::Nats | Protocol::NatsTls => "nats",
            Protocol::Amqp => "amqp",
            Protocol::Amqps => "amqps",
            Protocol::Kafka => "kafka",
            Protocol::KafkaTls => "kafka-secure",
        }
    }
}

impl Broker {
    pub(super) fn describe(&self) -> Value {
        let mut server = json!({ "host": self.host, "protocol": self.protocol.name() });
        match self.protocol {
            Protocol::Amqp | Protocol::Amqps => server["protocolVersion"] = "0-9-1".into(),
            Protocol::NatsTls => server["description"] = "Over TLS.".into(),
            Protocol::Nats | Protocol::Kafka | Protocol::KafkaTls => {}
        }
        server
    }
}
