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
    let takes_trailers = headers.get_all(header::TE).iter().flat_map(options).any(|option| is(&option, "trailers"));
    let named: Vec<String> =
        headers.get_all(header::CONNECTION).iter().flat_map(options).filter(|option| may_be_named(option)).collect();
    if !named.is_empty() {
        remove(headers, |name| named.iter().any(|option| is(option, name)));
    }
    remove(headers, |name| is_connections(name) || name == "expect");
    if takes_trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
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
fn options(list: &HeaderValue) -> Vec<String> {
    let list = String::from_utf8_lossy(list.as_bytes());
    list.split(',').map(|option| option.split(';').next().unwrap_or_default().trim().to_owned()).collect()
}

fn may_be_named(option: &str) -> bool {
    let option = option.to_ascii_lowercase();
    !END_TO_END.contains(&&*option) && !END_TO_END_FAMILIES.iter().any(|family| option.starts_with(family))
}

fn is(option: &str, name: &str) -> bool {
    option.eq_ignore_ascii_case(name)
}
