//! What the gateway does with the requests of a route.

use std::time::Duration;

use super::{ByteSize, Priority, Route};

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
    /// The names of the rates that bound them, in the order in which they are counted.
    pub rates: Option<Vec<String>>,
    /// Who is refused first where too many wait.
    pub priority: Option<Priority>,
}

impl Policy {
    /// What this says, and where it says nothing what a `wider` one does.
    pub fn or(self, wider: &Policy) -> Policy {
        Policy {
            timeout: self.timeout.or(wider.timeout),
            body: self.body.or(wider.body),
            rates: self.rates.or_else(|| wider.rates.clone()),
            priority: self.priority.or(wider.priority),
        }
    }
}
