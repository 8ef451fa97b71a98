//! What proxies that are trusted say of a request's client.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue, header::FORWARDED};

use super::{
    super::{
        authority,
        forwarded::{FOR, HOST, PROTO},
    },
    element::{Element, from_the_right},
    node,
};

/// What they say.
#[derive(Debug, Default)]
pub struct Said {
    /// Where the request comes from.
    pub address: Option<IpAddr>,
    /// `http` or `https`.
    pub scheme: Option<&'static str>,
    /// What was asked for.
    pub host: Option<HeaderValue>,
}

/// What the headers of a request say that came from one who is trusted.
pub fn said(headers: &HeaderMap, is_trusted: impl Fn(IpAddr) -> bool) -> Said {
    match [FOR, PROTO, HOST].iter().any(|name| headers.contains_key(name)) {
        true => by_fields(headers, is_trusted),
        false => by_elements(headers, is_trusted),
    }
}

/// By `X-Forwarded-…`. Of several schemes and hosts the last is taken, which is the nearest
/// proxy's word: nothing tells which of them goes with which address.
fn by_fields(headers: &HeaderMap, is_trusted: impl Fn(IpAddr) -> bool) -> Said {
    let last = |name| headers.get_all(name).iter().next_back().and_then(|value| parts(value).next());
    let mut address = None;
    for node in headers.get_all(FOR).iter().rev().flat_map(parts) {
        let Some(found) = node::address(node) else { break };
        address = Some(found);
        if !is_trusted(found) {
            break;
        }
    }
    Said { address, scheme: last(PROTO).and_then(scheme), host: last(HOST).and_then(host) }
}

/// By `Forwarded`, where each element has what goes with its address.
fn by_elements(headers: &HeaderMap, is_trusted: impl Fn(IpAddr) -> bool) -> Said {
    let mut said = Said::default();
    for field in headers.get_all(FORWARDED).iter().rev() {
        // What is no text is no part of any element that is well-formed.
        let field = String::from_utf8_lossy(field.as_bytes());
        for element in from_the_right(&field) {
            let Some(Element { client, proto, host: asked }) = Element::read(element) else { return said };
            said.scheme = proto.as_deref().and_then(scheme).or(said.scheme);
            said.host = asked.as_deref().and_then(host).or(said.host);
            let Some(found) = client.as_deref().and_then(node::address) else { return said };
            said.address = Some(found);
            if !is_trusted(found) {
                return said;
            }
        }
    }
    said
}

/// The parts of a plain list from the right.
fn parts(list: &HeaderValue) -> impl Iterator<Item = &str> {
    let parts = list.as_bytes().rsplit(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    parts.filter(|part| !part.is_empty()).map(|part| str::from_utf8(part).unwrap_or("?"))
}

fn scheme(text: &str) -> Option<&'static str> {
    ["http", "https"].into_iter().find(|scheme| text.eq_ignore_ascii_case(scheme))
}

fn host(text: &str) -> Option<HeaderValue> {
    authority::is_host(text.as_bytes()).then(|| text.parse().ok()).flatten()
}
