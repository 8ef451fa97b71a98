//! Requests over HTTP/2, frame by frame.

use super::{
    Rule::{self, Refused, Told},
    guest,
};
use crate::support::{
    GUESTS, Host,
    raw_http2::{
        Outcome,
        Piece::{self, Data, Fields},
        exchange,
    },
};

type List = &'static [(&'static str, &'static str)];

/// What a malformed request is reset for (RFC 9113, sections 7 and 8.1.1).
const PROTOCOL_ERROR: u32 = 1;

const GET: (&str, &str) = (":method", "GET");
const POST: (&str, &str) = (":method", "POST");
const HTTP: (&str, &str) = (":scheme", "http");
const TOLD: (&str, &str) = (":path", "/told");
const A: (&str, &str) = (":authority", "a");

/// What HTTP says, a request without a body, and what comes of it.
const ROWS: &[(&str, List, Rule)] = &[
    (
        "RFC 9113, 8.3.1: whom it asks",
        &[GET, HTTP, (":path", "/told?x=1"), (":authority", "A.example:8080")],
        Told(&[
            (":method", Some("Method::Get")),
            (":scheme", Some("Scheme::Http")),
            (":authority", Some("A.example:8080")),
            (":path", Some("/told?x=1")),
            ("host", None),
        ]),
    ),
    // As over HTTP/1.1.
    (
        "RFC 9113, 8.3.1: a fragment is no part of a path",
        &[GET, HTTP, (":path", "/told?x=1#fragment"), A],
        Told(&[(":path", Some("/told?x=1"))]),
    ),
    (
        "RFC 9113, 8.3.1: Host may say it alone",
        &[GET, HTTP, TOLD, ("host", "b")],
        Told(&[(":authority", Some("b")), (":scheme", Some("Scheme::Http"))]),
    ),
    ("RFC 9113, 8.3.1: or the same", &[GET, HTTP, TOLD, A, ("host", "A")], Told(&[(":authority", Some("a"))])),
    (
        "RFC 9113, 8.3.1: but nothing else",
        &[GET, HTTP, TOLD, A, ("host", "b")],
        Refused(400, "The Host header and the URL name different hosts"),
    ),
    (
        "RFC 3986, 6.2.2.2: an escape that need not be is none",
        &[GET, HTTP, TOLD, A, ("host", "%61")],
        Told(&[(":authority", Some("a"))]),
    ),
    (
        "RFC 9113, 8.3.1: no user",
        &[GET, HTTP, TOLD, (":authority", "me@a")],
        Refused(400, "The URL must not name a user"),
    ),
    (
        "RFC 9113, 8.3.1: nor where Host has it, too",
        &[GET, HTTP, TOLD, (":authority", "me@a"), ("host", "me@a")],
        Refused(400, "The URL must not name a user"),
    ),
    ("RFC 9113, 8.3.1: somebody", &[GET, HTTP, TOLD], Refused(400, "The Host header is missing")),
    (
        "RFC 9110, 7.2: one Host",
        &[GET, HTTP, TOLD, A, ("host", "a"), ("host", "a")],
        Refused(400, "The Host header is there more than once"),
    ),
    (
        "RFC 3986, 3.2.3: a port is a number",
        &[GET, HTTP, TOLD, (":authority", "a:b")],
        Refused(400, "The port in the URL is no number from 0 to 65535"),
    ),
    (
        "RFC 9110, 7.4: https only where it came that way",
        &[GET, (":scheme", "https"), TOLD, A],
        Refused(421, "Only http is spoken here, not https"),
    ),
    (
        "RFC 9110, 7.4: no other scheme",
        &[GET, (":scheme", "ftp"), TOLD, A],
        Refused(400, "The URL must begin with http://"),
    ),
    (
        "RFC 3986, 3.1: a scheme in whatever case",
        &[GET, (":scheme", "HTTP"), TOLD, A],
        Told(&[(":scheme", Some("Scheme::Http"))]),
    ),
    (
        "RFC 9113, 8.3.1: a path, also where Host says whom it asks",
        &[GET, HTTP, ("host", "a")],
        Refused(400, "The target of the request is no path that begins with /"),
    ),
    (
        "RFC 9113, 8.3.1: a query alone is no path",
        &[GET, HTTP, (":path", "?x=1"), A],
        Refused(400, "The target of the request is no path that begins with /"),
    ),
    (
        "RFC 9110, 10.1.1: nothing else is expected",
        &[GET, HTTP, TOLD, A, ("expect", "a-miracle")],
        Refused(417, "Nothing can be expected but 100-continue"),
    ),
    (
        "RFC 9113, 8.2.2: trailers may be taken",
        &[GET, HTTP, TOLD, A, ("te", "trailers")],
        Told(&[("te", Some("trailers"))]),
    ),
    (
        "RFC 9113, 8.2.3: cookies may come in crumbs",
        &[GET, HTTP, TOLD, A, ("cookie", "a=1"), ("cookie", "b=2")],
        Told(&[("cookie", Some("a=1; b=2"))]),
    ),
];

