//! What pages of other origins may ask, as the Fetch standard has browsers keep it.
//!
//! The gateway answers for the service, which is never asked by a preflight. Nothing that a
//! request says is repeated but an origin that the manifest has, letter by letter. Access to
//! networks that are private to a browser is granted to nobody.

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};

use super::{hop, vary};
use crate::{
    manifest::{Cors, Names, Origins},
    service::ReplyBody,
};

/// The fields by which all this is said.
const FAMILY: &str = "access-control-";

/// What a route allows, as it is said.
pub struct Allowed {
    origins: Origins,
    methods: HeaderValue,
    headers: Option<HeaderValue>,
    expose: Option<HeaderValue>,
    credentials: bool,
    max_age: Option<HeaderValue>,
}

impl Allowed {
    /// What a manifest allows.
    pub fn new(cors: &Cors) -> Allowed {
        Allowed {
            origins: cors.origins.clone(),
            methods: list(&cors.methods).unwrap_or(HeaderValue::from_static("")),
            headers: list(&cors.headers),
            expose: list(&cors.expose),
            credentials: cors.credentials,
            max_age: cors.max_age.map(|age| age.as_secs().into()),
        }
    }

    /// The answer to a browser that asks whether it may let a page ask.
    pub fn preflight(&self, asked: &HeaderMap) -> Response<ReplyBody> {
        let mut response = Response::new(ReplyBody::whole(""));
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        if self.allow(asked.get(header::ORIGIN), headers) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, self.methods.clone());
            headers.extend(self.headers.clone().map(|names| (header::ACCESS_CONTROL_ALLOW_HEADERS, names)));
            headers.extend(self.max_age.clone().map(|age| (header::ACCESS_CONTROL_MAX_AGE, age)));
        }
        // By these the route was chosen, too.
        for name in [header::ACCESS_CONTROL_REQUEST_METHOD, header::ACCESS_CONTROL_REQUEST_HEADERS] {
            vary::add(headers, &name);
        }
        response
    }

    /// Say in an answer what pages of this origin may do with it, in place of what the service
    /// says of it.
    pub fn mark(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        hop::remove(headers, |name| name.starts_with(FAMILY));
        if self.allow(origin, headers) {
            headers.extend(self.expose.clone().map(|names| (header::ACCESS_CONTROL_EXPOSE_HEADERS, names)));
        }
    }

    fn allow(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) -> bool {
        let allowed = match &self.origins {
            Origins::Any => Some(HeaderValue::from_static("*")),
            Origins::These(these) => {
                vary::add(headers, &header::ORIGIN);
                origin.filter(|origin| these.iter().any(|one| one.as_bytes() == origin.as_bytes())).cloned()
            }
        };
        let Some(allowed) = allowed else { return false };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        if self.credentials {
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        true
    }
}

/// The method that a browser asks for, where a request is a preflight.
pub fn asked<B>(request: &Request<B>) -> Option<&str> {
    if request.method() != Method::OPTIONS || !request.headers().contains_key(header::ORIGIN) {
        return None;
    }
    request.headers().get(header::ACCESS_CONTROL_REQUEST_METHOD)?.to_str().ok()
}

/// Whether a preflight says that the request will have a field of this name.
pub fn will_have(asked: &HeaderMap, name: &str) -> bool {
    let lists = asked.get_all(header::ACCESS_CONTROL_REQUEST_HEADERS).iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|said| said.trim().eq_ignore_ascii_case(name))
}

/// Names as a field has them; none if there are none.
fn list<T: AsRef<str>>(names: &Names<T>) -> Option<HeaderValue> {
    let text = match names {
        Names::Any => "*".to_owned(),
        Names::These(names) => names.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", "),
    };
    HeaderValue::try_from(text).ok().filter(|text| !text.is_empty())
}
