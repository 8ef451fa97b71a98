//! What the gateway answers by itself, and what it changes in answers.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Header fields of answers that are set, in place of what is there, and those that are taken
/// out.
#[derive(Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::manifest) struct HeaderChanges {
    /// Names and values.
    #[schemars(extend("examples" = [{"x-frame-options": "DENY"}]))]
    pub set: BTreeMap<String, String>,
    /// Names.
    #[schemars(extend("examples" = [["server"]]))]
    pub remove: Vec<String>,
}

/// Which pages of other origins may ask, and for what.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::manifest) struct Cors {
    /// The origins, as browsers write them; `*` alone is every one.
    #[schemars(required, with = "Vec<String>", extend("examples" = [["https://app.example"]]))]
    pub origins: Option<Vec<String>>,
    /// By which methods; by GET, HEAD and POST if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>", extend("examples" = [["GET", "PUT", "DELETE"]]))]
    pub methods: Option<Vec<String>>,
    /// Which header fields requests may have, beside those of every page.
    #[serde(default)]
    #[schemars(extend("examples" = [["authorization", "content-type"]]))]
    pub headers: Vec<String>,
    /// Which header fields of answers may be read, beside those of every page.
    #[serde(default)]
    #[schemars(extend("examples" = [["etag"]]))]
    pub expose: Vec<String>,
    /// Whether requests may bring cookies and logins.
    #[serde(default)]
    #[schemars(extend("examples" = [true]))]
    pub credentials: bool,
    /// How long a browser may remember it, from 1s to 1d.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("examples" = ["10m"]), regex(pattern = "^[0-9]+(ms|s|m|h|d)$"))]
    pub max_age: Option<String>,
}

/// A folder whose files are answered.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::manifest) struct Files {
    /// The folder, relative to this file.
    #[schemars(required, with = "String", length(min = 1), extend("examples" = ["dist/"]))]
    pub folder: Option<String>,
    /// A file in it that is answered where there is none, unless the path's last segment has a
    /// dot: the page of a program that draws its pages itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1), extend("examples" = ["index.html"]))]
    pub fallback: Option<String>,
    /// What caches are told of all files but pages, which they are told to ask for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1), extend("examples" = ["max-age=31536000, immutable"]))]
    pub cache_control: Option<String>,
}

/// Where requests are sent on.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::manifest) struct Redirect {
    /// A path, or a URL, in which the route's parameters may stand, and `{*}` for what its `*`
    /// stands for. The query is kept, unless there is one here.
    #[schemars(required, with = "String", length(min = 1), extend("examples" = ["/new/{id}"]))]
    pub to: Option<String>,
    /// 301, 302, 303, 307 or 308, which is meant where it is not written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", extend("examples" = [307], "enum" = [301, 302, 303, 307, 308]))]
    pub status: Option<i64>,
}
