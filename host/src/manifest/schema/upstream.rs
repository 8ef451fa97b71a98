//! Services that are no components.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{List, Policy, Route};

/// A service that is no component: the gateway passes its requests on.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::manifest) struct Upstream {
    /// Where it is: scheme, host and port, and no path; or several of these, of which any will
    /// do.
    #[schemars(
        required,
        with = "List<String>",
        extend("examples" = ["http://127.0.0.1:5001", ["http://10.0.0.1:5001", "http://10.0.0.2:5001"]])
    )]
    pub url: Option<List<String>>,
    /// What it serves, as `routes` of a service.
    #[serde(default)]
    #[schemars(extend("examples" = [["/items", "GET /items/{id}"]]))]
    pub routes: Vec<Route>,
    /// What the gateway does with the requests of all its routes.
    #[serde(default)]
    pub http: Policy,
    /// Which `Host` it is told: that of the `client`'s request, or its own, as `url` has it.
    #[serde(default = "client")]
    #[schemars(extend("examples" = ["client"], "enum" = ["client", "upstream"]))]
    pub host: String,
    /// A file in PEM with the authorities that vouch for it over TLS, relative to this one,
    /// instead of those that the system trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1), extend("examples" = ["ca.pem"]))]
    pub ca: Option<String>,
    /// The most requests that it has at once. As many again wait; who comes then is answered
    /// with 503.
    #[serde(default = "connections")]
    #[schemars(extend("examples" = [256]), range(min = 1, max = 10_000))]
    pub connections: i64,
    /// What each address is asked for, to know whether it is well: a path, or a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Health")]
    pub health: Option<Health>,
}

/// A path, or a table that says how often it is asked for, too.
#[derive(Deserialize, Serialize)]
#[serde(untagged)]
pub(in crate::manifest) enum Health {
    Path(String),
    Table(HealthTable),
}

/// How an upstream is asked whether it is well.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::manifest) struct HealthTable {
    /// What is asked for; an answer from 200 to 399 is a good one.
    #[schemars(required, with = "String", extend("examples" = ["/healthz"]), regex(pattern = "^/"))]
    pub path: Option<String>,
    /// How long after an answer it is asked again, from 100ms to 1h.
    #[serde(default = "every")]
    #[schemars(extend("examples" = ["5s"]), regex(pattern = "^[0-9]+(ms|s|m|h|d)$"))]
    pub every: String,
}

impl Health {
    /// The path, if there is one, and how often it is asked for.
    pub fn parts(self) -> (Option<String>, String) {
        match self {
            Health::Path(path) => (Some(path), every()),
            Health::Table(HealthTable { path, every }) => (path, every),
        }
    }
}

impl JsonSchema for Health {
    fn schema_name() -> Cow<'static, str> {
        "Health".into()
    }

    /// The table's own schema, which admits a string as well.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = HealthTable::json_schema(generator);
        schema.insert("type".to_owned(), json!(["string", "object"]));
        schema.insert("pattern".to_owned(), "^/".into());
        schema.insert("examples".to_owned(), json!(["/healthz", { "path": "/healthz", "every": "5s" }]));
        schema
    }
}

fn client() -> String {
    "client".to_owned()
}

fn connections() -> i64 {
    256
}

fn every() -> String {
    "5s".to_owned()
}
