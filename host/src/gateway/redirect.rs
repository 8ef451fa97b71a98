//! Sends whoever asks over plain HTTP to the same over TLS, but for authorities that look at a
//! proof before they give a certificate.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header, uri::Scheme};
use http_body_util::Full;
use hyper::body::Incoming;

use super::{authority, target};
use crate::{
    listener::{
        Handler, Peer, limits,
        reply::{error, unasked, without_body},
    },
    tls::Proofs,
};

/// The port of `https` that need not be said.
const HTTPS: u16 = 443;

/// The port of `http` that need not be said.
const HTTP: u16 = 80;

/// Below it authorities look (RFC 8555, section 8.3).
const PROOFS: &str = "/.well-known/acme-challenge/";

/// Answers every request with where it is to go.
pub struct Redirect {
    /// The ports that it listens on itself.
    own: Vec<u16>,
    /// The port of the gateway, which speaks TLS.
    gateway: u16,
    /// What authorities are shown, if any are asked for certificates.
    proofs: Option<Arc<Proofs>>,
}

impl Redirect {
    /// From these ports to one of those of the gateway: the usual one, if it is among them.
    pub fn new(own: Vec<u16>, gateway: &[u16], proofs: Option<Arc<Proofs>>) -> Arc<Redirect> {
        let usual = gateway.iter().find(|port| **port == HTTPS);
        let gateway = usual.or(gateway.first()).copied().unwrap_or(HTTPS);
        Arc::new(Redirect { own, gateway, proofs })
    }

    fn route<B>(&self, request: &Request<B>) -> Response<Bytes> {
        let (method, uri) = (request.method().as_str(), request.uri());
        if let Err(answer) = route::path(method, target::path(uri, request.version())) {
            return unasked(answer, request.version());
        }
        if let Some(refused) = limits::refusal(request) {
            return refused;
        }
        if let Some(proof) = self.proof(request) {
            return proof;
        }
        let host = match authority::of(request, &Scheme::HTTP) {
            Ok(host) if names_one(request) => host,
            Ok(_) => return error(StatusCode::BAD_REQUEST, "The Host header is missing"),
            Err(refused) => return error(refused.status, refused.sentence),
        };
        let asked = uri.path_and_query().map_or("/", |target| target.as_str());
        match HeaderValue::try_from(format!("https://{}{asked}", self.there(&host))) {
            Ok(there) => {
                let mut response = Response::new(Bytes::new());
                *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
                response.headers_mut().insert(header::LOCATION, there);
                response
            }
            Err(_) => error(StatusCode::BAD_REQUEST, "The URL is none"),
        }
    }

    /// What an authority asked to see, if it is one and that is shown.
    fn proof<B>(&self, request: &Request<B>) -> Option<Response<Bytes>> {
        let token = request.uri().path().strip_prefix(PROOFS)?;
        let is_asked = matches!(*request.method(), Method::GET | Method::HEAD);
        let answer = self.proofs.as_ref().filter(|_| is_asked)?.answer(token)?;
        let mut response = Response::new(Bytes::from(answer));
        let kind = HeaderValue::from_static("application/octet-stream");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        Some(response)
    }

    /// The host with the gateway's port. Where a client came by another port than this
    /// listens on, something before it changes ports, and then so it does for TLS: to the
    /// usual one, as far as can be known here.
    fn there(&self, host: &HeaderValue) -> String {
        let host = String::from_utf8_lossy(host.as_bytes());
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.contains(']') => (name, port.parse().unwrap_or(HTTP)),
            _ => (&*host, HTTP),
        };
        match self.own.contains(&port) && self.gateway != HTTPS {
            true => format!("{name}:{}", self.gateway),
            false => name.to_owned(),
        }
    }
}

/// Whether a request says whom it asks: one of HTTP/1.0 need not.
fn names_one<B>(request: &Request<B>) -> bool {
    request.uri().authority().is_some() || request.headers().contains_key(header::HOST)
}

impl Handler for Redirect {
    type Body = Full<Bytes>;

    async fn answer(&self, request: Request<Incoming>, _: &Peer) -> Response<Full<Bytes>> {
        let response = self.route(&request).map(Full::new);
        if request.method() == Method::HEAD { without_body(response, Full::default()) } else { response }
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_kept_and_the_port_is_that_of_the_gateway() {
        for (own, gateway, host, there) in [
            (80, 443, "a.example", "a.example"),
            (80, 443, "a.example:80", "a.example"),
            (80, 8443, "a.example", "a.example:8443"),
            (8080, 8443, "localhost:8080", "localhost:8443"),
            (8080, 8443, "[::1]:8080", "[::1]:8443"),
            // Ports 80 and 443 of a machine in front lead here.
            (8080, 8443, "a.example", "a.example"),
            (8080, 8443, "[::1]", "[::1]"),
            (8080, 8443, "a.example:8000", "a.example"),
            (80, 8443, "a.example:", "a.example:8443"),
        ] {
            let redirect = Redirect { own: vec![own], gateway, proofs: None };
            let host = HeaderValue::from_static(host);
            assert_eq!(redirect.there(&host), there, "{host:?} at {own}");
        }
    }

    #[test]
    fn the_target_is_kept_as_it_came_and_what_is_none_is_refused() {
        let redirect = Redirect { own: vec![80], gateway: 443, proofs: None };
        let asked = |request: http::request::Builder| {
            let answer = redirect.route(&request.body(()).expect("a request"));
            let there = answer.headers().get(header::LOCATION).map(|there| there.to_str().expect("text").to_owned());
            (answer.status().as_u16(), there)
        };
        let there = |target: &str| (308, Some(format!("https://a.example{target}")));
        for target in ["/", "/a%2Fb/../c?d=%20&e", "/%7Euser?"] {
            assert_eq!(asked(Request::post(target).header("host", "a.example")), there(target));
        }
        assert_eq!(asked(Request::get("http://a.example/b").header("host", "a.example")), there("/b"));
        assert_eq!(asked(Request::get("/").header("host", "a.example").header("host", "b.example")), (400, None));
        assert_eq!(asked(Request::get("/").header("host", "a b")), (400, None));
        assert_eq!(asked(Request::get("/")), (400, None));
        assert_eq!(asked(Request::get("/").version(http::Version::HTTP_10)), (400, None));
        assert_eq!(asked(Request::get("https://a.example/").header("host", "a.example")), (421, None));
    }
}
