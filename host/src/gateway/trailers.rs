//! What may not follow a body (RFC 9110, section 6.5.1): who merges trailers into the
//! head would be told of another message than came.

use http::HeaderMap;

use super::{forwarded, hop};

/// Fields that frame, route, allow or describe a message, and so must be known before
/// its content.
const ONLY_BEFORE: [&str; 38] = [
    "age",
    "authorization",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-range",
    "content-type",
    "cookie",
    "date",
    "expect",
    "expires",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "location",
    "max-forwards",
    "origin",
    "pragma",
    "proxy-authenticate",
    "proxy-authorization",
    "range",
    "retry-after",
    "set-cookie",
    "strict-transport-security",
    "te",
    "trailer",
    "vary",
    "warning",
    "www-authenticate",
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "idempotency-key",
];

/// Take out of the trailers of a request or a response what may not be in them.
pub fn strip(trailers: &mut HeaderMap) {
    hop::remove(trailers, |name| ONLY_BEFORE.contains(&name) || hop::is_connections(name) || forwarded::is_claim(name));
}
