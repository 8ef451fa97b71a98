//! What the gateway does with the requests of a route.

use std::time::Duration;

use http::HeaderName;

use super::{Asks, ByteSize, Route};

/// A route of a service, and what is done with its requests.
#[derive(Debug, Clone)]
pub struct RouteManifest {
    /// Which requests it is for.
    pub route: Route,
    /// What is said of it, of its service or of the gateway; the nearest of these counts.
    pub policy: Policy,
}

/// What is done with requests. What is not said is not done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// How long the answer may take; 1 ms to 1 h.
    pub timeout: Option<Duration>,
    /// The longest request body, in place of that of the service's limits.
    pub body: Option<ByteSize>,
    /// Who may ask. It is said, if the manifest has any `[auth]`.
    pub auth: Option<Asks>,
    /// What they must be allowed to, all of it.
    pub scopes: Option<Vec<String>>,
    /// Who decides whether a request goes on.
    pub authorize: Option<Authorize>,
}

/// Who decides whether requests go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorize {
    /// Nobody: they do.
    Nobody,
    /// A service of the app.
    Service {
        /// Its name.
        name: String,
        /// What it is told of the requests' headers.
        headers: Vec<HeaderName>,
    },
}

impl Policy {
    /// What this says, and where it says nothing what a `wider` one does.
    pub fn or(self, wider: &Policy) -> Policy {
        Policy {
            timeout: self.timeout.or(wider.timeout),
            body: self.body.or(wider.body),
            auth: self.auth.or_else(|| wider.auth.clone()),
            scopes: self.scopes.or_else(|| wider.scopes.clone()),
            authorize: self.authorize.or_else(|| wider.authorize.clone()),
        }
    }
}
