//! Headers that are for one connection and end at it (RFC 9110, section 7.6.1).

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Fields that say something of a connection, whether `Connection` names them or not.
const CONNECTIONS: [&str; 7] =
    ["connection", "http2-settings", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"];

/// Fields that are for the component whatever `Connection` says of them: on these rests
/// who asks for what, and no client may have a server before it or behind it disagree
/// about that.
const END_TO_END: [&str; 9] =
    ["authorization", "cache-control", "cookie", "date", "host", "idempotency-key", "origin", "range", "trailer"];

/// The families of such fields.
const END_TO_END_FAMILIES: [&str; 4] = ["content-", "if-", "sec-", "access-control-"];

/// Whether a field of this name says something of a connection.
pub fn is_connections(name: &str) -> bool {
    CONNECTIONS.contains(&name)
}

/// Take out of a request's headers what is between its client and the host, and what
/// the host itself has met. That trailers are taken may be said on to the component.
pub fn strip(headers: &mut HeaderMap) {
    let takes_trailers =
        headers.get_all(header::TE).iter().flat_map(options).any(|option| option.eq_ignore_ascii_case(b"trailers"));
    let named: Vec<HeaderName> =
        headers.get_all(header::CONNECTION).iter().flat_map(options).filter_map(named).collect();
    for name in named {
        headers.remove(name);
    }
    remove(headers, |name| is_connections(name) || name == "expect");
    if takes_trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
}

/// Take out of an answer's headers what is between the host and who gave it.
pub fn strip_answer(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> =
        headers.get_all(header::CONNECTION).iter().flat_map(options).filter_map(named).collect();
    for name in named {
        headers.remove(name);
    }
    remove(headers, is_connections);
}

/// Remove the fields whose names these are. Where there are none, which is most often,
/// nothing is allocated.
pub fn remove(fields: &mut HeaderMap, mut goes: impl FnMut(&str) -> bool) {
    if !fields.keys().any(|name| goes(name.as_str())) {
        return;
    }
    let gone: Vec<HeaderName> = fields.keys().filter(|name| goes(name.as_str())).cloned().collect();
    for name in gone {
        fields.remove(name);
    }
}

/// The parts of a list, without parameters.
fn options(list: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    let parts = list.as_bytes().split(|byte| *byte == b',');
    parts.map(|part| part.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii())
}

/// The field that an option of `Connection` names, if it may. What most clients send is
/// seen first: `close` is no field, and `keep-alive` goes anyway.
fn named(option: &[u8]) -> Option<HeaderName> {
    if [&b"keep-alive"[..], b"close"].iter().any(|usual| option.eq_ignore_ascii_case(usual)) {
        return None;
    }
    let name = HeaderName::from_bytes(option).ok()?;
    let text = name.as_str();
    let is_end_to_end = END_TO_END.contains(&text) || END_TO_END_FAMILIES.iter().any(|family| text.starts_with(family));
    (!is_end_to_end).then_some(name)
}
