//! Who may use the admin API. Whoever does can replace services, so a request
//! must come from a program of somebody who may, and not from a web page that
//! happens to be open on this machine.
//!
//! - A page's requests say so by `Origin` or `Sec-Fetch-Site`. They are refused,
//!   reads among them: a read may wait for long, and connections are few.
//! - A page whose host name was made to lead here (DNS rebinding) sends neither
//!   for its own requests, but names that host in `Host`. A listener on loopback
//!   therefore answers to loopback addresses, `localhost` and the name that it was
//!   told to listen by alone. Elsewhere any name will do, as the machine may have
//!   many: there is always a token, and a page does not know it, or a certificate is
//!   asked for, and that of the host is for its own names.
//! - Where there is a token, all but the health checks must bring it. Those tell
//!   whether the host can serve, and if not what its store says.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header, uri::Authority};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Token;
use crate::listener::reply::error;

/// What asks for no token, so that whatever watches the host needs none.
const OPEN: [&str; 2] = ["/healthz", "/readyz"];

/// Decides which requests are answered.
pub struct Guard {
    /// Whether only names of loopback are answered to.
    loopback_alone: bool,
    /// The name that the listener has, if it has one: whoever gave it knows where it
    /// leads.
    name: Option<String>,
    /// SHA-256 of the token. Digests are compared, for they have one length:
    /// the comparison is as long for every token that is tried.
    token: Option<[u8; 32]>,
}

impl Guard {
    /// The guard of a listener at these addresses, which it may have by a name. Whether its
    /// clients bring certificates is seen to before they ask anything.
    pub fn new(addresses: &[SocketAddr], name: Option<&str>, token: Option<&Token>, by_certificate: bool) -> Guard {
        let loopback = addresses.iter().all(|address| address.ip().to_canonical().is_loopback());
        // Without a token, or certificates, there is no listener elsewhere; if there were one,
        // its guard would be the stricter.
        let loopback_alone = loopback || (token.is_none() && !by_certificate);
        Guard { loopback_alone, name: name.map(Into::into), token: token.map(|token| digest(token.secret())) }
    }

    /// The answer to a request that may not pass, with why.
    pub fn refusal<B>(&self, request: &Request<B>) -> Option<Response<Bytes>> {
        if is_of_a_page(request) {
            return Some(error(StatusCode::FORBIDDEN, "A web page may not use the admin API"));
        }
        if self.loopback_alone && !self.is_named_by(request) {
            let sentence = "The request's Host is not one of this listener; ask for 127.0.0.1, [::1] or localhost";
            return Some(error(StatusCode::FORBIDDEN, sentence));
        }
        match &self.token {
            Some(token) if !is_open(request.uri().path()) => unauthorized(request, token),
            _ => None,
        }
    }

    /// Whether every name that the request gives to its receiver is one of loopback, or
    /// the listener's own.
    fn is_named_by<B>(&self, request: &Request<B>) -> bool {
        let hosts = request.headers().get_all(header::HOST).iter();
        let hosts = hosts.map(|host| Authority::try_from(host.as_bytes()).ok());
        let mut named = request.uri().authority().cloned().map(Some).into_iter().chain(hosts).peekable();
        let is_own = |host: &str| self.name.as_ref().is_some_and(|name| host.eq_ignore_ascii_case(name));
        let is_ours = |authority: &Authority| is_loopback(authority) || is_own(authority.host());
        named.peek().is_some() && named.all(|authority| authority.as_ref().is_some_and(is_ours))
    }
}

/// Whether the path, however it is spelled, asks for no token.
fn is_open(path: &str) -> bool {
    route::normalised(path).is_ok_and(|path| OPEN.contains(&&*path))
}

/// Whether a browser sent it for a page, and not for what its user typed.
fn is_of_a_page<B>(request: &Request<B>) -> bool {
    let mut sites = request.headers().get_all("sec-fetch-site").iter();
    request.headers().contains_key(header::ORIGIN) || sites.any(|site| site != "none" && site != "same-origin")
}

