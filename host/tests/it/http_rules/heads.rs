//! Requests over HTTP/1.1.

use super::{
    NO_HTTP,
    Rule::{self, Refused, Told},
    guest,
};
use crate::support::{GUESTS, raw};

const MISSING: &str = "The Host header is missing";
const NO_HOST: &str = "The Host header names no host";
const NO_PORT: &str = "The port in the Host header is no number from 0 to 65535";
const OTHER_VERSION: &str = "Only HTTP/1.1, HTTP/1.0 and HTTP/2 with prior knowledge are spoken here";
const MORE_THAN_ONE: &str = "The Host header is there more than once";
const DIFFER: &str = "The Host header and the URL name different hosts";

const MORE_THAN_CHUNKED: &str = "Transfer-Encoding must be chunked, and nothing else";
const CHUNKED_TWICE: &str = "Transfer-Encoding must say chunked only once";

/// What HTTP says, lines that ask for `/told`, and what comes of them.
const ROWS: &[(&str, &str, Rule)] = &[
    // Whom it asks.
    ("RFC 9112, 3.2: a Host there must be", "GET /told HTTP/1.1", Refused(400, MISSING)),
    ("RFC 9112, 3.2: with a URL, too", "GET http://a/told HTTP/1.1", Refused(400, MISSING)),
    ("RFC 9112, 3.2: one Host", "GET /told HTTP/1.1|host: a|host: a", Refused(400, MORE_THAN_ONE)),
    ("RFC 9112, 3.2: a valid Host", "GET /told HTTP/1.1|host: a b", Refused(400, NO_HOST)),
    ("RFC 9112, 3.2: of letters that a host may have", "GET /told HTTP/1.1|host: a/b", Refused(400, NO_HOST)),
    ("RFC 3986, 3.2.3: a port is a number", "GET /told HTTP/1.1|host: a:b", Refused(400, NO_PORT)),
    ("RFC 3986, 3.2.3: which a socket can have", "GET /told HTTP/1.1|host: a:65536", Refused(400, NO_PORT)),
    ("RFC 9110, 4.2.1: a host is not empty", "GET /told HTTP/1.1|host:", Refused(400, NO_HOST)),
    ("RFC 9110, 4.2.1: a port alone is none", "GET /told HTTP/1.1|host: :80", Refused(400, NO_HOST)),
    ("RFC 9110, 4.2.4: no user in Host", "GET /told HTTP/1.1|host: me@a", Refused(400, NO_HOST)),
    (
        "RFC 9110, 4.2.4: no user in a URL",
        "GET http://me@a/told HTTP/1.1|host: a",
        Refused(400, "The URL must not name a user"),
    ),
    (
        "RFC 9110, 4.2.4: nor with a password",
        "GET http://me:you@a/told HTTP/1.1|host: me:you@a",
        Refused(400, "The URL must not name a user"),
    ),
    ("RFC 9112, 3.2: Host is what the URL says", "GET http://a/told HTTP/1.1|host: b", Refused(400, DIFFER)),
    (
        "RFC 3986, 3.2.3: a port that is none is what is wrong with a URL",
        "GET http://a:99999/told HTTP/1.1|host: a",
        Refused(400, "The port in the URL is no number from 0 to 65535"),
    ),
    ("RFC 3986, 3.2.3: or with a Host beside it", "GET http://a/told HTTP/1.1|host: a:99999", Refused(400, NO_PORT)),
    ("RFC 9112, 3.2: the port is a part of it", "GET http://a/told HTTP/1.1|host: a:81", Refused(400, DIFFER)),
    (
        "RFC 9110, 7.4: https only where it came that way",
        "GET https://a/told HTTP/1.1|host: a",
        Refused(421, "Only http is spoken here, not https"),
    ),
    (
        "RFC 9110, 7.4: no other scheme",
        "GET ftp://a/told HTTP/1.1|host: a",
        Refused(400, "The URL must begin with http://"),
    ),
    (
        "RFC 9112, 3.2.2: a URL is taken for what it says",
        "GET http://A.example:8080/told?x=1 HTTP/1.1|host: a.EXAMPLE:8080",
        Told(&[
            (":authority", Some("A.example:8080")),
            (":path", Some("/told?x=1")),
            (":scheme", Some("Scheme::Http")),
        ]),
    ),
    (
        "RFC 3986, 3.1: in whatever case it has the scheme",
        "GET HTTP://a/told HTTP/1.1|host: a",
        Told(&[(":scheme", Some("Scheme::Http")), (":path", Some("/told"))]),
    ),
    (
        "RFC 9110, 4.2.3: port 80 need not be said",
        "GET http://a:80/told HTTP/1.1|host: a",
        Told(&[(":authority", Some("a:80")), (":path", Some("/told"))]),
    ),
    (
        "RFC 9110, 7.2: Host is whom it asks",
        "GET /told HTTP/1.1|Host: [::1]:8080",
        Told(&[(":authority", Some("[::1]:8080")), ("host", None), (":scheme", Some("Scheme::Http"))]),
    ),
    (
        "RFC 3986, 6.2.2.2: an escape that need not be is none",
        "GET http://a/told HTTP/1.1|host: %61",
        Told(&[(":authority", Some("a"))]),
    ),
    // A host should refuse it. The library that reads a target drops it and does not tell.
    (
        "RFC 9112, 3.2: a fragment is no part of a target",
        "GET /told?x=1#fragment HTTP/1.1|host: a",
        Told(&[(":path", Some("/told?x=1"))]),
    ),
    ("RFC 9112, 3.2.2: nor of a URL", "GET http://a/told#fragment HTTP/1.1|host: a", Told(&[(":path", Some("/told"))])),
    ("RFC 9112, C.1: HTTP/1.0 needs no Host", "GET /told HTTP/1.0", Told(&[(":authority", Some("localhost"))])),
    // How it is written.
    ("RFC 9112, 2.2: no bare CR", "GET /told HTTP/1.1|host: a|x: b\rc", Refused(400, NO_HTTP)),
    ("RFC 9110, 5.5: no NUL", "GET /told HTTP/1.1|host: a|x: b\0c", Refused(400, NO_HTTP)),
    ("RFC 9112, 2.2: nothing before the first header", "GET /told HTTP/1.1| x: b|host: a", Refused(400, NO_HTTP)),
    ("RFC 9112, 5.1: no space before the colon", "GET /told HTTP/1.1|host: a|x : b", Refused(400, NO_HTTP)),
    ("RFC 9112, 5.2: no folded lines", "GET /told HTTP/1.1|host: a|x: b| c", Refused(400, NO_HTTP)),
    ("RFC 9112, 5: a colon", "GET /told HTTP/1.1|host: a|x", Refused(400, NO_HTTP)),
    ("RFC 9110, 5.1: a name", "GET /told HTTP/1.1|host: a|: b", Refused(400, NO_HTTP)),
    ("RFC 9110, 5.1: a name is a token", "GET /told HTTP/1.1|host: a|x(): b", Refused(400, NO_HTTP)),
    ("RFC 9112, 3: a version", "GET /told|host: a", Refused(400, NO_HTTP)),
    // A host should take it for 1.1; hyper does not, and what is said is why.
    ("RFC 9110, 2.5: a version that hyper knows", "GET /told HTTP/1.2|host: a", Refused(505, OTHER_VERSION)),
    ("RFC 9110, 15.6.6: and no other major one", "GET /told HTTP/2.0|host: a", Refused(505, OTHER_VERSION)),
    ("RFC 9113, 3.4: of which the preface begins alike", "PRI * HTTP/2.0|host: a", Refused(505, OTHER_VERSION)),
    ("RFC 9110, 15.6.6: nor an older one", "GET /told HTTP/0.9", Refused(505, OTHER_VERSION)),
    ("RFC 9112, 3: one space between", "GET  /told HTTP/1.1|host: a", Refused(400, NO_HTTP)),
    (
        "RFC 9112, 2.2: a bare LF may do",
        "GET /told HTTP/1.1|host: a|x: b\ny: c",
        Told(&[("x", Some("b")), ("y", Some("c"))]),
    ),
    ("RFC 9112, 2.2: an empty line before", "|GET /told HTTP/1.1|host: a", Told(&[(":path", Some("/told"))])),
    (
        "RFC 9110, 5.5: space around is none of the value",
        "GET /told HTTP/1.1|host: a|x:\t b c \t",
        Told(&[("x", Some("b c"))]),
    ),
    // Where its body ends.
    ("RFC 9110, 8.6: a length is digits", "POST /told HTTP/1.1|host: a|content-length: +1||x", Refused(400, NO_HTTP)),
    ("RFC 9110, 8.6: decimal ones", "POST /told HTTP/1.1|host: a|content-length: 0x1||x", Refused(400, NO_HTTP)),
    ("RFC 9110, 8.6: not less than none", "POST /told HTTP/1.1|host: a|content-length: -1||x", Refused(400, NO_HTTP)),
    ("RFC 9110, 8.6: not none at all", "POST /told HTTP/1.1|host: a|content-length:||x", Refused(400, NO_HTTP)),
    ("RFC 9110, 8.6: one number", "POST /told HTTP/1.1|host: a|content-length: 1 1||x", Refused(400, NO_HTTP)),
    ("RFC 9112, 6.3: no list of lengths", "POST /told HTTP/1.1|host: a|content-length: 1, 1||x", Refused(400, NO_HTTP)),
    (
        "RFC 9112, 6.3: no two lengths",
        "POST /told HTTP/1.1|host: a|content-length: 1|content-length: 2||xx",
        Refused(400, NO_HTTP),
    ),
    (
        "RFC 9112, 6.3: the same twice is once",
        "POST /told HTTP/1.1|host: a|content-length: 1|content-length: 1||x",
        Told(&[("content-length", Some("1"))]),
    ),
    (
        "RFC 9112, 6.3: chunked is last",
        "POST /told HTTP/1.1|host: a|transfer-encoding: chunked, identity||0||",
        Refused(400, NO_HTTP),
    ),
    ("RFC 9112, 6.3: and there", "POST /told HTTP/1.1|host: a|transfer-encoding: identity||0||", Refused(400, NO_HTTP)),
    (
        "RFC 9112, 6.3: by that name",
        "POST /told HTTP/1.1|host: a|transfer-encoding: xchunked||0||",
        Refused(400, NO_HTTP),
    ),
    (
        "RFC 9112, 6.1: no coding that is not known",
        "POST /told HTTP/1.1|host: a|transfer-encoding: gzip, chunked||0||",
        Refused(501, MORE_THAN_CHUNKED),
    ),
    (
        "RFC 9112, 7.1: chunked once",
        "POST /told HTTP/1.1|host: a|transfer-encoding: chunked|transfer-encoding: chunked||0||",
        Refused(400, CHUNKED_TWICE),
    ),
    (
        "RFC 9112, 7.1: in a list, too",
        "POST /told HTTP/1.1|host: a|transfer-encoding: chunked, Chunked||0||",
        Refused(400, CHUNKED_TWICE),
    ),
    (
        "RFC 9110, 5.6.1.2: what is empty in a list is nothing",
        "POST /told HTTP/1.1|host: a|transfer-encoding: , ,chunked||0||",
        Told(&[("transfer-encoding", None)]),
    ),
    (
        "RFC 9112, 6.1: and nothing between",
        "POST /told HTTP/1.1|host: a|transfer-encoding: chunked, gzip, chunked||0||",
        Refused(501, MORE_THAN_CHUNKED),
    ),
    (
        "RFC 9112, 6.1: none in HTTP/1.0",
        "POST /told HTTP/1.0|host: a|transfer-encoding: chunked||0||",
        Refused(400, NO_HTTP),
    ),
    (
        "RFC 9110, 10.1.1: nothing else is expected",
        "GET /told HTTP/1.1|host: a|expect: a-miracle",
        Refused(417, "Nothing can be expected but 100-continue"),
    ),
    // What ends here.
    (
        "RFC 9110, 7.6.1: what a connection has is not told",
        "GET /told HTTP/1.1|host: a|connection: keep-alive, upgrade|keep-alive: timeout=5|proxy-connection: close|upgrade: websocket|http2-settings: x|te: gzip",
        Told(&[
            ("connection", None),
            ("keep-alive", None),
            ("proxy-connection", None),
            ("upgrade", None),
            ("http2-settings", None),
            ("te", None),
        ]),
    ),
    (
        "RFC 9110, 7.6.1: nor what Connection names",
        "GET /told HTTP/1.1|host: a|connection: X-One , x-two|x-one: 1|x-two: 2|x-three: 3",
        Told(&[("x-one", None), ("x-two", None), ("x-three", Some("3"))]),
    ),
    (
        "RFC 9110, 7.6.1: which does not name what is for all",
        "GET /told HTTP/1.1|host: a|connection: authorization, cookie, Host, content-type, if-match, x-forwarded-for, origin|authorization: b|cookie: c|content-type: d/e|if-match: \"f\"|origin: http://g",
        Told(&[
            ("authorization", Some("b")),
            ("cookie", Some("c")),
            ("content-type", Some("d/e")),
            ("if-match", Some("\"f\"")),
            ("origin", Some("http://g")),
            ("x-forwarded-for", Some("127.0.0.1")),
            (":authority", Some("a")),
        ]),
    ),
    (
        "RFC 9110, 10.1.4: that trailers are taken is told",
        "GET /told HTTP/1.1|host: a|connection: te|te: deflate;q=0.5, trailers",
        Told(&[("te", Some("trailers"))]),
    ),
    (
        "RFC 9110, 11.7.2: credentials for a proxy are not told",
        "GET /told HTTP/1.1|host: a|proxy-authorization: b",
        Told(&[("proxy-authorization", None)]),
    ),
    (
        "RFC 9110, 10.1.1: what was expected and met is not told",
        "GET /told HTTP/1.1|host: a|expect: 100-Continue",
        Told(&[("expect", None)]),
    ),
    // What comes behind its body.
    (
        "RFC 9110, 6.5.1: trailers that are no more than that are told",
        "POST /told HTTP/1.1|host: a|transfer-encoding: chunked||1|x|0|x-sum: 42|content-digest: b||",
        Told(&[("+x-sum", Some("42")), ("+content-digest", Some("b"))]),
    ),
    (
        "RFC 9110, 6.5.1: others are dropped",
        "POST /told HTTP/1.1|host: a|transfer-encoding: chunked||1|x|0|content-length: 9|transfer-encoding: gzip|host: b|authorization: c|content-type: d|cookie: e|te: f|x-forwarded-for: g|x_real_ip: h|connection: i|if-match: j|x-sum: 42||",
        Told(&[
            ("+x-sum", Some("42")),
            ("+content-length", None),
            ("+transfer-encoding", None),
            ("+host", None),
            ("+authorization", None),
            ("+content-type", None),
            ("+cookie", None),
            ("+te", None),
            ("+x-forwarded-for", None),
            ("+x_real_ip", None),
            ("+connection", None),
            ("+if-match", None),
        ]),
    ),
];

