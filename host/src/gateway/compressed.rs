//! Answers made shorter on their way.
//!
//! What is encoded anew is no longer, byte for byte, what its service answered: its `ETag`
//! becomes a weak one, by which nobody puts parts together, and it has no ranges. A client that
//! asks with it whether it has the latest is told so by the service, which compares weakly
//! there; one that changes something on condition of it is believed that it means what the
//! service had said.

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use http_body::Body;
use http_body_util::BodyExt;

use self::body::CompressedBody;
use super::{accepted::Accepted, vary};
use crate::{manifest::Coding, service::ReplyBody};

mod body;
mod encoder;

/// Bytes of a body that is not worth it.
const SHORT: u64 = 1024;

/// What is said of a body byte for byte.
const OF_THE_WHOLE: [&str; 6] =
    ["accept-ranges", "content-digest", "content-length", "content-md5", "digest", "repr-digest"];

/// What is known of a request that its answer is to be encoded for.
pub struct Compressed {
    coding: Option<Coding>,
    is_head: bool,
    /// The tags of what its client has.
    had: Vec<HeaderValue>,
}

impl Compressed {
    /// Take of a request what its client wants, and give it to the service as it would be
    /// without an encoding on the way. These codings may be used, the first of them rather.
    pub fn of(codings: &[Coding], method: &Method, headers: &mut HeaderMap) -> Compressed {
        strengthen(headers);
        let coding = Accepted::of(headers).ranked(codings.iter().copied()).into_iter().next();
        let had = headers.get_all(header::IF_NONE_MATCH).iter().cloned().collect();
        Compressed { coding, is_head: method == Method::HEAD, had }
    }

    /// Encode an answer, if it is one that gains by it.
    pub fn apply(&self, mut response: Response<ReplyBody>) -> Response<ReplyBody> {
        if response.status() == StatusCode::NOT_MODIFIED {
            self.confirm(response.headers_mut());
            return response;
        }
        if !is_whole(response.status()) || !gains(response.headers()) {
            return response;
        }
        let length = said_length(response.headers()).or_else(|| response.body().size_hint().exact());
        // What HEAD has none of is not known.
        if length.is_some_and(|length| length < SHORT && !(self.is_head && length == 0)) {
            return response;
        }
        vary::add(response.headers_mut(), &header::ACCEPT_ENCODING);
        let Some(coding) = self.coding else { return response };
        weaken(response.headers_mut());
        let headers = response.headers_mut();
        for name in OF_THE_WHOLE {
            headers.remove(name);
        }
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
        match self.is_head {
            // Its length is known when it has been encoded.
            true => response.map(|_| ReplyBody::whole("")),
            false => response.map(|body| ReplyBody::Made(CompressedBody::new(body, coding).boxed_unsync())),
        }
    }

    /// Tell a client that has the latest as it was encoded here its own tag again.
    fn confirm(&self, headers: &mut HeaderMap) {
        let Some(weak) = weak(headers).filter(|_| self.coding.is_some()) else { return };
        let is_had = |list: &HeaderValue| list.as_bytes().windows(weak.len()).any(|part| part == weak.as_bytes());
        if self.had.iter().any(is_had) {
            headers.insert(header::ETAG, weak);
            vary::add(headers, &header::ACCEPT_ENCODING);
        }
    }
}

/// Whether an answer of this status has all of a body.
fn is_whole(status: StatusCode) -> bool {
    let has_none = [StatusCode::NO_CONTENT, StatusCode::RESET_CONTENT, StatusCode::PARTIAL_CONTENT];
    !has_none.contains(&status) && !status.is_informational()
}