fn is_loopback(authority: &Authority) -> bool {
    let host = authority.host();
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match bare.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

/// The answer to a request that does not bring the token, and only that.
fn unauthorized<B>(request: &Request<B>, token: &[u8; 32]) -> Option<Response<Bytes>> {
    let mut brought = request.headers().get_all(header::AUTHORIZATION).iter();
    let sentence = match (brought.next().and_then(bearer), brought.next()) {
        (Some(tried), None) if bool::from(digest(tried)[..].ct_eq(&token[..])) => return None,
        (Some(_), _) => "The token is wrong: it is not that of `admin.token_file`",
        (None, _) => "A token is needed: send `Authorization: Bearer TOKEN` with that of `admin.token_file`",
    };
    let mut refused = error(StatusCode::UNAUTHORIZED, sentence);
    refused.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    Some(refused)
}

/// The token that a header brings.
fn bearer(header: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = header.as_bytes().split_at_checked(b"Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

fn digest(token: impl AsRef<[u8]>) -> [u8; 32] {
    Sha256::digest(token).into()
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use super::*;

    fn status(guard: &Guard, uri: &str, headers: &[(&str, &str)]) -> u16 {
        let mut request = Request::get(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).expect("a request");
        guard.refusal(&request).map_or(200, |refused| refused.status().as_u16())
    }

    fn guard(address: &str) -> Guard {
        Guard::new(&[address.parse().expect("an address")], None, None, false)
    }

    #[test]
    fn a_listener_on_loopback_answers_to_names_of_loopback_alone() {
        for listen in ["127.0.0.1:9090", "[::1]:9090", "[::ffff:127.0.0.1]:9090"] {
            let guard = guard(listen);
            for host in ["127.0.0.1:9090", "127.0.0.1", "127.8.8.8:1", "[::1]:9090", "localhost:80", "LOCALHOST"] {
                assert_eq!(status(&guard, "/", &[("host", host)]), 200, "{host}");
                assert_eq!(status(&guard, &format!("http://{host}/"), &[]), 200, "the authority {host}");
            }
            for host in
                ["", "example.com", "localhost.example.com", "127.0.0.1.example.com", "0.0.0.0:9090", "10.0.0.1"]
            {
                assert_eq!(status(&guard, "/", &[("host", host)]), 403, "{host}");
            }
            assert_eq!(status(&guard, "/", &[]), 403, "no host");
            assert_eq!(status(&guard, "http://example.com/", &[("host", "localhost")]), 403);
            assert_eq!(status(&guard, "http://localhost/", &[("host", "example.com")]), 403);
            assert_eq!(status(&guard, "/", &[("host", "localhost"), ("host", "example.com")]), 403);
            assert_eq!(status(&guard, "/healthz", &[("host", "example.com")]), 403);
        }
    }

    #[test]
    fn a_listener_answers_to_the_name_that_it_has() {
        let addresses = ["127.0.0.1:9090", "[::1]:9090"].map(|text| text.parse().expect("an address"));
        let guard = Guard::new(&addresses, Some("laptop.example.com"), None, false);
        for (host, expected) in [("laptop.example.com:9090", 200), ("Laptop.Example.com", 200), ("example.com", 403)] {
            assert_eq!(status(&guard, "/v1/services", &[("host", host)]), expected, "{host}");
        }
        let elsewhere = ["127.0.0.1:9090", "10.0.0.1:9090"].map(|text| text.parse().expect("an address"));
        let guard = Guard::new(&elsewhere, None, Some(&Token::for_test("s3cret")), false);
        assert_eq!(status(&guard, "/healthz", &[("host", "example.com")]), 200, "it is no listener on loopback");
    }

    #[test]
    fn a_listener_elsewhere_answers_to_any_name_for_its_token() {
        let token = Token::for_test("s3cret");
        let guard = Guard::new(&[([0, 0, 0, 0], 9090).into()], None, Some(&token), false);
        let right = ("authorization", "Bearer s3cret");
        for host in ["10.0.0.1:9090", "admin.example.com", "localhost"] {
            assert_eq!(status(&guard, "/v1/services", &[("host", host), right]), 200, "{host}");
            assert_eq!(status(&guard, "/v1/services", &[("host", host)]), 401, "{host}");
        }
        assert_eq!(status(&self::guard("0.0.0.0:9090"), "/", &[("host", "10.0.0.1:9090")]), 403, "no token");
    }

    #[test]
    fn pages_are_refused_whatever_they_ask() {
        let guard = guard("127.0.0.1:9090");
        let host = ("host", "127.0.0.1:9090");
        for origin in ["null", "https://example.com", "http://127.0.0.1:9090", ""] {
            assert_eq!(status(&guard, "/healthz", &[host, ("origin", origin)]), 403, "{origin:?}");
        }
        for (site, expected) in [("cross-site", 403), ("same-site", 403), ("none", 200), ("same-origin", 200)] {
            assert_eq!(status(&guard, "/healthz", &[host, ("sec-fetch-site", site)]), expected, "{site}");
        }
    }

    #[test]
    fn only_the_token_itself_passes_and_only_once() {
        let guard = Guard::new(&[([127, 0, 0, 1], 9090).into()], None, Some(&Token::for_test("s3cret")), false);
        let host = ("host", "localhost");
        let with = |value| status(&guard, "/v1/services", &[host, ("authorization", value)]);
        assert_eq!((with("Bearer s3cret"), with("bearer s3cret")), (200, 200));
        for wrong in ["Bearer", "Bearer ", "Bearer s3cre", "Bearer s3cretx", "Bearer S3CRET", "Basic s3cret", "s3cret"]
        {
            assert_eq!(with(wrong), 401, "{wrong}");
        }
        let right = ("authorization", "Bearer s3cret");
        assert_eq!(status(&guard, "/v1/services", &[host, right, right]), 401);
        assert_eq!((status(&guard, "/healthz", &[host]), status(&guard, "/readyz", &[host])), (200, 200));
        assert_eq!(status(&guard, "/healthz/", &[host]), 401);
    }
}
