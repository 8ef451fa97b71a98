//! How much of a request may come before its body. hyper and h2 have limits of their
//! own, above these, and answer with no more than a status.

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};

use super::reply;

/// The most bytes of a method. Those that are registered have up to 17.
pub const LONGEST_METHOD: usize = 64;

/// The most bytes of a request's URL.
pub const LONGEST_URL: usize = 8 * 1024;

/// The most headers, or trailers. As many as hyper takes over HTTP/1.1.
pub const MOST_FIELDS: usize = 100;

/// The most bytes of all headers, names and values together.
pub const LARGEST_FIELDS: usize = 32 * 1024;

/// The most bytes of all trailers, in lines. What hyper takes over HTTP/1.1.
const LARGEST_TRAILERS: usize = 16 * 1024;

/// What a line has beside name and value: a colon, a space and its end.
const LINE: usize = 4;

/// What answers a request whose head is over the limits (RFC 9110, section 15.5.15, RFC
/// 9112, section 3, and RFC 6585, section 5).
pub fn refusal<B>(request: &Request<B>) -> Option<Response<Bytes>> {
    if request.method().as_str().len() > LONGEST_METHOD {
        return Some(reply::error(StatusCode::NOT_IMPLEMENTED, &long_method()));
    }
    let uri = request.uri();
    let length = uri.authority().map_or(0, |authority| authority.as_str().len())
        + uri.path_and_query().map_or(0, |path| path.as_str().len());
    if length > LONGEST_URL {
        return Some(reply::error(StatusCode::URI_TOO_LONG, &long_url()));
    }
    let headers = request.headers();
    let fit = headers.len() <= MOST_FIELDS && length_of(headers) <= LARGEST_FIELDS;
    (!fit).then(|| reply::error(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, &large_fields()))
}

/// Whether these may come behind a body.
pub fn may_follow(trailers: &HeaderMap) -> bool {
    trailers.len() <= MOST_FIELDS && length_of(trailers) + trailers.len() * LINE < LARGEST_TRAILERS
}

/// Bytes of names and values.
fn length_of(fields: &HeaderMap) -> usize {
    fields.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

/// What is said of a method over the limit.
pub fn long_method() -> String {
    format!("The method must have at most {LONGEST_METHOD} bytes")
}

/// What is said of a URL over the limit.
pub fn long_url() -> String {
    format!("The URL must have at most {LONGEST_URL} bytes")
}

/// What is said of headers over the limits.
pub fn large_fields() -> String {
    format!("There must be at most {MOST_FIELDS} headers with {LARGEST_FIELDS} bytes")
}
