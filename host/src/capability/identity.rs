//! Who asks, as the gateway has verified it.

use std::{fmt::Write, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue};
use wasmtime::{
    Result,
    component::{HasData, Linker},
};

use super::bindings::dovetail::gateway::identity::{Host, Identity as Told, add_to_linker};

/// The fields that tell a component who asks. All others of this family are dropped, too, so
/// that none can be meant for one of them.
pub const FAMILY: &str = "x-dovetail-";

/// Whoever asks, as those know it who vouch for it.
const SUBJECT: HeaderName = HeaderName::from_static("x-dovetail-subject");

/// Who vouches for it; none for keys of the host's own.
const ISSUER: HeaderName = HeaderName::from_static("x-dovetail-issuer");

/// What it may do, with spaces between.
const SCOPES: HeaderName = HeaderName::from_static("x-dovetail-scopes");

/// The `[auth.NAME]` that knows it.
const AUTH: HeaderName = HeaderName::from_static("x-dovetail-auth");

/// Who asks.
#[derive(Debug)]
pub struct Identity {
    /// The `[auth.NAME]` that knows it.
    pub auth: Arc<str>,
    /// As what it is known to who vouches for it.
    pub subject: String,
    /// Who vouches for it; none for keys of the host's own.
    pub issuer: Option<String>,
    /// What it may do: tokens of RFC 6749.
    pub scopes: Vec<String>,
    /// All that is said of it, as a JSON object; none if there is no more than the above.
    pub claims: Option<String>,
    /// Until when it is believed, in seconds since 1970 began; none if nothing ends it but
    /// another file.
    pub expires: Option<u64>,
    /// The same as fields, made once for all requests.
    fields: Vec<(HeaderName, HeaderValue)>,
}

impl Identity {
    /// Whoever `auth` knows as `subject`.
    pub fn new(auth: Arc<str>, subject: String, issuer: Option<String>, scopes: Vec<String>) -> Identity {
        let told = [(AUTH, Some(&*auth)), (SUBJECT, Some(&subject)), (ISSUER, issuer.as_deref())];
        let told = told.into_iter().filter_map(|(name, text)| Some((name, field(text?)?)));
        let listed = scopes.iter().map(|scope| encoded(scope)).collect::<Vec<_>>().join(" ");
        let fields = told.chain(HeaderValue::try_from(listed).ok().map(|scopes| (SCOPES, scopes))).collect();
        Identity { auth, subject, issuer, scopes, claims: None, expires: None, fields }
    }

    /// The same, of whom all this is said, and believed until then.
    pub fn saying(self, claims: String, expires: u64) -> Identity {
        Identity { claims: Some(claims), expires: Some(expires), ..self }
    }

    /// The same, believed until then.
    pub fn until(self, expires: u64) -> Identity {
        Identity { expires: Some(expires), ..self }
    }

    /// Tell a component by these fields, which no client can set.
    pub fn tell(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.fields {
            headers.insert(name.clone(), value.clone());
        }
    }
}

/// A text as a field.
fn field(text: &str) -> Option<HeaderValue> {
    HeaderValue::try_from(encoded(text)).ok()
}

/// A text in visible ASCII: all else, and `%`, is percent-encoded; a space too, for readers cut
/// off those at either end, and two texts would be one.
fn encoded(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            0x21..=0x24 | 0x26..=0x7e => plain.push(char::from(byte)),
            // A string takes all that is written.
            other => _ = write!(plain, "%{other:02X}"),
        }
    }
    plain
}

struct Asking;

impl HasData for Asking {
    type Data<'a> = Option<&'a Identity>;
}

/// Offer `dovetail:gateway/identity` to components whose state knows who asks.
pub fn link<T: 'static>(linker: &mut Linker<T>, asking: fn(&mut T) -> Option<&Identity>) -> Result<()> {
    add_to_linker::<T, Asking>(linker, asking)
}

impl Host for Option<&Identity> {
    fn get(&mut self) -> Result<Option<Told>> {
        Ok(self.map(|identity| Told {
            auth: identity.auth.to_string(),
            subject: identity.subject.clone(),
            issuer: identity.issuer.clone(),
            scopes: identity.scopes.clone(),
            claims: identity.claims.clone(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_subjects_are_two_fields() {
        for (subject, told) in [("ada", "ada"), ("a b ", "a%20b%20"), (" root", "%20root"), ("ü%", "%C3%BC%25")] {
            let scopes = vec!["a:b".to_owned(), "c%".to_owned()];
            let mut headers = HeaderMap::new();
            Identity::new("login".into(), subject.to_owned(), None, scopes).tell(&mut headers);
            assert_eq!(headers[SUBJECT], told);
            assert_eq!((&headers[SCOPES], headers.get(ISSUER)), (&HeaderValue::from_static("a:b c%25"), None));
        }
    }
}
