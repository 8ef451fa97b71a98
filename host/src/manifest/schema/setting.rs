//! A value that stands in the manifest or in a file.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

/// A string, or the file that it is in.
#[derive(Deserialize)]
#[serde(untagged)]
pub(in crate::manifest) enum Setting {
    Written(String),
    /// Without the key it was told that it is missing.
    InFile {
        file: Option<String>,
    },
}

impl JsonSchema for Setting {
    fn schema_name() -> Cow<'static, str> {
        "Setting".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "type": ["string", "object"],
            "additionalProperties": false,
            "required": ["file"],
            "properties": {
                "file": {
                    "description": "The file that has the value, relative to this one: up to 64 KiB of UTF-8, of which \
                        one newline at the end is cut. It is read again when it changes.",
                    "type": "string",
                    "minLength": 1,
                    "examples": ["secrets/api.key"],
                },
            },
        })
    }
}
