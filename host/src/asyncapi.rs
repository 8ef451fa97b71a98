//! The events of an app as a document of AsyncAPI 3.0, from which others generate clients,
//! pages and tests.
//!
//! A kind of message is a message of a channel, with a schema of its whole document; each
//! service that emits it or is delivered it is an operation. Where an event goes over a broker
//! the channel says where there. What is sent is decided elsewhere: this only tells.

mod broker;
mod channel;
#[cfg(test)]
mod tests;

use std::iter;

use serde_json::{Map, Value, json};

use self::channel::Channel;
use crate::{
    app::{Kind, Sender},
    message::envelope_schema,
};

/// The version of AsyncAPI.
const ASYNCAPI: &str = "3.0.0";

/// How a document of CloudEvents in JSON is called.
const CONTENT_TYPE: &str = "application/cloudevents+json";

/// What is told of the app as a whole.
pub struct About<'a> {
    /// The app's name.
    pub app: &'a str,
    /// Which version of its events this is.
    pub version: &'a str,
}

/// The document of these kinds of messages.
pub fn document(about: &About, kinds: &[Kind]) -> Value {
    let mut document = Document::default();
    let is_brokered = |kind: &Kind| kind.event.transport.is_some();
    let are_mixed = kinds.iter().any(is_brokered) && !kinds.iter().all(is_brokered);
    for kind in kinds {
        let server = match &kind.event.transport {
            Some(transport) => Some(document.server(transport.server.scheme(), broker::describe(transport))),
            // A channel that names no server is on all that there are.
            None => are_mixed.then(|| document.server("dovetail", of_itself(about.app))),
        };
        document.add(kind, Channel::of(kind), server.as_deref());
    }
    let Document { servers, channels, operations } = document;
    let info = json!({ "title": about.app, "version": about.version, "description": DESCRIPTION });
    let mut document = json!({
        "asyncapi": ASYNCAPI,
        "info": info,
        "defaultContentType": CONTENT_TYPE,
        "channels": channels,
        "operations": operations,
    });
    if !servers.is_empty() {
        document["servers"] = servers.into();
    }
    document
}

const DESCRIPTION: &str = "Each message is a CloudEvent in JSON, in structured mode. Its `data` is an object with a \
    member for each parameter of a function, which its summary shows in WIT.";

/// What is in the document under names.
#[derive(Default)]
struct Document {
    servers: Map<String, Value>,
    channels: Map<String, Value>,
    operations: Map<String, Value>,
}

impl Document {
    /// The name of a server that is described so.
    fn server(&mut self, name: &str, described: Value) -> String {
        if let Some((name, _)) = self.servers.iter().find(|(_, other)| **other == described) {
            return name.clone();
        }
        let name = first(&name.replace('+', "-"), |name| !self.servers.contains_key(name));
        self.servers.insert(name.clone(), described);
        name
    }

    fn add(&mut self, kind: &Kind, channel: Channel, server: Option<&str>) {
        let mut described = channel.described;
        if let Some(server) = server {
            described["servers"] = json!([reference(&["servers", server])]);
        }
        // Two events may have one interface, in versions that do not go together.
        let name = first(&channel.name, |name| self.channels.get(name).is_none_or(|it| is_same(it, &described)));
        let entry = self.channels.entry(name.clone()).or_insert(described);
        let Some(messages) = entry["messages"].as_object_mut() else { return };
        let message = first(&kind.function, |name| !messages.contains_key(name));
        messages.insert(message.clone(), describe(kind, channel.message_bindings));
        for (who, sends) in parties(kind) {
            let bindings = if sends { &channel.send_bindings } else { &channel.receive_bindings };
            self.operation(who, sends, (&name, &message), bindings);
        }
    }

    /// A service sends or receives a message of a channel, beside others that it may.
    fn operation(&mut self, who: String, sends: bool, (channel, message): (&str, &str), bindings: &Value) {
        let (action, verb) = if sends { ("send", "emits") } else { ("receive", "is-delivered") };
        let name = format!("{}.{verb}.{channel}", who.replace(' ', "."));
        let operation = self.operations.entry(name).or_insert_with(|| {
            let mut operation = json!({
                "action": action,
                "channel": reference(&["channels", channel]),
                "messages": [],
                "tags": [{ "name": who }],
            });
            set(&mut operation, "bindings", bindings.clone());
            operation
        });
        if let Some(messages) = operation["messages"].as_array_mut() {
            messages.push(reference(&["channels", channel, "messages", message]));
        }
    }
}

/// Who emits it, and who is delivered it: whether that one sends.
fn parties<'a>(kind: &'a Kind) -> impl Iterator<Item = (String, bool)> + use<'a> {
    let senders = kind.senders.iter().map(|sender| match sender {
        Sender::Service(name) => (*name).to_owned(),
        Sender::Schedule(name) => format!("schedule {name}"),
    });
    let subscribers = kind.subscribers.iter().map(|name| (*name).to_owned());
    senders.map(|who| (who, true)).chain(subscribers.map(|who| (who, false)))
}

/// A message: how it is called, and what its document is.
fn describe(kind: &Kind, bindings: Value) -> Value {
    let types: Vec<_> = kind.types.iter().map(String::as_str).collect();
    let mut message = json!({
        "name": types.last(),
        "title": kind.function,
        "summary": format!("`{}: func{}`", kind.function, kind.params),
        "contentType": CONTENT_TYPE,
        "payload": envelope_schema(&types, &kind.params, kind.event.key.is_some()),
    });
    set(&mut message, "bindings", bindings);
    message
}

/// The host, as a server beside brokers.
fn of_itself(app: &str) -> Value {
    let description = "The app's own host, which keeps these events and gives them to nobody else.";
    json!({ "host": app, "protocol": "dovetail", "description": description })
}

/// Whether two channels are one, whatever messages they have.
fn is_same(one: &Value, other: &Value) -> bool {
    ["address", "servers", "parameters", "title"].iter().all(|key| one.get(key) == other.get(key))
}

/// The first name that will do: this one, or with a number.
fn first(name: &str, will_do: impl Fn(&str) -> bool) -> String {
    let mut names = iter::once(name.to_owned()).chain((2..).map(|number| format!("{name}-{number}")));
    // There are as many numbers as there are names.
    names.find(|name| will_do(name)).unwrap_or_default()
}

/// Set what there is something to say of.
fn set(described: &mut Value, key: &str, value: Value) {
    if !value.is_null() {
        described[key] = value;
    }
}

/// To what is at this place in the document.
fn reference(place: &[&str]) -> Value {
    json!({ "$ref": format!("#/{}", place.join("/")) })
}
