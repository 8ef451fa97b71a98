//! Routes, and what the gateway does with the requests of each.

use std::{borrow::Cow, collections::BTreeMap};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Bytes, Compress, Cors, Files, HeaderChanges, List, Redirect, TextOr};

/// A route: its pattern alone, or a table that says more of it.
#[derive(Deserialize, Serialize)]
#[serde(untagged)]
pub(in crate::manifest) enum Route {
    Pattern(String),
    Table(Box<RouteTable>),
}

/// A route with what it asks for beside its pattern, and its own policy.
#[derive(Deserialize, Serialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub(in crate::manifest) struct RouteTable {
    /// The pattern: methods, a host and a path, as in `GET shop.example/orders/{id}`. A path
    /// alone is for all methods and hosts.
    #[schemars(required, with = "String", extend("examples" = ["POST /items"]), regex(pattern = "/"))]
    pub route: Option<String>,
    /// Header fields that a request must have, and their values; `*` is any value.
    #[serde(default)]
    #[schemars(extend("examples" = [{"x-version": "2"}]))]
    pub header: BTreeMap<String, String>,
    /// Where its requests are sent on, in place of a service: a path, a URL, or a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "TextOr<Redirect>", extend("examples" = ["/new/{id}", {"to": "/new", "status": 307}]))]
    pub redirect: Option<TextOr<Redirect>>,
    /// The folder whose files answer in place of a service, relative to this file, or a table
    /// that says more. The route ends with `*`, which stands for a file's path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "TextOr<Files>", extend("examples" = ["dist/", {"folder": "dist/", "fallback": "index.html"}]))]
    pub files: Option<TextOr<Files>>,
    #[serde(flatten)]
    pub policy: Policy,
}

/// What the gateway does with requests: of a route, or in `http` of all routes of a service or
/// of the gateway. The nearest says it.
#[derive(Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("additionalProperties" = false))]
pub(in crate::manifest) struct Policy {
    /// How long the answer may take, from 1ms to 1h; a service's own deadline goes on to hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("examples" = ["2s"]), regex(pattern = "^[0-9]+(ms|s|m|h|d)$"))]
    pub timeout: Option<String>,
    /// The longest request body, up to 1024GiB, in place of the service's `limits.body`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Bytes", extend("examples" = ["16MiB"], "maximum" = 1_099_511_627_776_u64))]
    pub body: Option<Bytes>,
    /// The `[rate.NAME]` that bounds how often it may be asked, or several; `[]` is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "List<String>", extend("examples" = ["clients", ["clients", "searches"]], "minItems" = 0))]
    pub rate: Option<List<String>>,
    /// Whether its requests are refused before others of the service or after them, where too
    /// many wait: `low`, `normal` or `high`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("examples" = ["high"], "enum" = ["low", "normal", "high"]))]
    pub priority: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "HeaderChanges")]
    pub headers: Option<HeaderChanges>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Cors")]
    pub cors: Option<Cors>,
    /// Whether bodies of answers are made shorter for clients that take them so; or the codings
    /// that may be used, the first of them rather.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Compress", extend("examples" = [true, ["zstd", "br", "gzip"]]))]
    pub compress: Option<Compress>,
    /// Who may ask: whom this `[auth.NAME]` knows, or one of several; or `none`, which is
    /// everybody. Where there is any `[auth]` it has to be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "List<String>", extend("examples" = ["login", ["login", "partners"], "none"]))]
    pub auth: Option<List<String>>,
    /// What those who ask must be allowed to: all of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>", extend("examples" = [["items:write"]]))]
    pub scopes: Option<Vec<String>>,
    /// The service that decides whether a request goes on: it exports
    /// `dovetail:gateway/authorizer@0.1.0`. Or `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Authorize", extend("examples" = ["policy", {"service": "policy", "headers": ["x-tenant"]}]))]
    pub authorize: Option<Authorize>,
}

/// Who decides: a service alone, or with what more it is told.
#[derive(Deserialize, Serialize)]
#[serde(untagged)]
pub(in crate::manifest) enum Authorize {
    Service(String),
    Table(AuthorizeTable),
}

/// Who decides, and what it is told of requests beside what it is told of all.
#[derive(Deserialize, Serialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub(in crate::manifest) struct AuthorizeTable {
    /// The service.
    #[schemars(required, with = "String", extend("examples" = ["policy"]))]
    pub service: Option<String>,
    /// Header fields that it is told.
    #[serde(default)]
    #[schemars(extend("examples" = [["x-tenant"]]))]
    pub headers: Vec<String>,
}

impl JsonSchema for Route {
    fn schema_name() -> Cow<'static, str> {
        "Route".into()
    }

    /// The table's own schema, which admits a string as well.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = RouteTable::json_schema(generator);
        schema.insert("type".to_owned(), json!(["string", "object"]));
        schema.insert("pattern".to_owned(), "/".into());
        schema
    }
}

impl JsonSchema for Authorize {
    fn schema_name() -> Cow<'static, str> {
        "Authorize".into()
    }

    /// The table's own schema, which admits a string as well.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = AuthorizeTable::json_schema(generator);
        schema.insert("type".to_owned(), json!(["string", "object"]));
        schema
    }
}
