//! What a document says of each transport.

#![expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]

use std::fs;

use super::*;
use crate::{
    manifest::{EventManifest, Manifest, Transport},
    message::{Field, Params, WitType},
};

const MANIFEST: &str = r#"
[app]
name = "shop"
[service.order]
component = "order.wasm"
[service.notices]
component = "notices.wasm"
[event."shop:orders/events@0.1.0"]
subscribers = ["notices"]
key = "user-id"
[event."shop:orders/events@1.0.0"]
subscribers = ["notices"]
"#;

fn manifest() -> Manifest {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("dovetail.toml");
    fs::write(&file, MANIFEST).expect("there is room");
    Manifest::load(&file).expect("it is one")
}

/// The messages of these functions of an event, which `order` emits.
fn kinds<'a>(event: &'a EventManifest, functions: &[&str]) -> Vec<Kind<'a>> {
    let kinds = functions.iter().map(|function| Kind {
        event,
        interface: "shop:orders/events".into(),
        function: (*function).into(),
        types: [format!("{}#{function}", event.interface)].into(),
        params: Params { fields: vec![Field { name: "user-id".into(), ty: WitType::U64 }] },
        senders: vec![Sender::Service("order")],
        subscribers: vec!["notices"],
    });
    kinds.collect()
}

/// The events, the first of which goes by this broker.
fn manifest_by(transport: &str) -> Manifest {
    let mut manifest = manifest();
    manifest.events[0].transport = Some(Transport::parse(transport).expect("a transport"));
    manifest
}

fn document_of(kinds: &[Kind]) -> Value {
    document(&About { app: "shop", version: "1" }, kinds)
}

/// The names in a part of a document.
fn names(part: &Value) -> Vec<&str> {
    part.as_object().map(|part| part.keys().map(String::as_str).collect()).unwrap_or_default()
}

#[test]
fn a_channel_is_where_its_transport_has_it() {
    let key = "`user-id` of the event; a byte that is no letter, digit, `-` or `_` is `%` and two digits";
    let key = json!({ "key": { "description": key } });
    let exchange = json!({ "name": "shop.orders.events", "type": "topic", "durable": true, "autoDelete": false });
    let amqp = json!({ "amqp": { "is": "routingKey", "exchange": exchange, "bindingVersion": "0.3.0" } });
    let kafka = json!({ "kafka": { "topic": "shop.orders.events", "bindingVersion": "0.5.0" } });
    let (none, subject) = (Value::Null, "shop.orders.events.placed");
    for (scheme, name, address, parameters, bindings) in [
        (None, subject, subject, &none, &none),
        (Some("nats"), subject, "shop.orders.events.placed.{key}", &key, &none),
        (Some("amqps"), subject, "placed.{key}", &key, &amqp),
        (Some("kafka"), "shop.orders.events", "shop.orders.events", &none, &kafka),
    ] {
        let manifest = scheme.map_or_else(manifest, |scheme| manifest_by(&format!("{scheme}://broker:1234")));
        let document = document_of(&kinds(&manifest.events[0], &["placed", "cancelled"]));
        let channel = &document["channels"][name];
        assert_eq!(channel["address"], address, "{document:#}");
        assert_eq!((&channel["parameters"], &channel["bindings"]), (parameters, bindings), "{document:#}");
        assert!(names(&channel["messages"]).contains(&"placed"), "{document:#}");
        assert_eq!(names(&document["servers"]), Vec::from_iter(scheme), "{document:#}");
    }
}

#[test]
fn a_topic_has_the_messages_of_all_functions_and_their_key() {
    let manifest = manifest_by("kafka+tls://broker:1234");
    let document = document_of(&kinds(&manifest.events[0], &["placed", "cancelled"]));
    assert_eq!(document["servers"]["kafka-tls"]["protocol"], "kafka-secure");
    let channel = &document["channels"]["shop.orders.events"];
    assert_eq!(names(&channel["messages"]), ["cancelled", "placed"]);
    for (function, message) in channel["messages"].as_object().expect("there are some") {
        assert_eq!(message["bindings"]["kafka"]["key"]["type"], "string", "{function}");
        assert_eq!(message["payload"]["properties"]["type"]["const"], format!("shop:orders/events@0.1.0#{function}"));
    }
    let message = |function| json!({ "$ref": format!("#/channels/shop.orders.events/messages/{function}") });
    for (name, action) in [("order.emits", "send"), ("notices.is-delivered", "receive")] {
        let operation = &document["operations"][format!("{name}.shop.orders.events")];
        assert_eq!(operation["action"], action);
        assert_eq!(operation["messages"], json!([message("placed"), message("cancelled")]));
    }
}

#[test]
fn an_event_without_a_broker_is_on_none() {
    let manifest = manifest_by("nats://broker:1234");
    let mut kinds = kinds(&manifest.events[0], &["placed"]);
    kinds.extend(self::kinds(&manifest.events[1], &["placed"]));
    let document = document_of(&kinds);
    let server = |name| json!([{ "$ref": format!("#/servers/{name}") }]);
    let channels = &document["channels"];
    assert_eq!(channels["shop.orders.events.placed"]["servers"], server("nats"));
    // The same function of a version that does not go with the other.
    assert_eq!(channels["shop.orders.events.placed-2"]["servers"], server("dovetail"));
    assert_eq!(names(&document["servers"]), ["dovetail", "nats"]);
    assert_eq!(document["servers"]["nats"]["host"], "broker:1234");
}

#[test]
fn time_sends_and_brokers_are_told_apart() {
    let mut manifest = manifest_by("amqp://one");
    manifest.events[1].transport = Some(Transport::parse("amqp://other").expect("a transport"));
    let mut kinds = kinds(&manifest.events[0], &["placed"]);
    kinds[0].senders = vec![Sender::Schedule("nightly")];
    kinds.extend(self::kinds(&manifest.events[1], &["placed"]));
    let document = document_of(&kinds);
    assert_eq!(names(&document["servers"]), ["amqp", "amqp-2"]);
    let operation = &document["operations"]["schedule.nightly.emits.shop.orders.events.placed"];
    assert_eq!(operation["tags"], json!([{ "name": "schedule nightly" }]));
    assert_eq!(operation["bindings"]["amqp"]["deliveryMode"], 2);
}