/// Whether the head of an answer lets it be encoded, and its type is one that gains.
fn gains(headers: &HeaderMap) -> bool {
    let says = |name, what: &str| {
        let lists = headers.get_all(name).iter().filter_map(|list: &HeaderValue| list.to_str().ok());
        lists.flat_map(|list| list.split(',')).any(|part| part.trim().eq_ignore_ascii_case(what))
    };
    let is_encoded = headers.contains_key(header::CONTENT_ENCODING) || headers.contains_key(header::CONTENT_RANGE);
    if is_encoded || says(header::CACHE_CONTROL, "no-transform") {
        return false;
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    is_compressible(kind.split(';').next().unwrap_or_default().trim())
}

/// Whether content of this type gets shorter. A stream of events is none of them: each has to
/// leave at once.
fn is_compressible(kind: &str) -> bool {
    const KINDS: [&str; 11] = [
        "application/graphql",
        "application/javascript",
        "application/json",
        "application/manifest+json",
        "application/ndjson",
        "application/wasm",
        "application/x-ndjson",
        "application/xml",
        "font/otf",
        "font/ttf",
        "image/bmp",
    ];
    let kind = kind.to_ascii_lowercase();
    let is_text = kind.starts_with("text/") && kind != "text/event-stream";
    is_text || KINDS.contains(&&*kind) || kind.ends_with("+json") || kind.ends_with("+xml")
}

fn said_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Make a tag weak.
fn weaken(headers: &mut HeaderMap) {
    if let Some(weak) = weak(headers) {
        headers.insert(header::ETAG, weak);
    }
}

/// The tag of an answer as a weak one; none if it is that already.
fn weak(headers: &HeaderMap) -> Option<HeaderValue> {
    let tag = headers.get(header::ETAG).filter(|tag| tag.as_bytes().starts_with(b"\""))?;
    HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat()).ok()
}

/// Take the weakness out of the tags that a change is on condition of: a weak one fails it, and
/// it was made weak here. A service that has weak tags itself refuses either.
fn strengthen(headers: &mut HeaderMap) {
    let header::Entry::Occupied(mut fields) = headers.entry(header::IF_MATCH) else { return };
    for tags in fields.iter_mut().filter(|tags| tags.as_bytes().windows(3).any(|it| it == b"W/\"")) {
        if let Ok(strong) = HeaderValue::from_bytes(&strong(tags.as_bytes())) {
            *tags = strong;
        }
    }
}

/// A list of tags without the `W/` before any; what stands within one is a part of it.
fn strong(tags: &[u8]) -> Vec<u8> {
    let (mut strong, mut is_within, mut rest) = (Vec::with_capacity(tags.len()), false, tags);
    while let Some((byte, after)) = rest.split_first() {
        if *byte == b'W' && !is_within && after.starts_with(b"/\"") {
            rest = &after[1..];
            continue;
        }
        is_within ^= *byte == b'"';
        strong.push(*byte);
        rest = after;
    }
    strong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_loses_its_weakness_and_nothing_else() {
        let mut headers = HeaderMap::new();
        for tags in ["W/\"a\", \"b\"", "\"c\"", "\"dW/\", W/\"e\"", "*"] {
            headers.append(header::IF_MATCH, HeaderValue::from_static(tags));
        }
        strengthen(&mut headers);
        let strong: Vec<_> = headers.get_all(header::IF_MATCH).iter().collect();
        assert_eq!(strong, ["\"a\", \"b\"", "\"c\"", "\"dW/\", \"e\"", "*"]);
    }

    #[test]
    fn what_is_short_already_is_left_alone() {
        for kind in [
            "text/html",
            "TEXT/plain",
            "application/json",
            "application/problem+json",
            "image/svg+xml",
            "application/wasm",
        ] {
            assert!(is_compressible(kind), "{kind}");
        }
        for kind in [
            "",
            "text/event-stream",
            "Text/Event-Stream",
            "image/png",
            "image/jpeg",
            "video/mp4",
            "audio/ogg",
            "application/zip",
            "application/gzip",
            "application/octet-stream",
            "application/pdf",
            "font/woff2",
            "application/grpc",
        ] {
            assert!(!is_compressible(kind), "{kind}");
        }
    }
}
