//! What one could write, from the examples of the schema.

use serde_json::Value;
use toml::de::DeValue;

use super::kind::admits;
use crate::manifest::ByteSize;
use crate::manifest::key::KeyPath;

/// `advice`, and the line, or for a table the lines, that put an example of
/// this schema into a manifest.
pub(super) fn example(advice: &str, at: &KeyPath, schema: &Value) -> String {
    if let Some(keys) = schema["properties"].as_object() {
        let required = schema["required"].as_array().into_iter().flatten();
        let required = required.filter_map(|key| keys.get_key_value(key.as_str()?));
        let lines = required.map(|(key, schema)| format!("\n{key} = {}", value(schema)));
        return format!("{advice}\n[{at}]{}", lines.collect::<String>());
    }
    let entries = &schema["additionalProperties"];
    if entries.get("properties").is_some() && !admits(entries, "string") {
        let name = schema["propertyNames"]["examples"][0].as_str().unwrap_or("NAME");
        return example(advice, &at.child(name), entries);
    }
    line(advice, at, &value(schema))
}

/// As [`example`], but for an entry of a table of strings, which has none, how to make
/// a string of it. What was found is not repeated: it may be a secret.
pub(super) fn mended(at: &KeyPath, schema: &Value, found: &DeValue<'_>) -> String {
    let advice = "write, for example,";
    if !admits(schema, "string") || schema.get("examples").is_some() {
        return example(advice, at, schema);
    }
    let advice = if found.is_table() || found.is_array() { advice } else { "put it in quotes, as in" };
    line(advice, at, "\"…\"")
}

/// From which number to which a value of this schema may go, if it has bounds.
pub(super) fn bounds(schema: &Value) -> Option<String> {
    let (least, most) = (schema["minimum"].as_u64()?, schema["maximum"].as_u64()?);
    Some(match admits(schema, "string") {
        true => format!("write {} to {}", ByteSize(least), ByteSize(most)),
        false => format!("write {} to {}", grouped(least), grouped(most)),
    })
}

/// A number as TOML has it, with a `_` before each thousand.
fn grouped(number: u64) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{}_{:03}", grouped(number / 1000), number % 1000),
    }
}

fn line(advice: &str, at: &KeyPath, value: &str) -> String {
    format!("{advice} `{} = {value}`", KeyPath::root().child(at.last()))
}

fn value(schema: &Value) -> String {
    inline(&schema["examples"][0])
}

/// A JSON value as TOML.
fn inline(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", "))
        }
        Value::Object(entries) => {
            let entry = |(key, value): (&String, &Value)| format!("{} = {}", KeyPath::root().child(key), inline(value));
            format!("{{ {} }}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}
