//! One value, or several.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A value that stands alone, or an array of such values.
#[derive(Deserialize, Serialize)]
#[serde(untagged)]
pub(in crate::manifest) enum List<T> {
    // First, for serde takes an array for the fields of a table as well.
    Several(Vec<T>),
    One(T),
}

impl<T: JsonSchema> JsonSchema for List<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("ListOf{}", T::schema_name()).into()
    }

    /// The value's own schema, which admits an array as well: what it says of tables and
    /// strings says nothing of arrays.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = T::json_schema(generator);
        let mut schema = one.clone();
        let kind = one.get("type").cloned().unwrap_or(Value::Null);
        schema.insert("type".to_owned(), json!([kind, "array"]));
        schema.insert("items".to_owned(), one.to_value());
        schema.insert("minItems".to_owned(), 1.into());
        schema
    }
}
