//! Too much of a request, and what is no request at all, is refused, and the
//! next request is answered.

use http::{Method, Request, StatusCode};
use serde_json::json;

use crate::support::{Body, Client, Host, app, pieces, post, raw, request, shop};

/// The limit of a body, unless told, in bytes.
const LIMIT: usize = 1 << 20;

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let folder = shop();
    let host = Host::up_with(folder.path(), &["--store", "memory:"]);
    let error = json!({ "error": format!("The body must have at most {LIMIT} bytes") });
    let kinds: [fn(&str, String) -> Request<Body>; 2] = [|path, json| post(path, json), chunked];
    for kind in kinds {
        for length in [LIMIT + 1, 16 * LIMIT] {
            for mut client in [host.connect().await, Client::http2(host.gateway).await] {
                let answer = client.send(kind("/users", padded(length))).await;
                assert_eq!((answer.status, answer.json()), (StatusCode::PAYLOAD_TOO_LARGE, error.clone()), "{length}");
                assert_eq!(answer.header("content-type"), "application/json");
            }
        }
    }
    assert_eq!(host.get("/users?after=2").await.text(), r#"{"users":[],"next":null}"#);
    for (kind, id) in kinds.into_iter().zip(3..) {
        let answer = host.connect().await.send(kind("/users", padded(LIMIT))).await;
        assert_eq!((answer.status, answer.json()["id"].as_u64()), (StatusCode::CREATED, Some(id)));
    }
}

#[test]
fn a_body_over_the_limit_is_refused_before_it_is_sent() {
    let folder = shop();
    let host = Host::up_with(folder.path(), &["--store", "memory:"]);
    let head = "POST /users HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\nexpect: 100-continue";
    let fine = raw::exchange(host.gateway, format!("{head}\r\ncontent-length: 16\r\n\r\n{}", padded(16)));
    assert!(fine.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\n"), "{fine}");
    let refused = raw::exchange(host.gateway, format!("{head}\r\ncontent-length: {}\r\n\r\n", LIMIT + 1));
    assert!(refused.starts_with("HTTP/1.1 413 Payload Too Large\r\n"), "{refused}");
}

#[tokio::test]
async fn the_manifest_sets_the_limit_of_a_body() {
    let folder = app(r#"
[app]
name = "limits"
[service.user]
component = "{user}"
routes = ["/users", "/users/{id}"]
buckets = ["users"]
limits = { body = 20 }
[service.guest]
component = "{guest}"
routes = ["/guest/*"]
limits = { body = 0 }
"#);
    let host = Host::up(folder.path());
    for (path, length, status) in [
        ("/users", 20, StatusCode::CREATED),
        ("/users", 21, StatusCode::PAYLOAD_TOO_LARGE),
        ("/guest/count", 0, StatusCode::OK),
        ("/guest/count", 1, StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let body = if length == 0 { String::new() } else { padded(length.max(16))[..length].to_owned() };
        for request in [post(path, body.clone()), chunked(path, body.clone())] {
            let answer = host.connect().await.send(request).await;
            assert_eq!(answer.status, status, "{path} {length}: {answer:?}");
        }
    }
}

#[test]
fn a_request_that_is_not_http_is_refused() {
    let folder = shop();
    let host = Host::up(folder.path());
    let no_host = r#"{"error":"The Host header is missing or not readable"}"#;
    let two_hosts = r#"{"error":"The Host header is there more than once"}"#;
    let alice = r#"{"id":1,"name":"Alice"}"#;
    let long = "x".repeat(100_000);
    let large_header = format!("GET /users/1 HTTP/1.1\r\nhost: x\r\nx: {long}\r\n\r\n");
    let many_headers = format!("GET /users/1 HTTP/1.1\r\nhost: x\r\n{}\r\n", "x: y\r\n".repeat(200));
    let long_url = format!("GET /{long} HTTP/1.1\r\nhost: x\r\n\r\n");
    let random: Vec<u8> = (0..1000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let rows: [(&str, &[u8], u16, &str); 20] = [
        ("no Host", b"GET /users/1 HTTP/1.1\r\nconnection: close\r\n\r\n", 400, no_host),
        ("no readable Host", b"GET /users/1 HTTP/1.1\r\nhost: \xff\r\nconnection: close\r\n\r\n", 400, no_host),
        ("a space in Host", b"GET /users/1 HTTP/1.1\r\nhost: a b\r\nconnection: close\r\n\r\n", 400, no_host),
        ("somebody at Host", b"GET /users/1 HTTP/1.1\r\nhost: a@b\r\nconnection: close\r\n\r\n", 400, no_host),
        ("a URL, but no Host", b"GET http://shop/users/1 HTTP/1.1\r\nconnection: close\r\n\r\n", 400, no_host),
        ("two Hosts", b"GET /users/1 HTTP/1.1\r\nhost: x\r\nhost: y\r\nconnection: close\r\n\r\n", 400, two_hosts),
        ("HTTP/1.0", b"GET /users/1 HTTP/1.0\r\n\r\n", 200, alice),
        (
            "a URL for a path",
            b"GET http://shop/users/1 HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n",
            200,
            alice,
        ),
        ("a large header", large_header.as_bytes(), 431, ""),
        ("many headers", many_headers.as_bytes(), 431, ""),
        ("a long URL", long_url.as_bytes(), 431, ""),
        ("random bytes", &random, 400, ""),
        ("no version", b"GET /users/1\r\n\r\n", 400, ""),
        ("another version", b"GET /users/1 HTTP/3.0\r\n\r\n", 400, ""),
        ("another protocol", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, ""),
        ("a space in the path", b"GET /users/1 2 HTTP/1.1\r\nhost: x\r\n\r\n", 400, ""),
        ("a NUL in the path", b"GET /users/1\x00 HTTP/1.1\r\nhost: x\r\n\r\n", 400, ""),
        ("a header without colon", b"GET /users/1 HTTP/1.1\r\nhost\r\n\r\n", 400, ""),
        ("a length that is none", b"POST /users HTTP/1.1\r\nhost: x\r\ncontent-length: x\r\n\r\n", 400, ""),
        (
            "two lengths",
            b"POST /users HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n12",
            400,
            "",
        ),
    ];
    for (what, bytes, status, body) in rows {
        let received = raw::exchange(host.gateway, bytes);
        let (head, rest) = received.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{what}: {received:?}"));
        let found = head.split(' ').nth(1).expect("a status");
        assert_eq!((found, rest), (status.to_string().as_str(), body), "{what}: {received}");
        let fine = raw::exchange(host.gateway, "GET /users/1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        assert!(fine.ends_with(alice), "after {what}: {fine}");
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_over_http_2() {
    let folder = shop();
    let host = Host::up_with(folder.path(), &["--store", "memory:"]);
    let mut client = Client::http2(host.gateway).await;
    let mut large = request(Method::GET, "/users/1", "");
    large.headers_mut().insert("x", "x".repeat(100_000).parse().expect("a header value"));
    assert_eq!(client.send(large).await.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert_eq!(client.get("/users/1").await.status, StatusCode::OK);
}

/// A user in this many bytes of JSON.
fn padded(length: usize) -> String {
    format!(r#"{{"name":"Carol"{}}}"#, " ".repeat(length - r#"{"name":"Carol"}"#.len()))
}

/// A POST whose length is not said before.
fn chunked(path: &str, json: String) -> Request<Body> {
    let (sender, body) = pieces();
    tokio::spawn(async move { sender.send(Ok(json.into())).await });
    post(path, "").map(|_| body)
}
