//! Messages there and back, and documents of others.

#![expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]

use serde_json::{Value, json};

use super::*;
use crate::message::{Field, Params, StableHash, WitType};

fn message() -> Message {
    Message {
        id: "0194f8c6-7d2a-7b3c-9e4f-5a6b7c8d9e0f".parse().expect("an id"),
        kind: "shop:orders/events@0.1.0#placed".into(),
        source: "/shop/order".into(),
        time: Moment::from_millis(1_795_435_200_007),
        key: Some("7".into()),
        schema: Some(StableHash::of("abc")),
        trail: vec!["a:b/c#d".into(), "a:b/c#e".into()],
        not_before: Some(Moment::from_millis(1_795_435_201_000)),
        data: RawValue::from_string(r#"{"order": {"id":1}}"#.into()).expect("it is JSON"),
    }
}

#[test]
fn a_message_is_a_cloud_event() {
    let document = message().write().expect("it can be written");
    assert_eq!(
        String::from_utf8(document).expect("it is text"),
        concat!(
            r#"{"specversion":"1.0","id":"0194f8c6-7d2a-7b3c-9e4f-5a6b7c8d9e0f","source":"/shop/order","#,
            r#""type":"shop:orders/events@0.1.0#placed","time":"2026-11-23T12:00:00.007Z","#,
            r#""datacontenttype":"application/json","dataschema":"wit:ba7816bf8f01cfea","partitionkey":"7","#,
            r#""trail":"a:b/c#d a:b/c#e","notbefore":"2026-11-23T12:00:01.000Z","data":{"order": {"id":1}}}"#,
        )
    );
}

#[test]
fn a_message_is_read_as_it_was() {
    let bare = || Message { key: None, schema: None, trail: vec![], not_before: None, ..message() };
    let odd = Message { key: Some("\"\\\n\0é".into()), source: "/a\"b".into(), ..message() };
    let nothing = Message { data: RawValue::NULL.to_owned(), key: Some(String::new()), ..bare() };
    for message in [message(), bare(), odd, nothing] {
        let document = message.write().expect("it can be written");
        let read = Message::read(&document).expect("it can be read");
        // Every field is in it.
        assert_eq!(format!("{read:?}"), format!("{message:?}"));
    }
}

#[test]
fn documents_of_others_are_read() {
    let document = json!({
        "specversion": "1.0", "id": "A234", "source": "urn:é", "type": "a:b/c#d",
        "time": "2026-11-23T13:00:00.123456+01:00", "datacontenttype": "text/json",
        "dataschema": "https://example.com/schema", "traceparent": "00-1", "sequence": 7, "subject": null,
        "partitionkey": null, "data": [1],
    });
    let read = Message::read(document.to_string().as_bytes()).expect("it can be read");
    assert_eq!(read.id, MessageId::of_foreign("urn:é", "A234"));
    assert_eq!((read.kind.as_str(), read.source.as_str(), read.data.get()), ("a:b/c#d", "urn:é", "[1]"));
    assert_eq!(read.time.to_string(), "2026-11-23T12:00:00.123Z");
    assert!(read.key.is_none() && read.schema.is_none() && read.trail.is_empty() && read.not_before.is_none());

    let before = Moment::now();
    let least = r#"{ "type":"t", "source":"s", "id":"1", "specversion":"1.0" }"#;
    let read = Message::read(least.as_bytes()).expect("it can be read");
    assert!(read.time >= before);
    assert_eq!(read.data.get(), "null");
}

#[test]
fn what_is_no_message_is_refused_with_the_reason() {
    let good = || json!({ "specversion": "1.0", "id": "1", "source": "s", "type": "t" });
    for attribute in ["specversion", "id", "source", "type"] {
        for (wrong, why) in [(None, "gone"), (Some(json!(null)), "null"), (Some(json!("")), "empty")] {
            let mut document = good();
            match wrong {
                Some(wrong) => document[attribute] = wrong,
                None => drop(document.as_object_mut().and_then(|members| members.remove(attribute))),
            }
            let error = Message::read(document.to_string().as_bytes()).expect_err(why);
            assert_eq!(error.to_string(), format!("it has no `{attribute}`, which every CloudEvent has"), "{why}");
        }
    }
    for (attribute, wrong, text) in [
        ("specversion", json!("0.3"), "its `specversion` is \"0.3\", and has to be \"1.0\""),
        ("data_base64", json!("AA=="), "it has `data_base64`: an event is JSON, and comes in `data`"),
        ("time", json!("noon"), "its `time` is \"noon\": a time has the form of RFC 3339, 2026-11-23T12:00:00.000Z"),
        ("notbefore", json!(""), "its `notbefore` is \"\": a time has the form of RFC 3339, 2026-11-23T12:00:00.000Z"),
        ("id", json!(7), "it is no CloudEvent in JSON"),
    ] {
        let mut document: Value = good();
        document[attribute] = wrong;
        let error = Message::read(document.to_string().as_bytes()).expect_err("it is wrong");
        assert_eq!(error.to_string(), text);
    }
    for text in ["", "{", "[]", "\"\"", "{}x", "\u{feff}{}"] {
        Message::read(text.as_bytes()).expect_err(text);
    }
    Message::read(b"{\"id\":\"\xff\"}").expect_err("it is no text");
}

#[test]
fn a_schema_has_all_that_is_written_and_asks_for_no_more_than_is_read() {
    let order = Field { name: "order".into(), ty: WitType::Record(vec![]) };
    let params = Params { fields: vec![order] };
    let schema = envelope_schema(&["shop:orders/events@0.1.0#placed"], &params, true);
    let written: Value = serde_json::from_slice(&message().write().expect("it can be written")).expect("it is JSON");
    let (properties, written) = (&schema["properties"], written.as_object().expect("it is an object"));
    let known: Vec<_> = properties.as_object().expect("it has some").keys().collect();
    assert_eq!(written.keys().collect::<Vec<_>>(), known);
    for (attribute, only) in
        [("specversion", "1.0"), ("datacontenttype", "application/json"), ("type", &message().kind)]
    {
        assert_eq!(properties[attribute], json!({ "const": only }));
        assert_eq!(written[attribute], only);
    }
    assert_eq!(properties["data"], params.json_schema());
    let required = ["specversion", "id", "source", "type", "partitionkey", "data"];
    assert_eq!(schema["required"], json!(required));
    let least: serde_json::Map<_, _> = required.iter().map(|name| (name.to_string(), written[*name].clone())).collect();
    let read = Message::read(&serde_json::to_vec(&least).expect("it is JSON")).expect("it is a message");
    assert_eq!((read.id, read.key), (message().id, message().key));
}

#[test]
fn a_schema_asks_for_no_key_and_no_data_where_there_are_none() {
    let gift = Field { name: "gift".into(), ty: WitType::Option(WitType::Bool.into()) };
    let schema = envelope_schema(&["a:b/c@0.1.0#d", "a:b/c@0.1.1#d"], &Params { fields: vec![gift] }, false);
    assert_eq!(schema["required"], json!(["specversion", "id", "source", "type"]));
    assert_eq!(schema["properties"]["type"], json!({ "enum": ["a:b/c@0.1.0#d", "a:b/c@0.1.1#d"] }));
    assert_eq!(schema["properties"]["partitionkey"], Value::Null);
}
