//! Schemas, held against what is written and what is read.

use base64::Engine;

use super::*;
use crate::message::json::schema::{BASE64, schema};

/// Whether JSON is valid, by the words that schemas here are made of.
fn is_valid(json: &Value, schema: &Value) -> bool {
    let words = schema.as_object().expect("a schema is an object");
    words.iter().all(|(word, of)| keeps(json, word, of, schema))
}

fn keeps(json: &Value, word: &str, of: &Value, schema: &Value) -> bool {
    let bound = || of.as_u64().expect("a bound is a number") as usize;
    match (word, json) {
        ("type", _) => is_of_type(json, of.as_str().expect("a type is a name")),
        ("enum", _) => of.as_array().expect("a list").contains(json),
        ("oneOf", _) => of.as_array().expect("a list").iter().filter(|one| is_valid(json, one)).count() == 1,
        ("minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum", Value::Number(number)) => {
            // Integers are compared as such: a double has not all of their digits.
            let order = match (exact(json), exact(of)) {
                (Some(one), Some(other)) => one.cmp(&other),
                _ => number.as_f64().partial_cmp(&of.as_f64()).expect("numbers are finite"),
            };
            match word {
                "minimum" => order.is_ge(),
                "maximum" => order.is_le(),
                "exclusiveMinimum" => order.is_gt(),
                _ => order.is_lt(),
            }
        }
        ("minLength", Value::String(text)) => text.chars().count() >= bound(),
        ("maxLength", Value::String(text)) => text.chars().count() <= bound(),
        ("pattern", Value::String(text)) => STANDARD.decode(text).is_ok(),
        ("minItems", Value::Array(items)) => items.len() >= bound(),
        ("maxItems", Value::Array(items)) => items.len() <= bound(),
        ("uniqueItems", Value::Array(items)) => (1..items.len()).all(|end| !items[..end].contains(&items[end])),
        ("items", Value::Array(items)) => match of.as_array() {
            Some(each) => items.iter().zip(each).all(|(item, of)| is_valid(item, of)),
            None => items.iter().all(|item| is_valid(item, of)),
        },
        ("required", Value::Object(object)) => {
            let names = of.as_array().expect("a list").iter().map(|name| name.as_str().expect("a name"));
            names.into_iter().all(|name| object.contains_key(name))
        }
        ("properties", Value::Object(object)) => {
            object.iter().all(|(name, json)| of.get(name).is_none_or(|of| is_valid(json, of)))
        }
        ("additionalProperties", Value::Object(object)) => {
            let others = object.iter().filter(|(name, _)| schema["properties"].get(name).is_none());
            others.into_iter().all(|(_, json)| *of != json!(false) && is_valid(json, of))
        }
        // They say nothing of JSON of another type.
        ("minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "minLength" | "maxLength", _) => true,
        ("pattern" | "minItems" | "maxItems" | "uniqueItems" | "items", _) => true,
        ("required" | "properties" | "additionalProperties" | "contentEncoding", _) => true,
        _ => panic!("{word} is no word of these schemas"),
    }
}

fn is_of_type(json: &Value, name: &str) -> bool {
    match name {
        "integer" => json.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => json.is_number(),
        "boolean" => json.is_boolean(),
        "string" => json.is_string(),
        "array" => json.is_array(),
        "object" => json.is_object(),
        "null" => json.is_null(),
        _ => panic!("{name} is no type of JSON"),
    }
}

fn exact(json: &Value) -> Option<i128> {
    json.as_i64().map(i128::from).or_else(|| json.as_u64().map(i128::from))
}

#[test]
fn what_is_written_is_valid_and_what_is_valid_is_read() {
    let seed = RandomState::new().hash_one(0) | 1;
    let mut random = Random(seed);
    let (mut valid, mut refused) = (0, 0);
    for round in 0..20_000 {
        let ty = random.ty(4);
        let (schema, value) = (schema(&ty), random.value(&ty));
        let mut json = serde_json::from_str(&encode(&value, &ty)).expect("it is JSON");
        assert!(is_valid(&json, &schema), "seed {seed}, round {round}: {json} as {ty}, by {schema}");
        random.spoil(&mut json);
        match is_valid(&json, &schema) {
            true => {
                decode(&ty, &json).unwrap_or_else(|error| panic!("seed {seed}, round {round}: {error}, by {schema}"));
                valid += 1;
            }
            false => refused += 1,
        }
    }
    assert!(valid > 100 && refused > 100, "seed {seed}: {valid} valid, {refused} refused");
}

#[test]
fn each_type_has_its_schema() {
    use WitType::*;
    let field = |name: &str, ty| Field { name: name.into(), ty };
    let [byte, nothing] = [json!({ "type": "integer", "minimum": 0, "maximum": 255 }), json!({ "type": "null" })];
    let only = |name: &str, of: &Value| json!({ "type": "object", "properties": { name: of }, "required": [name], "additionalProperties": false });
    let words = json!({ "enum": ["NaN", "Infinity", "-Infinity"] });
    for (ty, expected) in [
        (Bool, json!({ "type": "boolean" })),
        (S8, json!({ "type": "integer", "minimum": -128, "maximum": 127 })),
        (U64, json!({ "type": "integer", "minimum": 0, "maximum": u64::MAX })),
        (S64, json!({ "type": "integer", "minimum": i64::MIN, "maximum": i64::MAX })),
        (F64, json!({ "oneOf": [{ "type": "number" }, words] })),
        (Char, json!({ "type": "string", "minLength": 1, "maxLength": 1 })),
        (Enum(vec!["a".into()]), json!({ "type": "string", "enum": ["a"] })),
        (
            Flags(vec!["a".into()]),
            json!({ "type": "array", "items": { "type": "string", "enum": ["a"] }, "uniqueItems": true }),
        ),
        (List(U8.into()), json!({ "type": "string", "contentEncoding": "base64", "pattern": BASE64 })),
        (List(String.into()), json!({ "type": "array", "items": { "type": "string" } })),
        (FixedLengthList(U8.into(), 2), json!({ "type": "array", "items": byte, "minItems": 2, "maxItems": 2 })),
        (
            Tuple(vec![U8, Bool]),
            json!({ "type": "array", "items": [byte, { "type": "boolean" }], "minItems": 2, "maxItems": 2 }),
        ),
        (Map(String.into(), U8.into()), json!({ "type": "object", "additionalProperties": byte })),
        (Option(U8.into()), json!({ "oneOf": [byte, nothing] })),
        (
            Option(Option(U8.into()).into()),
            json!({ "oneOf": [only("some", &json!({ "oneOf": [byte, nothing] })), nothing] }),
        ),
        (Result(None, Some(U8.into())), json!({ "oneOf": [only("ok", &nothing), only("err", &byte)] })),
        (
            Variant(vec![("card".into(), Some(U8)), ("cash".into(), None)]),
            json!({ "oneOf": [{ "type": "string", "enum": ["cash"] }, only("card", &byte)] }),
        ),
        (
            Record(vec![field("user-id", U8), field("gift", Option(U8.into()))]),
            json!({
                "type": "object",
                "properties": { "user-id": byte, "gift": { "oneOf": [byte, nothing] } },
                "required": ["user-id"],
            }),
        ),
    ] {
        assert_eq!(schema(&ty), expected, "{ty}");
    }
}

#[test]
fn what_rounds_to_no_number_is_not_valid() {
    let single = schema(&WitType::F32);
    for (text, is_single) in [("3.4028235e38", true), ("-3.4028235677973363e38", true), ("3.4028236e38", false)] {
        let json = serde_json::from_str(text).expect("it is JSON");
        assert_eq!(is_valid(&json, &single), is_single, "{text}");
        assert_eq!(decode(&WitType::F32, &json).is_ok(), is_single, "{text}");
    }
}
