//! What a component is told of its client: `X-Forwarded-For`, `-Proto` and `-Host`.
//!
//! These are the gateway's to set, and so is `X-Request-Id`. What comes in fields of this
//! kind is no more than a claim, and goes; what of it [`Client`] has believed comes back.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{client::Client, hop};
use crate::service::{IDENTITY, REQUEST_ID};

/// The client's address.
pub const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The scheme of what it asks for.
pub const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The host, with a port if it said one.
pub const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Fields by which proxies say who a client is, what it asked for or how to tell its request
/// from others, those of `X-Forwarded-…` apart. `Proxy` becomes a variable that names one, where
/// fields become those.
const CLAIMS: [&str; 44] = [
    "akamai-client-ip",
    "cf-connecting-ip",
    "cf-connecting-ipv6",
    "client-ip",
    "cloudfront-viewer-address",
    "do-connecting-ip",
    "fastly-client-ip",
    "fly-client-ip",
    "forwarded",
    "forwarded-for",
    "front-end-https",
    "incap-client-ip",
    "proxy",
    "proxy-client-ip",
    "true-client-ip",
    "wl-proxy-client-ip",
    "x-appengine-user-ip",
    "x-azure-clientip",
    "x-azure-socketip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-envoy-external-address",
    "x-envoy-original-path",
    "x-forward-for",
    "x-forwarded",
    "x-forwardedfor",
    "x-host",
    "x-http-host-override",
    "x-nf-client-connection-ip",
    "x-original-forwarded-for",
    "x-original-host",
    "x-original-uri",
    "x-original-url",
    "x-originating-ip",
    "x-proxyuser-ip",
    "x-real-ip",
    "x-realip",
    "x-remote-addr",
    "x-remote-ip",
    "x-request-id",
    "x-rewrite-url",
    "x-scheme",
    "x-url-scheme",
    "x-vercel-forwarded-for",
];

/// The family of such fields.
const FAMILY: &str = "x-forwarded-";

/// Tell the component who asks, for which host, in place of what the client claims.
pub fn set(headers: &mut HeaderMap, client: Client, host: HeaderValue) {
    hop::remove(headers, is_claim);
    headers.reserve(4);
    headers.insert(FOR, client.peer.shown().clone());
    headers.insert(PROTO, HeaderValue::from_static(client.scheme));
    headers.insert(HOST, client.host.unwrap_or(host));
    headers.insert(REQUEST_ID, client.id);
}

/// Whether a field of this name, in lower case, claims who a client is, or by which identity it
/// is known. Much software
/// takes `_` for `-` in it.
pub fn is_claim(name: &str) -> bool {
    // Most names are told from these by their first letter.
    matches!(name.as_bytes().first(), Some(b'a' | b'c' | b'd' | b'f' | b'i' | b'p' | b't' | b'w' | b'x'))
        && ([FAMILY, IDENTITY]
            .iter()
            .any(|family| name.get(..family.len()).is_some_and(|start| are_same(start, family)))
            || CLAIMS.iter().any(|claim| are_same(name, claim)))
}

/// Whether a name is this one, or is taken for it where `_` is `-`.
pub fn are_same(name: &str, claim: &str) -> bool {
    name.len() == claim.len()
        && name.bytes().zip(claim.bytes()).all(|(byte, other)| byte == other || (byte == b'_' && other == b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_told_from_other_fields() {
        for claim in CLAIMS.into_iter().chain(["x-forwarded-for", "x-forwarded-port", "x-forwarded-client-cert"]) {
            assert!(is_claim(claim), "{claim}");
            assert!(is_claim(&claim.replace('-', "_")), "{claim}");
        }
        for claim in ["x-dovetail-subject", "x-dovetail-", "x_dovetail-scopes", "x-dovetail_any", "x_dovetail_auth"] {
            assert!(is_claim(claim), "{claim}");
        }
        for name in [
            "x-forwarde",
            "x-forwards",
            "x-request-ids",
            "x-real",
            "x-dovetai",
            "forward",
            "content-type",
            "cookie",
            "via",
        ] {
            assert!(!is_claim(name), "{name}");
        }
    }
}
