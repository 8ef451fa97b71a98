//! Cookies of HTTP/2, which may come in crumbs (RFC 9113, section 8.2.3). Nobody behind
//! the gateway knows of that.

use http::{HeaderMap, HeaderValue, header};

/// Make one header of all cookies.
pub fn join(headers: &mut HeaderMap) {
    let crumbs = headers.get_all(header::COOKIE);
    if crumbs.iter().nth(1).is_none() {
        return;
    }
    let crumbs: Vec<&[u8]> = crumbs.iter().map(HeaderValue::as_bytes).collect();
    // All of its bytes were in headers before.
    if let Ok(whole) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])) {
        headers.insert(header::COOKIE, whole);
    }
}
