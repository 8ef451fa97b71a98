//! A text, or a table that says more.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A value that is most often a text alone.
#[derive(Deserialize, Serialize)]
#[serde(untagged)]
pub(in crate::manifest) enum TextOr<T> {
    Text(String),
    Table(T),
}

impl<T: JsonSchema> JsonSchema for TextOr<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("TextOr{}", T::schema_name()).into()
    }

    /// The table's own schema, which admits a string as well.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = T::json_schema(generator);
        schema.insert("type".to_owned(), json!(["string", "object"]));
        schema
    }
}
