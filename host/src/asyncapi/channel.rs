//! Where a kind of message goes: its channel, by the rules of its transport.
//!
//! | transport | channel | address |
//! |---|---|---|
//! | the store | one a function | `shop.orders.events.placed`, a name and no more |
//! | NATS | one a function | the subject `shop.orders.events.placed`, and `.{key}` |
//! | AMQP | one a function | the routing key `placed`, and `.{key}`, of the topic exchange `shop.orders.events` |
//! | Kafka | one an interface | the topic `shop.orders.events`; the record's key is the event's |

use serde_json::{Value, json};

use super::set;
use crate::{app::Kind, manifest::Protocol};

/// The versions of the bindings that are written.
const AMQP: &str = "0.3.0";
const KAFKA: &str = "0.5.0";

/// A channel without messages yet, and what its protocol adds to each. What is null there
/// is nothing.
pub struct Channel {
    /// By which the document knows it.
    pub name: String,
    /// As the document has it.
    pub described: Value,
    /// Of a message.
    pub message_bindings: Value,
    /// Of whoever sends.
    pub send_bindings: Value,
    /// Of whoever receives.
    pub receive_bindings: Value,
}

impl Channel {
    /// That of a kind, over the broker of its event, or over the store.
    pub fn of(kind: &Kind) -> Channel {
        let (interface, function) = (kind.interface.replace([':', '/'], "."), &kind.function);
        let name = format!("{interface}.{function}");
        match kind.event.transport.as_ref().map(|transport| transport.protocol) {
            None => Channel::at(kind, name.clone(), name),
            Some(Protocol::Nats) => Channel::at_key(kind, name.clone(), &name),
            Some(Protocol::Amqp) => {
                let mut channel = Channel::at_key(kind, name, function);
                let exchange = json!({ "name": interface, "type": "topic", "durable": true, "autoDelete": false });
                let of_channel = json!({ "is": "routingKey", "exchange": exchange, "bindingVersion": AMQP });
                channel.described["bindings"] = json!({ "amqp": of_channel });
                let send = json!({ "deliveryMode": 2, "mandatory": true, "bindingVersion": AMQP });
                channel.send_bindings = json!({ "amqp": send });
                channel.receive_bindings = json!({ "amqp": { "ack": true, "bindingVersion": AMQP } });
                channel
            }
            Some(Protocol::Kafka) => {
                let mut channel = Channel::at(kind, interface.clone(), interface.clone());
                channel.described["bindings"] = json!({ "kafka": { "topic": interface, "bindingVersion": KAFKA } });
                if kind.event.key.is_some() {
                    let key = json!({ "type": "string", "description": "The event's key." });
                    channel.message_bindings = json!({ "kafka": { "key": key, "bindingVersion": KAFKA } });
                }
                channel
            }
        }
    }

    fn at(kind: &Kind, name: String, address: String) -> Channel {
        let title = &kind.event.interface;
        let described = json!({ "address": address, "title": title, "messages": {} });
        let [message_bindings, send_bindings, receive_bindings] = [const { Value::Null }; 3];
        Channel { name, described, message_bindings, send_bindings, receive_bindings }
    }

    /// One whose address ends in the event's key, if that has one.
    fn at_key(kind: &Kind, name: String, address: &str) -> Channel {
        let Some(key) = &kind.event.key else { return Channel::at(kind, name, address.to_owned()) };
        let mut channel = Channel::at(kind, name, format!("{address}.{{key}}"));
        let key = format!("`{key}` of the event; a byte that is no letter, digit, `-` or `_` is `%` and two digits");
        set(&mut channel.described, "parameters", json!({ "key": { "description": key } }));
        channel
    }
}
