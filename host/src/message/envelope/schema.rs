//! What documents are messages of a kind, as a JSON Schema.

use serde_json::{Map, Value, json};

use super::{SCHEMA, VERSION};
use crate::message::Params;

/// The schema of the documents with messages of one kind, whose `type` is one of these.
///
/// All that [`Message::write`](super::Message::write) writes of it is valid, and what is
/// valid is read, as are the arguments in it. Where events have a key it asks for one, without
/// which a message has no place in their order.
pub fn envelope_schema(types: &[&str], params: &Params, has_key: bool) -> Value {
    let mut properties = attributes();
    let mut required = vec!["specversion", "id", "source", "type"];
    let kind = match types {
        [only] => json!({ "const": only }),
        several => json!({ "enum": several }),
    };
    properties.insert("type".into(), kind);
    properties.insert("data".into(), params.json_schema());
    if has_key {
        let key = "What its event has in common with those that are delivered in order with it.";
        properties.insert("partitionkey".into(), json!({ "type": "string", "description": key }));
        required.push("partitionkey");
    }
    if params.must_be_given() {
        required.push("data");
    }
    json!({ "type": "object", "properties": properties, "required": required })
}

/// The attributes that every kind has alike.
fn attributes() -> Map<String, Value> {
    let schema = format!("`{SCHEMA}` and a hash of the types that Dovetail wrote `data` by. Others leave it out.");
    let attributes = [
        ("specversion", json!({ "const": VERSION })),
        ("id", text("With `source`, what a message is known by that comes twice; here a UUID.")),
        ("source", text("Who emitted it.")),
        ("time", moment("When it was emitted; without it, when it was read.")),
        ("datacontenttype", json!({ "const": "application/json" })),
        ("dataschema", json!({ "type": "string", "description": schema })),
        ("trail", json!({ "type": "string", "description": "The events that led to it, with spaces between." })),
        ("notbefore", moment("It is not delivered before.")),
    ];
    attributes.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "minLength": 1, "description": description })
}

fn moment(description: &str) -> Value {
    json!({ "type": "string", "format": "date-time", "description": description })
}