#[test]
fn a_head_is_taken_as_http_has_it() {
    for component in GUESTS {
        let (_folder, host) = guest(component);
        for (rule, lines, expected) in ROWS {
            let what = format!("{component}: {rule}");
            let received = raw::exchange(host.gateway, written(lines));
            let (head, body) = received.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{what}: {received:?}"));
            let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
            assert!(head.contains("\r\ncontent-type: application/json"), "{what}: {head}");
            expected.check(&what, status, body);
        }
        assert_eq!(raw::exchange(host.gateway, written("GET /hello HTTP/1.1|host: a")).lines().last(), Some("hello"));
    }
}

/// RFC 9112, section 6.1: the length is not believed, and the connection ends, so that
/// whoever believed it smuggles nothing.
#[test]
fn a_length_beside_chunks_is_not_believed() {
    for component in GUESTS {
        let (_folder, host) = guest(component);
        for lengths in
            ["content-length: 5\r\ntransfer-encoding: chunked", "transfer-encoding: chunked\r\ncontent-length: 5"]
        {
            let smuggled = "GET /hello HTTP/1.1\r\nhost: a\r\n\r\n";
            let request = format!("POST /count HTTP/1.1\r\nhost: a\r\n{lengths}\r\n\r\n1\r\nx\r\n0\r\n\r\n{smuggled}");
            let received = raw::exchange(host.gateway, request);
            assert_eq!(received.matches("HTTP/1.1").count(), 1, "{component}: {received}");
            assert!(received.ends_with("\r\n\r\n1"), "{component}: {received}");
        }
    }
}

/// Lines between `|`, as they are sent: a head that ends the connection, and what comes
/// behind an empty line.
fn written(lines: &str) -> String {
    let (head, body) = lines.split_once("||").unwrap_or((lines, ""));
    format!("{head}|connection: close||{body}").replace('|', "\r\n")
}
