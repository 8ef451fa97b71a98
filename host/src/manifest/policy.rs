//! What the gateway does with the requests of a route.

use std::time::Duration;

use super::{Asks, ByteSize, Coding, Content, Cors, HeaderChanges, Priority, Route};
use http::HeaderName;

/// A route of a service, and what is done with its requests.
#[derive(Debug, Clone)]
pub struct RouteManifest {
    /// Which requests it is for.
    pub route: Route,
    /// What is said of it, of its service or of the gateway; the nearest of these counts.
    pub policy: Policy,
    /// What answers in place of a service.
    pub content: Option<Content>,
}

impl RouteManifest {
    /// The keys of what is said beside the route itself.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        let content = self.content.as_ref().map(|content| match content {
            Content::Moved(_) => "redirect",
            Content::Files(_) => "files",
        });
        content.into_iter().chain(self.policy.keys())
    }
}

/// What is done with requests. What is not said is not done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// How long the answer may take; 1 ms to 1 h.
    pub timeout: Option<Duration>,
    /// The longest request body, in place of that of the service's limits.
    pub body: Option<ByteSize>,
    /// The names of the rates that bound them, in the order in which they are counted.
    pub rates: Option<Vec<String>>,
    /// Who is refused first where too many wait.
    pub priority: Option<Priority>,
    /// What is changed in the heads of answers.
    pub headers: Option<HeaderChanges>,
    /// Which pages of other origins may ask.
    pub cors: Option<Cors>,
    /// The codings that bodies of answers are made shorter by, the first of them rather; none
    /// if they are not.
    pub compress: Option<Vec<Coding>>,
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
    fn keys(&self) -> impl Iterator<Item = &'static str> + use<> {
        let said = [
            ("timeout", self.timeout.is_some()),
            ("body", self.body.is_some()),
            ("headers", self.headers.is_some()),
            ("cors", self.cors.is_some()),
            ("compress", self.compress.as_ref().is_some_and(|codings| !codings.is_empty())),
            ("auth", matches!(self.auth, Some(Asks::Known(_)))),
            ("scopes", self.scopes.is_some()),
            ("authorize", matches!(self.authorize, Some(Authorize::Service { .. }))),
            ("rate", self.rates.as_ref().is_some_and(|names| !names.is_empty())),
            ("priority", self.priority.is_some()),
        ];
        said.into_iter().filter_map(|(key, is_said)| is_said.then_some(key))
    }

    /// What this says, and where it says nothing what a `wider` one does.
    pub fn or(self, wider: &Policy) -> Policy {
        Policy {
            timeout: self.timeout.or(wider.timeout),
            body: self.body.or(wider.body),
            rates: self.rates.or_else(|| wider.rates.clone()),
            priority: self.priority.or(wider.priority),
            headers: self.headers.or_else(|| wider.headers.clone()),
            cors: self.cors.or_else(|| wider.cors.clone()),
            compress: self.compress.or_else(|| wider.compress.clone()),
            auth: self.auth.or_else(|| wider.auth.clone()),
            scopes: self.scopes.or_else(|| wider.scopes.clone()),
            authorize: self.authorize.or_else(|| wider.authorize.clone()),
        }
    }
}
