//! How often routes may be asked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How often something may be asked for: by routes that name it as their `rate`.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["limit"]))]
pub(in crate::manifest) struct Rate {
    /// The requests in a second, a minute or an hour, up to 1000000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("examples" = ["100/s", "1000/h"]), regex(pattern = "^[0-9]+/[smh]$"))]
    pub limit: Option<String>,
    /// How many of them may come at once, if not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", extend("examples" = [200]), range(min = 1, max = 1_000_000))]
    pub burst: Option<i64>,
    /// What is counted apart: each client's `address` (of IPv6 its network of 64 bits), each
    /// `route`, or each value of a header field, as in `header:x-tenant`.
    #[schemars(extend("examples" = ["address", "route", "header:x-tenant"]), regex(pattern = "^(address|route|header:.+)$"))]
    pub per: String,
    /// Whether all hosts on the store count together. Then each request asks the store.
    #[schemars(extend("examples" = [true]))]
    pub shared: bool,
}

impl Default for Rate {
    fn default() -> Self {
        Rate { limit: None, burst: None, per: "address".to_owned(), shared: false }
    }
}
