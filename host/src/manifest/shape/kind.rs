//! The kinds of value that a schema admits, and their names in a report.

use serde_json::Value;
use toml::de::DeValue;

/// Whether the schema admits values of this JSON type.
pub(super) fn admits(schema: &Value, kind: &str) -> bool {
    kinds(schema).any(|admitted| admitted == kind)
}

/// The JSON type of a TOML value, where it has one.
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value.type_str() {
        "table" => "object",
        other => other,
    }
}

/// What a value of this schema is: "an array of strings".
pub(super) fn expected(schema: &Value) -> String {
    let name = |kind: &str| match kind {
        "object" if admits(&schema["additionalProperties"], "string") => "a table of strings".to_owned(),
        "object" => "a table".to_owned(),
        "array" => format!("an array of {}", plural(&schema["items"])),
        other => article(other),
    };
    kinds(schema).map(name).collect::<Vec<_>>().join(" or ")
}

/// What several values of this schema are: "strings".
pub(super) fn plural(schema: &Value) -> String {
    let name = |kind: &str| if kind == "object" { "tables".to_owned() } else { format!("{kind}s") };
    let names: Vec<String> = kinds(schema).map(name).collect();
    names.join(" or ")
}

/// What a value is: "an integer".
pub(super) fn found(value: &DeValue<'_>) -> String {
    article(value.type_str())
}

fn article(kind: &str) -> String {
    let article = if kind.starts_with(['a', 'i']) { "an" } else { "a" };
    format!("{article} {kind}")
}

fn kinds(schema: &Value) -> impl Iterator<Item = &str> {
    let kinds = &schema["type"];
    let several = kinds.as_array().into_iter().flatten().filter_map(Value::as_str);
    kinds.as_str().into_iter().chain(several)
}
