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
    let no_http = r#"{"error":"The request is not as HTTP has it"}"#;
    let too_large = r#"{"error":"There must be at most 100 headers with 32768 bytes"}"#;
    let too_long = r#"{"error":"The URL must have at most 8192 bytes"}"#;
    let no_tls = r#"{"error":"Only http is spoken here, not https"}"#;
    let no_method = r#"{"error":"The method must have at most 64 bytes"}"#;
    let no_length = r#"{"error":"No body is as long as Content-Length says"}"#;
    let alice = r#"{"id":1,"name":"Alice"}"#;
    let long = "x".repeat(100_000);
    let large_header = format!("GET /users/1 HTTP/1.1\r\nhost: x\r\nx: {long}\r\n\r\n");
    let many_headers = format!("GET /users/1 HTTP/1.1\r\nhost: x\r\n{}\r\n", "x: y\r\n".repeat(200));
    let long_url = format!("GET /{long} HTTP/1.1\r\nhost: x\r\n\r\n");
    let long_method = format!("{long} /users HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let method = format!("{} /users HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", &long[..65]);
    let random: Vec<u8> = (0..1000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let rows: &[(&str, &[u8], u16, &str)] = &[
        ("a large header", large_header.as_bytes(), 431, too_large),
        ("many headers", many_headers.as_bytes(), 431, too_large),
        ("a long URL", long_url.as_bytes(), 414, too_long),
        ("a method too long to be read", long_method.as_bytes(), 501, no_method),
        ("a long method", method.as_bytes(), 501, no_method),
        (
            "a length beyond what hyper counts",
            b"POST /users HTTP/1.1\r\nhost: x\r\ncontent-length: 18446744073709551614\r\n\r\n",
            413,
            no_length,
        ),
        (
            "a length beyond 64 bits",
            b"POST /users HTTP/1.1\r\nhost: x\r\ncontent-length: 18446744073709551616\r\n\r\n",
            413,
            no_length,
        ),
        ("random bytes", &random, 400, no_http),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, no_tls),
        ("a space in the path", b"GET /users/1 2 HTTP/1.1\r\nhost: x\r\n\r\n", 400, no_http),
        ("a NUL in the path", b"GET /users/1\x00 HTTP/1.1\r\nhost: x\r\n\r\n", 400, no_http),
    ];
    for ((what, bytes, status, body), address) in rows.iter().flat_map(|row| [(row, host.gateway), (row, host.admin)]) {
        let received = raw::exchange(address, bytes);
        let (head, rest) = received.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{what}: {received:?}"));
        let found = head.split(' ').nth(1).expect("a status");
        assert_eq!((found, rest), (status.to_string().as_str(), *body), "{what}: {received}");
        let fine = raw::exchange(host.gateway, "GET /users/1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        assert!(fine.ends_with(alice), "after {what}: {fine}");
    }
}

/// How long a head may be, a row a limit: what is at it, and what is one beyond.
#[tokio::test]
async fn a_head_has_limits_and_they_are_what_is_said_of_them() {
    let folder = app("[app]\nname = \"limits\"\n[service.guest]\ncomponent = \"{guest}\"\nroutes = [\"/*\"]\n");
    let host = Host::up_with(folder.path(), &["--store", "memory:"]);
    let large = "There must be at most 100 headers with 32768 bytes";
    for (mut client, is_http2) in [(host.connect().await, false), (Client::http2(host.gateway).await, true)] {
        let authority = host.gateway.to_string();
        // Over HTTP/1.1 Host is one of the headers, and over HTTP/2 a part of the URL.
        let (in_headers, in_url) = if is_http2 { (0, authority.len()) } else { ("host".len() + authority.len(), 0) };
        let path = |length: usize| format!("/hello?{}", "x".repeat(length - in_url - "/hello?".len()));
        let header = |length: usize| vec![("x".to_owned(), "y".repeat(length - in_headers - 1))];
        let headers = |count: usize| (in_headers.min(1)..count).map(|n| (format!("x-{n}"), "y".to_owned())).collect();
        for (path, fields, status, sentence) in [
            (path(8192), vec![], 200, ""),
            (path(8193), vec![], 414, "The URL must have at most 8192 bytes"),
            (path(20_000), vec![], 414, "The URL must have at most 8192 bytes"),
            (path(200), header(32_768), 200, ""),
            (path(200), header(32_769), 431, large),
            (path(200), header(60_000), 431, large),
            (path(200), headers(100), 200, ""),
            (path(200), headers(101), 431, large),
        ] {
            let mut asked = request(Method::GET, &path, "");
            for (name, value) in &fields {
                let name: http::HeaderName = name.parse().expect("a name");
                asked.headers_mut().insert(name, value.parse().expect("a header value"));
            }
            let what = format!("{is_http2}: a URL of {} and {} headers", path.len(), fields.len());
            let answer = client.send(asked).await;
            assert_eq!(answer.status.as_u16(), status, "{what}: {answer:?}");
            if status != 200 {
                assert_eq!(answer.json(), json!({ "error": sentence }), "{what}");
                assert_eq!(answer.header("content-type"), "application/json", "{what}");
            }
            // hyper ends the connection where it is hyper that refuses.
            if !is_http2 {
                client = host.connect().await;
            }
        }
        assert_eq!(client.get("/hello").await.status, StatusCode::OK);
    }
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
