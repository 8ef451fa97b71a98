//! Whose request it is behind proxies: what those say is believed that are trusted, and of
//! nobody else.

use http::{HeaderName, HeaderValue, Method};

use super::{behind, told};
use crate::support::{
    Client, GUESTS, Host, raw,
    raw_http2::{Outcome, Piece, exchange},
    request,
};

/// A request's headers.
type Headers = &'static [(&'static str, &'static str)];

/// What is said of a request, its headers, and what its component is told: the client's
/// address, the scheme, and the host if that is not the request's own. It comes from
/// 127.0.0.1.
type Row = (&'static str, Headers, &'static str, &'static str, Option<&'static str>);

/// Who is trusted in the rows.
const TRUSTED: &str = r#"trusted = ["127.0.0.1", "10.0.0.0/8", "fd00::/8"]"#;

const XFF: &str = "x-forwarded-for";
const XFP: &str = "x-forwarded-proto";
const XFH: &str = "x-forwarded-host";
const FWD: &str = "forwarded";

const ROWS: &[Row] = &[
    ("nothing is said", &[], "127.0.0.1", "http", None),
    // Which address.
    ("a client", &[(XFF, "192.0.2.7")], "192.0.2.7", "http", None),
    ("its port", &[(XFF, "192.0.2.7:4711")], "192.0.2.7", "http", None),
    ("IPv6", &[(XFF, "2001:db8::7")], "2001:db8::7", "http", None),
    ("IPv6 in brackets", &[(XFF, "[2001:DB8:0::7]")], "2001:db8::7", "http", None),
    ("IPv6 with a port", &[(XFF, "[2001:db8::7]:4711")], "2001:db8::7", "http", None),
    ("IPv4 in IPv6", &[(XFF, "::ffff:192.0.2.7")], "192.0.2.7", "http", None),
    ("a chain of three", &[(XFF, "192.0.2.7, 10.0.0.3, 10.0.0.2")], "192.0.2.7", "http", None),
    ("of both kinds", &[(XFF, "2001:db8::7,fd00::3 ,\t10.0.0.2")], "2001:db8::7", "http", None),
    ("a proxy in the form of IPv6", &[(XFF, "192.0.2.7, ::ffff:10.0.0.2")], "192.0.2.7", "http", None),
    ("several fields", &[(XFF, "192.0.2.7"), (XFF, "10.0.0.3"), (XFF, "10.0.0.2")], "192.0.2.7", "http", None),
    ("empty parts", &[(XFF, ", 192.0.2.7,, 10.0.0.2,"), (XFF, "")], "192.0.2.7", "http", None),
    ("nobody but proxies", &[(XFF, "10.0.0.4, 10.0.0.3, 10.0.0.2")], "10.0.0.4", "http", None),
    // What an attacker puts before it.
    ("others before it", &[(XFF, "6.6.6.6, 192.0.2.7")], "192.0.2.7", "http", None),
    ("proxies before it", &[(XFF, "10.0.0.9, 127.0.0.1, 192.0.2.7, 10.0.0.2")], "192.0.2.7", "http", None),
    ("in a field of its own", &[(XFF, "10.0.0.9"), (XFF, "192.0.2.7")], "192.0.2.7", "http", None),
    ("no text before it", &[(XFF, "\u{ff}\u{fe}, 192.0.2.7")], "192.0.2.7", "http", None),
    ("a quote before it", &[(XFF, "\"6.6.6.6, 192.0.2.7")], "192.0.2.7", "http", None),
    // What is no address ends it, and who said so is all that is known.
    ("unknown", &[(XFF, "6.6.6.6, unknown")], "127.0.0.1", "http", None),
    ("unknown to another", &[(XFF, "6.6.6.6, unknown, 10.0.0.2")], "10.0.0.2", "http", None),
    ("a name", &[(XFF, "6.6.6.6, client.example, 10.0.0.2")], "10.0.0.2", "http", None),
    ("a network", &[(XFF, "6.6.6.6, 192.0.2.7/24")], "127.0.0.1", "http", None),
    ("in quotes", &[(XFF, "\"192.0.2.7\"")], "127.0.0.1", "http", None),
    ("too few numbers", &[(XFF, "192.0.2")], "127.0.0.1", "http", None),
    ("octal numbers", &[(XFF, "0300.0.2.7")], "127.0.0.1", "http", None),
    ("one number", &[(XFF, "3221225991")], "127.0.0.1", "http", None),
    ("a zone", &[(XFF, "fe80::1%eth0")], "127.0.0.1", "http", None),
    ("parted by spaces", &[(XFF, "6.6.6.6 192.0.2.7")], "127.0.0.1", "http", None),
    ("parted by semicolons", &[(XFF, "6.6.6.6; 192.0.2.7")], "127.0.0.1", "http", None),
    // Scheme and host.
    ("scheme", &[(XFF, "192.0.2.7"), (XFP, "https")], "192.0.2.7", "https", None),
    ("in upper case", &[(XFF, "192.0.2.7"), (XFP, "HTTPS")], "192.0.2.7", "https", None),
    ("scheme alone", &[(XFP, "https")], "127.0.0.1", "https", None),
    ("the last of several schemes", &[(XFP, "https, http")], "127.0.0.1", "http", None),
    ("of several fields", &[(XFP, "http"), (XFP, "https")], "127.0.0.1", "https", None),
    ("another scheme", &[(XFP, "wss")], "127.0.0.1", "http", None),
    ("none", &[(XFP, "")], "127.0.0.1", "http", None),
    ("a host", &[(XFF, "192.0.2.7"), (XFH, "shop.example")], "192.0.2.7", "http", Some("shop.example")),
    ("with a port", &[(XFH, "shop.example:8443")], "127.0.0.1", "http", Some("shop.example:8443")),
    ("the last host", &[(XFH, "evil.example, shop.example")], "127.0.0.1", "http", Some("shop.example")),
    ("no host", &[(XFH, "shop.example/x")], "127.0.0.1", "http", None),
    ("a user", &[(XFH, "me@shop.example")], "127.0.0.1", "http", None),
    // RFC 7239.
    ("Forwarded", &[(FWD, "for=192.0.2.7;proto=https;host=shop.example")], "192.0.2.7", "https", Some("shop.example")),
    ("a host in quotes", &[(FWD, "for=192.0.2.7;host=\"a:81\"")], "192.0.2.7", "http", Some("a:81")),
    ("names in any case", &[(FWD, "For=192.0.2.7;PROTO=Https")], "192.0.2.7", "https", None),
    ("IPv6 in quotes", &[(FWD, "for=\"[2001:db8::7]:4711\"")], "2001:db8::7", "http", None),
    ("IPv6 and no quotes", &[(FWD, "for=[2001:db8::7]")], "127.0.0.1", "http", None),
    ("a port without quotes", &[(FWD, "for=192.0.2.7:4711")], "127.0.0.1", "http", None),
    ("a hidden port", &[(FWD, "for=\"192.0.2.7:_p\"")], "192.0.2.7", "http", None),
    ("escaped", &[(FWD, "for=\"\\192.0.2.7\"")], "192.0.2.7", "http", None),
    (
        "what goes with it",
        &[(FWD, "for=192.0.2.7;proto=https;host=a, for=10.0.0.3;proto=http;host=b"), (FWD, "for=10.0.0.2")],
        "192.0.2.7",
        "https",
        Some("a"),
    ),
    ("hidden", &[(FWD, "for=6.6.6.6, for=_hidden;proto=https")], "127.0.0.1", "https", None),
    ("hidden by another", &[(FWD, "for=6.6.6.6;host=evil, for=_hidden, for=10.0.0.2")], "10.0.0.2", "http", None),
    ("unknown by Forwarded", &[(FWD, "for=6.6.6.6, for=unknown")], "127.0.0.1", "http", None),
    ("who is not said", &[(FWD, "for=6.6.6.6;host=evil, by=10.0.0.1;proto=https")], "127.0.0.1", "https", None),
    ("elements before it", &[(FWD, "for=6.6.6.6;host=evil, for=192.0.2.7")], "192.0.2.7", "http", None),
    ("an open quote before it", &[(FWD, "for=\"6.6.6.6, for=192.0.2.7")], "192.0.2.7", "http", None),
    ("a quote in between", &[(FWD, "for=6.6.6.6;x=\", for=\"[2001:db8::7]\"")], "2001:db8::7", "http", None),
    ("a field before it", &[(FWD, "for=10.0.0.2;x=\""), (FWD, "for=192.0.2.7")], "192.0.2.7", "http", None),
    ("no text before Forwarded's", &[(FWD, "\u{ff}, for=192.0.2.7")], "192.0.2.7", "http", None),
    ("twice in one element", &[(FWD, "for=6.6.6.6;for=192.0.2.7")], "127.0.0.1", "http", None),
    ("no element", &[(FWD, "for=6.6.6.6, for=192.0.2.7;;")], "127.0.0.1", "http", None),
    ("a list of X-Forwarded-For", &[(FWD, "6.6.6.6, 192.0.2.7")], "127.0.0.1", "http", None),
    // Never both.
    ("both", &[(FWD, "for=6.6.6.6;proto=https;host=evil"), (XFF, "192.0.2.7")], "192.0.2.7", "http", None),
    ("both, and one is none", &[(FWD, "for=6.6.6.6"), (XFF, "unknown")], "127.0.0.1", "http", None),
    ("scheme beside Forwarded", &[(FWD, "for=6.6.6.6"), (XFP, "https")], "127.0.0.1", "https", None),
    // Nobody else's word.
    ("other fields", &[("x-real-ip", "6.6.6.6"), ("true-client-ip", "6.6.6.6")], "127.0.0.1", "http", None),
    ("other spellings", &[("x_forwarded_for", "6.6.6.6"), ("x-forwarded_proto", "https")], "127.0.0.1", "http", None),
    ("other names", &[("x-forwarded", "for=6.6.6.6"), ("x-forwarded-scheme", "https")], "127.0.0.1", "http", None),
];

