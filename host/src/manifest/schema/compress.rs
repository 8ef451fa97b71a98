//! Whether bodies are made shorter, and how.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

/// Whether they are, or the codings that may be used.
#[derive(Deserialize, Serialize)]
#[serde(untagged)]
pub(in crate::manifest) enum Compress {
    Flag(bool),
    Codings(Vec<String>),
}

impl JsonSchema for Compress {
    fn schema_name() -> Cow<'static, str> {
        "Compress".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "type": ["boolean", "array"],
            "items": { "type": "string", "enum": ["br", "gzip", "zstd"] },
            "minItems": 1,
            "uniqueItems": true,
        })
    }
}
