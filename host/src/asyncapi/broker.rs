//! The broker of an event, as the document tells of it.

use serde_json::{Value, json};

use crate::manifest::{Protocol, Transport};

/// The server of a transport: no user, no password.
pub fn describe(transport: &Transport) -> Value {
    let Transport { protocol, server } = transport;
    // It has no word of its own for NATS over TLS.
    let name = match (protocol, server.tls) {
        (Protocol::Nats, _) => "nats",
        (Protocol::Amqp, false) => "amqp",
        (Protocol::Amqp, true) => "amqps",
        (Protocol::Kafka, false) => "kafka",
        (Protocol::Kafka, true) => "kafka-secure",
    };
    let mut described = json!({ "host": server.authority(), "protocol": name });
    match (protocol, server.tls) {
        (Protocol::Amqp, _) => described["protocolVersion"] = "0-9-1".into(),
        (Protocol::Nats, true) => described["description"] = "Over TLS.".into(),
        (Protocol::Nats | Protocol::Kafka, _) => {}
    }
    described
}
