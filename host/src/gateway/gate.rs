//! Who may send the requests of a route: whoever it knows, and may do what it asks for.
//!
//! What is brought is taken from one place alone. Where there are two there could be two
//! meanings, of which a server behind might take the other: so that is refused (RFC 6750,
//! section 2). It is not given on to the component, unless the manifest says so: a token is
//! its bearer's power elsewhere as well, and a component that is told who asks needs none of
//! that.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use super::reply;
use crate::{
    identity::{Authenticator, Identities, Kind, Refusal},
    manifest::{Asks, Policy},
    service::{Identity, ReplyBody},
};

/// Where a key may stand by itself.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// What is said of what stands twice.
const TWICE: &str = "Who asks is to be said once: by one Authorization, or by one X-API-Key";

/// What a route asks of those who ask it.
pub struct Gate {
    /// What they are told that it is.
    realm: String,
    known: Vec<Arc<Authenticator>>,
    scopes: Vec<String>,
}

/// What a request brings to be known by.
enum Brought<'a> {
    Nothing,
    /// `Authorization: Bearer`.
    Bearer(&'a str),
    /// `X-API-Key`.
    Key(&'a str),
    /// `Authorization: Basic`: a name and a password.
    Basic(String, Vec<u8>),
}

/// Why nobody is let in.
enum Closed {
    /// What stands in the request is no way to say it.
    Malformed(&'static str),
    /// Nothing is brought.
    Unsaid,
    /// What is brought is no good.
    Refused(&'static str),
    /// Who asks may not do this.
    Forbidden,
    /// It cannot be known now.
    Unknown,
}

impl Gate {
    /// That of a route with this policy, in an app of this name; none if it is for everybody.
    /// Where anybody is known at all and the policy says nothing, nobody is let in.
    pub fn of(policy: &Policy, identities: &Identities, app: &str) -> Option<Gate> {
        let names = match &policy.auth {
            Some(Asks::Everybody) => return None,
            None if identities.is_empty() => return None,
            None => &[][..],
            Some(Asks::Known(names)) => names,
        };
        let known = names.iter().filter_map(|name| identities.get(name)).cloned().collect();
        Some(Gate { realm: app.to_owned(), known, scopes: policy.scopes.clone().unwrap_or_default() })
    }

    /// Who asks, and what of it the component is told in these headers; or the answer to
    /// whoever may not.
    pub async fn admit(&self, headers: &mut HeaderMap) -> Result<Arc<Identity>, Response<ReplyBody>> {
        let (identity, forwards) = self.who(headers).await.map_err(|closed| self.answer(&closed))?;
        if !self.scopes.iter().all(|scope| identity.scopes.contains(scope)) {
            return Err(self.answer(&Closed::Forbidden));
        }
        if !forwards {
            headers.remove(header::AUTHORIZATION);
            if self.takes(Kind::ApiKey) {
                headers.remove(API_KEY);
            }
        }
        identity.tell(headers);
        Ok(identity)
    }

    async fn who(&self, headers: &HeaderMap) -> Result<(Arc<Identity>, bool), Closed> {
        let brought = self.brought(headers)?;
        let mut why = None;
        for known in &self.known {
            let found = match &brought {
                Brought::Nothing => return Err(Closed::Unsaid),
                Brought::Bearer(token) => known.bearer(token).await,
                Brought::Key(key) => known.key(key),
                Brought::Basic(name, password) => known.basic(name, password).await,
            };
            match found {
                Some(Ok(identity)) => return Ok((identity, known.forwards())),
                Some(Err(Refusal::Unknown)) => why = Some(Closed::Unknown),
                Some(Err(Refusal::Invalid(sentence))) => why = why.or(Some(Closed::Refused(sentence))),
                None => {}
            }
        }
        Err(why.unwrap_or(Closed::Unsaid))
    }

    fn brought<'a>(&self, headers: &'a HeaderMap) -> Result<Brought<'a>, Closed> {
        let mut authorizations = headers.get_all(header::AUTHORIZATION).iter();
        let mut keys = headers.get_all(API_KEY).iter().filter(|_| self.takes(Kind::ApiKey));
        match (authorizations.next(), keys.next()) {
            _ if authorizations.next().is_some() || keys.next().is_some() => Err(Closed::Malformed(TWICE)),
            (Some(_), Some(_)) => Err(Closed::Malformed(TWICE)),
            (None, None) => Ok(Brought::Nothing),
            (None, Some(key)) => match key.to_str() {
                Ok(key) => Ok(Brought::Key(key)),
                Err(_) => Err(Closed::Refused("The key is not known here")),
            },
            (Some(value), None) if is_of(value, "Basic") && self.takes(Kind::Basic) => match basic(value) {
                Some((name, password)) => Ok(Brought::Basic(name, password)),
                None => Err(Closed::Malformed("Authorization: Basic has no name and password")),
            },
            (Some(value), None) => match bearer(value) {
                Some(token) => Ok(Brought::Bearer(token)),
                None if is_of(value, "Bearer") => {
                    Err(Closed::Malformed("Authorization: Bearer has no token, or more than one"))
                }
                None => Ok(Brought::Nothing),
            },
        }
    }

    fn takes(&self, kind: Kind) -> bool {
        self.known.iter().any(|known| known.kind() == kind)
    }

    /// As RFC 6750, section 3, has it.
    fn answer(&self, closed: &Closed) -> Response<ReplyBody> {
        let (status, sentence, parameters) = match *closed {
            Closed::Unknown => {
                let sentence = "It cannot be verified now who asks; try again";
                let mut response = reply::error(StatusCode::SERVICE_UNAVAILABLE, sentence);
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
                return response;
            }
            Closed::Malformed(sentence) => (
                StatusCode::BAD_REQUEST,
                sentence,
                format!(", error=\"invalid_request\", error_description=\"{sentence}\""),
            ),
            Closed::Unsaid => (StatusCode::UNAUTHORIZED, "It has to be said who asks", String::new()),
            Closed::Refused(sentence) => (
                StatusCode::UNAUTHORIZED,
                sentence,
                format!(", error=\"invalid_token\", error_description=\"{sentence}\""),
            ),
            Closed::Forbidden => {
                let scopes = self.scopes.join(" ");
                let parameters = format!(", error=\"insufficient_scope\", scope=\"{scopes}\"");
                (StatusCode::FORBIDDEN, "Who asks may not do this", parameters)
            }
        };
        let mut response = reply::error(status, sentence);
        let bearer = format!("Bearer realm=\"{}\"{parameters}", self.realm);
        let basic = format!("Basic realm=\"{}\", charset=\"UTF-8\"", self.realm);
        let takes_bearer = self.takes(Kind::Token) || self.takes(Kind::ApiKey);
        let takes_basic = self.takes(Kind::Basic) && status == StatusCode::UNAUTHORIZED;
        let challenges = takes_bearer.then_some(bearer).into_iter().chain(takes_basic.then_some(basic));
        // Names of apps, scopes and sentences have no byte that a header may not have.
        for challenge in challenges.filter_map(|challenge| HeaderValue::try_from(challenge).ok()) {
            response.headers_mut().append(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// Whether an `Authorization` is of this scheme.
fn is_of(value: &HeaderValue, scheme: &str) -> bool {
    let said = value.as_bytes().split(|byte| *byte == b' ').next().unwrap_or_default();
    said.eq_ignore_ascii_case(scheme.as_bytes())
}

/// The name and the password of `Authorization: Basic` (RFC 7617, section 2).
fn basic(value: &HeaderValue) -> Option<(String, Vec<u8>)> {
    let text = value.to_str().ok()?.get("Basic".len()..)?.trim_matches(' ');
    let both = STANDARD.decode(text).ok()?;
    let colon = both.iter().position(|byte| *byte == b':')?;
    let name = String::from_utf8(both[..colon].to_vec()).ok()?;
    Some((name, both[colon + 1..].to_vec()))
}

/// The token of `Authorization: Bearer`, if it is one token (RFC 6750, section 2.1).
fn bearer(value: &HeaderValue) -> Option<&str> {
    let token = value.to_str().ok().filter(|_| is_of(value, "Bearer"))?.get("Bearer".len()..)?.trim_matches(' ');
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    (!token.is_empty() && token.bytes().all(is_part)).then_some(token)
}