#[tokio::test]
async fn proxies_that_are_trusted_say_whose_request_it_is() {
    for component in GUESTS {
        let (_folder, host) = behind(component, TRUSTED);
        each_row(component, &host, |expected| expected).await;
    }
}

#[tokio::test]
async fn nobody_else_does() {
    for trusted in ["", "trusted = []", r#"trusted = ["10.0.0.0/8", "127.0.0.2", "::1", "fd00::/8", "6.6.6.6"]"#] {
        let (_folder, host) = behind("guest", trusted);
        each_row(trusted, &host, |_| ("127.0.0.1", "http", None)).await;
    }
}

/// Hold each row against what a component is told, over HTTP/1.1 and HTTP/2.
async fn each_row(
    whose: &str,
    host: &Host,
    made: impl Fn((&'static str, &'static str, Option<&'static str>)) -> (&'static str, &'static str, Option<&'static str>),
) {
    for mut client in [host.connect().await, Client::http2(host.gateway).await] {
        for (what, headers, address, scheme, asked) in ROWS {
            let mut request = request(Method::GET, "/told", "");
            for (name, value) in *headers {
                let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header's value");
                request.headers_mut().append(name.parse::<HeaderName>().expect("a header's name"), value);
            }
            let found = client.send(request).await.json();
            let (address, scheme, asked) = made((address, scheme, *asked));
            let own = host.gateway.to_string();
            for (name, expected) in [(XFF, address), (XFP, scheme), (XFH, asked.unwrap_or(&own)), (":authority", &own)]
            {
                assert_eq!(told(&found, name), [expected], "{whose}: {what}: {name} in {found}");
            }
            for (name, _) in headers.iter().filter(|(name, _)| ![XFF, XFP, XFH].contains(name)) {
                assert!(told(&found, name).is_empty(), "{whose}: {what}: {name} in {found}");
            }
        }
    }
}

/// Who hands on a header of a connection's cannot take away what its own proxy said.
#[tokio::test]
async fn what_ends_with_a_connection_was_said_all_the_same() {
    let (_folder, host) = behind("guest", TRUSTED);
    let mut request = request(Method::GET, "/told", "");
    for (name, value) in [(XFF, "192.0.2.7"), ("connection", "x-forwarded-for, x-request-id"), ("x-request-id", "7")] {
        request.headers_mut().append(name, HeaderValue::from_static(value));
    }
    let found = host.connect().await.send(request).await.json();
    assert_eq!(told(&found, XFF), ["192.0.2.7"]);
    assert_eq!(told(&found, "x-request-id"), ["7"]);
}

/// Over HTTP/2 some proxies say the scheme that their clients asked for.
#[test]
fn a_proxy_may_ask_for_https_where_others_may_not() {
    let fields = [(":method", "GET"), (":scheme", "https"), (":path", "/told"), (":authority", "a")];
    let absolute = "GET https://a/told HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let (_folder, host) = behind("guest", TRUSTED);
    let Outcome::Answered(200, body) = exchange(host.gateway, &[Piece::Fields(&fields)]) else { panic!("no answer") };
    assert_eq!(told(&serde_json::from_str(&body).expect("JSON"), ":authority"), ["a"]);
    assert!(raw::exchange(host.gateway, absolute).starts_with("HTTP/1.1 200 "));
    let (_folder, host) = behind("guest", r#"trusted = ["10.0.0.0/8"]"#);
    let outcome = exchange(host.gateway, &[Piece::Fields(&fields)]);
    assert!(matches!(outcome, Outcome::Answered(421, _)), "{outcome:?}");
    assert!(raw::exchange(host.gateway, absolute).starts_with("HTTP/1.1 421 "));
}
