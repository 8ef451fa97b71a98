//! Header fields that the gateway sets in answers, and those that it takes out.

use http::{HeaderName, HeaderValue};

use super::Invalid;

/// What is changed in the head of an answer. No field is both set and taken out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderChanges {
    /// Each in place of all of its name.
    pub set: Vec<(HeaderName, HeaderValue)>,
    /// Taken out.
    pub remove: Vec<HeaderName>,
}

/// Fields on which the way of an answer to its client rests, and who has them for it.
const OTHERS: [(&str, &str); 4] = [
    ("content-encoding", "whoever encodes the body says so; see `compress`"),
    ("date", "a server has to say when it answered"),
    ("vary", "`compress`, `cors` and services add to it what their answers rest on"),
    ("x-request-id", "by it a request is known everywhere"),
];

/// Fields that frame an answer, or say something of its connection.
const FRAMING: [&str; 11] = [
    "connection",
    "content-length",
    "content-range",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "trailers",
    "transfer-encoding",
    "upgrade",
];

/// The family of fields that `cors` sets.
const CORS: &str = "access-control-";

/// Reads the name of a field that may be changed.
pub(super) fn name(text: &str) -> Result<HeaderName, Invalid> {
    let help = "a header's name has letters, digits and `-`, as in \"x-frame-options\"";
    let name = HeaderName::from_bytes(text.as_bytes()).map_err(|_| Invalid::new("is no name of a header", help))?;
    let text = name.as_str();
    if let Some((_, why)) = OTHERS.iter().find(|(other, _)| *other == text) {
        return Err(Invalid::new("is not to be changed", format!("leave it out: {why}")));
    }
    if FRAMING.contains(&text) {
        let help = "leave it out: it is the server's, which knows how long an answer is and what its connection can";
        return Err(Invalid::new("frames an answer or is for one connection", help));
    }
    if text.starts_with(CORS) {
        let help = "write `cors = { origins = [\"https://app.example\"] }` beside `headers`";
        return Err(Invalid::new("is one of those that `cors` sets", help));
    }
    Ok(name)
}

/// Reads a field's value.
pub(super) fn value(text: &str) -> Result<HeaderValue, Invalid> {
    let help = "write visible ASCII, without a space at either end";
    let is_fine = !text.is_empty() && text.trim() == text && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let value = HeaderValue::from_str(text).ok().filter(|_| is_fine);
    value.ok_or_else(|| Invalid::new("is no value of a header", help))
}
