//! Who may ask.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::List;

/// By what it is known who asks: tokens of an issuer, or keys.
#[derive(Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::manifest) struct Auth {
    /// Who has made a token, as its `iss` says it: a URL, below which it also says where its
    /// keys are, unless `keys` or `key` has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1), extend("examples" = ["https://login.example.com"]))]
    pub issuer: Option<String>,
    /// For whom a token is, as its `aud` says it: one, or several of which one will do.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "List<String>", extend("examples" = ["shop", ["shop", "https://shop.example"]]))]
    pub audience: Option<List<String>>,
    /// A file with the issuer's public keys, as a JSON Web Key Set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1), extend("examples" = ["jwks.json"]))]
    pub keys: Option<String>,
    /// A file with the issuer's public key in PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1), extend("examples" = ["public.pem"]))]
    pub key: Option<String>,
    /// A file in PEM with those who vouch for the issuer's server, instead of those that the
    /// system trusts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1), extend("examples" = ["ca.pem"]))]
    pub ca: Option<String>,
    /// A file with the hashes of keys, each with a name and what it may do; `dovetail key` makes
    /// them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1), extend("examples" = ["keys.toml"]))]
    pub api_keys: Option<String>,
    /// A file with names and bcrypt hashes of their passwords, as `htpasswd -B` makes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1), extend("examples" = ["users.htpasswd"]))]
    pub basic: Option<String>,
    /// Whether components are given what was brought, as it came. They are always told who asks.
    #[schemars(extend("examples" = [true]))]
    pub forward: bool,
}
