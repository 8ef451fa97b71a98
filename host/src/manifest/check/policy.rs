//! What the gateway does with the requests of a route.

use super::{
    Checker,
    service::{body, up_to_an_hour},
};
use crate::manifest::{Policy, Priority, key::KeyPath, schema};

impl Checker<'_> {
    /// The policy in the table at `at`.
    pub(super) fn policy(&mut self, at: &KeyPath, written: &schema::Policy) -> Policy {
        let timeout = written.timeout.as_deref();
        let timeout = timeout.and_then(|text| self.take(&at.child("timeout"), up_to_an_hour(text)));
        let largest = written.body.as_ref().and_then(|size| self.take(&at.child("body"), body(size)));
        let rates = written.rate.as_ref().map(|names| self.named_rates(at, names));
        let priority = written.priority.as_deref();
        let priority = priority.and_then(|text| self.take(&at.child("priority"), Priority::parse(text)));
        let headers = written.headers.as_ref().map(|changes| self.headers(&at.child("headers"), changes));
        let cors = written.cors.as_ref().and_then(|cors| self.cors(&at.child("cors"), cors));
        let compress = written.compress.as_ref().map(|compress| self.compress(&at.child("compress"), compress));
        let (auth, scopes) = self.asks(at, written);
        let authorize = self.authorize(&at.child("authorize"), written.authorize.as_ref());
        Policy { timeout, body: largest, headers, cors, compress, auth, scopes, authorize, rates, priority }
    }
}