/// What HTTP says, and a request that is reset.
const MALFORMED: &[(&str, List)] = &[
    ("RFC 9113, 8.2.1: names are in lower case", &[GET, HTTP, TOLD, A, ("X-Name", "b")]),
    ("RFC 9113, 8.2.1: names are tokens", &[GET, HTTP, TOLD, A, ("x name", "b")]),
    ("RFC 9113, 8.2.1: no NUL in a value", &[GET, HTTP, TOLD, A, ("x", "b\0")]),
    ("RFC 9113, 8.2.1: no CR in a value", &[GET, HTTP, TOLD, A, ("x", "b\rc")]),
    ("RFC 9113, 8.2.1: no LF in a value", &[GET, HTTP, TOLD, A, ("x", "b\nc: d")]),
    ("RFC 9113, 8.2.2: nothing of a connection", &[GET, HTTP, TOLD, A, ("connection", "close")]),
    ("RFC 9113, 8.2.2: no keep-alive", &[GET, HTTP, TOLD, A, ("keep-alive", "timeout=5")]),
    ("RFC 9113, 8.2.2: no proxy-connection", &[GET, HTTP, TOLD, A, ("proxy-connection", "close")]),
    ("RFC 9113, 8.2.2: no transfer-encoding", &[GET, HTTP, TOLD, A, ("transfer-encoding", "chunked")]),
    ("RFC 9113, 8.2.2: no upgrade", &[GET, HTTP, TOLD, A, ("upgrade", "websocket")]),
    ("RFC 9113, 8.2.2: te is trailers", &[GET, HTTP, TOLD, A, ("te", "gzip")]),
    ("RFC 9113, 8.3: pseudo-headers come first", &[GET, HTTP, TOLD, ("x", "b"), A]),
    ("RFC 9113, 8.3: once", &[GET, GET, HTTP, TOLD, A]),
    ("RFC 9113, 8.3: no other ones", &[GET, HTTP, TOLD, A, (":name", "b")]),
    ("RFC 9113, 8.3: none of an answer", &[GET, HTTP, TOLD, A, (":status", "200")]),
    ("RFC 9113, 8.3.1: a method", &[HTTP, TOLD, A]),
    ("RFC 9113, 8.3.1: a scheme", &[GET, TOLD, A]),
    ("RFC 9113, 8.3.1: a path", &[GET, HTTP, A]),
    ("RFC 9113, 8.3.1: which is not empty", &[GET, HTTP, (":path", ""), A]),
    ("RFC 9113, 8.3.1: an authority that is there is not empty", &[GET, HTTP, TOLD, (":authority", "")]),
    ("RFC 9113, 8.1.1: no length without a body", &[POST, HTTP, TOLD, A, ("content-length", "1")]),
    ("RFC 9110, 8.6: a length is digits", &[POST, HTTP, TOLD, A, ("content-length", "+0")]),
    ("RFC 9110, 8.6: and one", &[POST, HTTP, TOLD, A, ("content-length", "0"), ("content-length", "1")]),
];

#[test]
fn a_head_is_taken_as_http_has_it() {
    for component in GUESTS {
        let (_folder, host) = guest(component);
        for (rule, fields, expected) in ROWS {
            check(&host, &format!("{component}: {rule}"), &[Fields(fields)], expected);
        }
    }
}

#[test]
fn a_malformed_head_is_reset() {
    for component in GUESTS {
        let (_folder, host) = guest(component);
        for (rule, fields) in MALFORMED {
            let outcome = exchange(host.gateway, &[Fields(fields)]);
            assert!(is_malformed(&outcome), "{component}: {rule}: {outcome:?}");
        }
        check(&host, "after that", &[Fields(&[GET, HTTP, TOLD, A])], &Told(&[]));
    }
}

#[test]
fn trailers_are_what_may_follow_a_body() {
    for component in GUESTS {
        let (_folder, host) = guest(component);
        let head = Fields(&[POST, HTTP, TOLD, A]);
        let trailers: List = &[
            ("content-length", "9"),
            ("host", "b"),
            ("authorization", "c"),
            ("x-forwarded-for", "d"),
            ("forwarded", "e"),
            ("x-sum", "42"),
            ("content-type", "f"),
            ("set-cookie", "g"),
        ];
        let expected = Told(&[
            ("+x-sum", Some("42")),
            ("+content-length", None),
            ("+host", None),
            ("+authorization", None),
            ("+x-forwarded-for", None),
            ("+forwarded", None),
            ("+content-type", None),
            ("+set-cookie", None),
        ]);
        check(&host, &format!("{component}: RFC 9110, 6.5.1"), &[head, Data("x"), Fields(trailers)], &expected);
    }
}

/// h2 drops them before a server sees any, so that the request cannot be refused.
#[test]
fn pseudo_headers_in_trailers_reach_nobody() {
    for component in GUESTS {
        let (_folder, host) = guest(component);
        let pseudo = [(":method", "PUT"), (":path", "/b"), (":authority", "b"), (":scheme", "b"), (":status", "204")];
        for (name, value) in pseudo {
            let (head, trailers) = ([POST, HTTP, TOLD, A], [(name, value), ("x-sum", "42")]);
            let pieces = [Fields(&head), Data("x"), Fields(&trailers)];
            let expected = Told(&[
                (":method", Some("Method::Post")),
                (":path", Some("/told")),
                (":authority", Some("a")),
                ("+x-sum", Some("42")),
                ("+:method", None),
                ("+:path", None),
                ("+:authority", None),
                ("+:scheme", None),
                ("+:status", None),
            ]);
            check(&host, &format!("{component}: RFC 9113, 8.1: {name}"), &pieces, &expected);
        }
        for trailers in [&[("x-sum", "42"), (":path", "/b")][..], &[(":name", "b")]] {
            let outcome = exchange(host.gateway, &[Fields(&[POST, HTTP, TOLD, A]), Data("x"), Fields(trailers)]);
            assert!(is_malformed(&outcome), "{component}: RFC 9113, 8.3: {trailers:?}: {outcome:?}");
        }
    }
}

fn is_malformed(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Reset(PROTOCOL_ERROR) | Outcome::GoneAway(_))
}

fn check(host: &Host, what: &str, pieces: &[Piece], expected: &Rule) {
    match exchange(host.gateway, pieces) {
        Outcome::Answered(status, body) => expected.check(what, status, &body),
        outcome => panic!("{what}: {outcome:?}"),
    }
}
