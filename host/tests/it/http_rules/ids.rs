//! Every request has an id, which its component, its client and the log are told.

use std::{collections::HashSet, process::Stdio};

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use http_body_util::BodyExt;

use super::{behind, told};
use crate::support::{Answer, Client, GUESTS, Host, app, pieces, raw, request, up};

const ID: HeaderName = HeaderName::from_static("x-request-id");
const TRUSTED: &str = r#"trusted = ["127.0.0.1"]"#;

/// The id of an answer.
fn id(answer: &Answer) -> &str {
    let mut ids = answer.headers.get_all(ID).iter();
    let (Some(id), None) = (ids.next(), ids.next()) else { panic!("not one id in {:?}", answer.headers) };
    id.to_str().expect("text")
}

fn is_fresh(id: &str) -> bool {
    // 0194f8c6-7d2a-7b3c-9e4f-5a6b7c8d9e0f
    id.len() == 36
        && id.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            14 => byte == b'7',
            _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
        })
}

#[tokio::test]
async fn a_component_and_its_client_are_told_one_id() {
    for component in GUESTS {
        let (_folder, host) = behind(component, "");
        let mut seen = HashSet::new();
        for mut client in [host.connect().await, Client::http2(host.gateway).await] {
            for _ in 0..3 {
                let answer = client.get("/told").await;
                assert!(is_fresh(id(&answer)), "{}", id(&answer));
                assert_eq!(told(&answer.json(), "x-request-id"), [id(&answer)], "{component}");
                assert!(seen.insert(id(&answer).to_owned()), "{component}: twice");
            }
        }
    }
}

#[tokio::test]
async fn ids_are_taken_of_proxies_that_are_trusted_and_of_nobody_else() {
    let long = "x".repeat(129);
    let rows: [(&[&str], bool); 11] = [
        (&["4711"], true),
        (&["a"], true),
        (&["!~{\"id\":1}~!"], true),
        (&[&long[1..]], true),
        (&[&long], false),
        (&[""], false),
        (&["a b"], false),
        (&["a\tb"], false),
        (&["\u{e4}"], false),
        (&["a", "b"], false),
        (&["a", "a"], false),
    ];
    for (gateway, is_trusted) in [(TRUSTED, true), ("", false), (r#"trusted = ["10.0.0.0/8"]"#, false)] {
        let (_folder, host) = behind("guest", gateway);
        for mut client in [host.connect().await, Client::http2(host.gateway).await] {
            for (ids, is_one) in rows {
                let mut asked = request(Method::GET, "/told", "");
                for id in ids {
                    asked.headers_mut().append(ID, HeaderValue::from_bytes(id.as_bytes()).expect("a value"));
                    asked.headers_mut().append("x_request_id", HeaderValue::from_static("claimed"));
                }
                let answer = client.send(asked).await;
                match is_trusted && is_one {
                    true => assert_eq!(id(&answer), ids[0]),
                    false => assert!(is_fresh(id(&answer)), "{gateway}: {ids:?}: {}", id(&answer)),
                }
                let found = answer.json();
                assert_eq!(told(&found, "x-request-id"), [id(&answer)], "{gateway}: {ids:?}");
                assert!(told(&found, "x_request_id").is_empty(), "{gateway}: {found}");
            }
        }
    }
}

#[tokio::test]
async fn a_refusal_has_an_id_too() {
    let (_folder, host) = behind("guest", TRUSTED);
    for (request, status) in [
        ("GET /told HTTP/1.1\r\nhost: a@b\r\nx-request-id: mine\r\n\r\n", 400),
        ("TRACE /told HTTP/1.1\r\nhost: a\r\nx-request-id: mine\r\n\r\n", 501),
        ("GET /%zz HTTP/1.1\r\nhost: a\r\nx-request-id: mine\r\n\r\n", 400),
        ("GET /trap HTTP/1.1\r\nhost: a\r\nx-request-id: mine\r\n\r\n", 500),
        ("HEAD /told HTTP/1.1\r\nhost: a\r\nx-request-id: mine\r\n\r\n", 200),
    ] {
        let mut stream = raw::connect(host.gateway);
        std::io::Write::write_all(&mut stream, request.as_bytes()).expect("the host reads");
        let head = raw::read_to(&mut stream, "\r\n\r\n");
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {head}");
        assert!(head.contains("\r\nx-request-id: mine\r\n"), "{request}: {head}");
    }
}

/// What a component says in its answer, or a client in trailers, is no id.
#[tokio::test]
async fn the_gateways_id_is_the_only_one() {
    for component in GUESTS {
        let (_folder, host) = behind(component, "");
        let (sender, body) = pieces();
        drop(sender);
        let trailers = HeaderMap::from_iter([(ID, HeaderValue::from_static("trailing"))]);
        let body = body.with_trailers(async move { Some(Ok(trailers)) }).boxed();
        let mut asked = request(Method::POST, "/told", "").map(|_| body);
        asked.headers_mut().insert(header::TRAILER, HeaderValue::from_static("x-request-id"));
        let found = host.connect().await.send(asked).await.json();
        assert!(told(&found, "+x-request-id").is_empty(), "{component}: {found}");
        for mut client in [host.connect().await, Client::http2(host.gateway).await] {
            let answer = client.get("/respond?status=200&bytes=1&name=x-request-id&value=own&times=2").await;
            assert!(is_fresh(id(&answer)), "{component}: {}", id(&answer));
        }
    }
}

#[tokio::test]
async fn the_log_names_a_request_by_its_id() {
    let manifest = "[app]\nname = \"ids\"\n[gateway]\ntrusted = [\"127.0.0.1\"]\n[store]\nurl = \"memory:\"\n\
                    [service.guest]\ncomponent = \"{guest}\"\nroutes = [\"/*\"]\nlimits.deadline = \"1s\"\n";
    let folder = app(manifest);
    let host = Host::start(up(folder.path()).env("DOVETAIL_LOG", "debug").stderr(Stdio::piped()));
    let mut client = host.connect().await;
    for path in ["/trap", "/hang", "/hello", "/nowhere"] {
        let id = format!("of{path}").replace('/', "-");
        let mut asked = request(Method::GET, path, "");
        asked.headers_mut().insert(ID, id.parse().expect("a value"));
        asked.headers_mut().insert("x-forwarded-for", HeaderValue::from_static("192.0.2.7"));
        let answer = client.send(asked).await;
        assert_eq!(answer.headers[ID], id);
        let line = host.wait_for_output(&format!("path={path:?}"));
        assert!(line.contains(&format!(" id={id:?}")), "{line}");
        assert!(line.contains(" client=192.0.2.7 "), "{line}");
        if answer.status.is_server_error() {
            let line = host.wait_for_output(&format!("a call failed id={id:?}"));
            assert!(line.contains(" error="), "{line}");
        }
    }
}
