//! Bodies go both ways as they come: nothing holds a long one, and a part is
//! never taken for the whole.

use std::{
    io::{ErrorKind, Read, Write},
    net::Shutdown,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::timeout;

use crate::support::{Body, Client, GUESTS, Host, PATIENCE, app, pieces, raw, request, until};

/// Limits that no test reaches.
const LONG: &str = r#"body = "512MiB", deadline = "2m""#;

const MIB: usize = 1 << 20;

/// By how much a body of any length may raise the host's memory.
const ROOM: usize = 32 * MIB;

#[tokio::test]
async fn an_upload_is_answered_while_it_is_sent() {
    for component in GUESTS {
        let (_folder, host) = streams(component, LONG);
        for mut client in [host.connect().await, Client::http2(host.gateway).await] {
            let (pieces, body) = pieces();
            // The head comes before anything was sent.
            let mut response = client.start(upload("/echo", body)).await.expect("a response");
            assert_eq!(response.status(), StatusCode::OK);
            for piece in 0..4 {
                pieces.send(Ok(numbered(piece))).await.expect("the host reads");
                assert_eq!(read(&mut response, MIB).await, numbered(piece), "piece {piece}");
            }
            let rest = tokio::spawn(async move {
                for piece in 4..64 {
                    pieces.send(Ok(numbered(piece))).await.expect("the host reads");
                }
            });
            let echoed = read(&mut response, 60 * MIB).await;
            for (piece, found) in (4..).zip(echoed.chunks(MIB)) {
                assert!(found == numbered(piece), "piece {piece}");
            }
            rest.await.expect("all is sent");
            while let Some(more) = next(&mut response).await.expect("no error") {
                assert!(more.is_empty(), "{} bytes too many", more.len());
            }
        }
    }
}

#[tokio::test]
async fn trailers_go_both_ways() {
    let (_folder, host) = streams("guest", LONG);
    for mut client in [host.connect().await, Client::http2(host.gateway).await] {
        let trailers = HeaderMap::from_iter([(HeaderName::from_static("x-sum"), HeaderValue::from_static("42"))]);
        let sent = trailers.clone();
        let (pieces, body) = pieces();
        let mut request = upload("/trailers", body.with_trailers(async { Some(Ok(sent)) }).boxed());
        // Both are for HTTP/1.1: which are sent, and that those of the answer are wanted.
        request.headers_mut().insert(header::TRAILER, HeaderValue::from_static("x-sum"));
        request.headers_mut().insert(header::TE, HeaderValue::from_static("trailers"));
        pieces.send(Ok("a body".into())).await.expect("there is room");
        drop(pieces);
        let response = client.start(request).await.expect("a response");
        assert_eq!(response.status(), StatusCode::OK);
        let body = timeout(PATIENCE, response.into_body().collect()).await.expect("an end in time").expect("no error");
        assert_eq!(body.trailers(), Some(&trailers));
        assert_eq!(body.to_bytes(), "");
    }
}

#[tokio::test]
async fn long_bodies_take_little_memory() {
    for component in GUESTS {
        let (_folder, host) = streams(component, LONG);
        for (mut client, length) in [(host.connect().await, 256), (Client::http2(host.gateway).await, 64)] {
            // What a first request costs is not the question.
            transfer(&mut client, 8).await;
            let before = host.peak_memory();
            transfer(&mut client, length).await;
            let grown = host.peak_growth(before);
            assert!(grown < ROOM, "{grown} bytes more");
        }
    }
}

#[tokio::test]
async fn a_body_that_is_finished_in_one_piece_has_a_length() {
    for component in GUESTS {
        let (_folder, host) = streams(component, LONG);
        let mut client = host.connect().await;
        // Often enough that ticks of the engine fall into some of the calls.
        for _ in 0..100 {
            for (path, length) in [("/hello", 6), ("/download?bytes=0", 0), ("/download?bytes=50000", 50_000)] {
                let answer = client.get(path).await;
                assert_eq!(answer.body.len(), length, "{path}");
                assert_eq!(answer.header("content-length"), length.to_string(), "{path}");
                assert!(!answer.headers.contains_key(header::TRANSFER_ENCODING), "{path}");
            }
        }
        let answer = client.get("/download?bytes=10000000").await;
        assert_eq!(answer.body.len(), 10_000_000);
        assert_eq!(answer.header("transfer-encoding"), "chunked");
        assert!(!answer.headers.contains_key(header::CONTENT_LENGTH));
    }
}

#[tokio::test]
async fn a_client_that_goes_away_harms_nothing() {
    for component in GUESTS {
        let (_folder, host) = streams(component, LONG);
        for (what, sent) in [
            ("a download", "GET /endless HTTP/1.1\r\nhost: x\r\n\r\n"),
            ("an upload of known length", "POST /count HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nabc"),
            ("an upload", "POST /count HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n"),
            ("an echo", "POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n"),
        ] {
            let mut stream = raw::connect(host.gateway);
            stream.write_all(sent.as_bytes()).expect("the host reads");
            until("the call has begun", async || host.busy("guest").await == 1).await;
            drop(stream);
            until(&format!("the host is rid of {what}"), async || host.busy("guest").await == 0).await;
            assert_eq!(host.get("/hello").await.text(), "hello\n", "after {what}");
        }
        // The connection of a stream that is given up goes on.
        let mut client = Client::http2(host.gateway).await;
        let mut response = client.start(request(Method::GET, "/endless", "")).await.expect("a response");
        read(&mut response, MIB).await;
        drop(response);
        until("the host is rid of a stream", async || host.busy("guest").await == 0).await;
        assert_eq!(client.get("/hello").await.text(), "hello\n");
    }
}

#[tokio::test]
async fn a_client_that_takes_nothing_has_an_instance_until_the_deadline() {
    for component in GUESTS {
        let (_folder, host) = streams(component, r#"deadline = "1s", instances = 1, reuse = 1"#);
        let mut client = Client::http2_that_takes_nothing(host.gateway).await;
        let (pieces, body) = pieces();
        let response = client.start(upload("/echo", body)).await.expect("a response");
        pieces.send(Ok("a rest".into())).await.expect("the host reads");
        // The call ends, its body does not.
        drop(pieces);
        until("others are served", async || host.get("/hello").await.status == StatusCode::OK).await;
        drop(response);
    }
}

#[tokio::test]
async fn an_answer_to_head_may_promise_a_length() {
    let (_folder, host) = streams("guest", LONG);
    for mut client in [host.connect().await, Client::http2(host.gateway).await] {
        let answer = client.send(request(Method::HEAD, "/promise?bytes=7", "")).await;
        assert_eq!((answer.status, answer.header("content-length")), (StatusCode::OK, "7"));
    }
}

#[tokio::test]
async fn a_body_that_is_cut_off_by_the_deadline_does_not_look_whole() {
    for component in GUESTS {
        let (_folder, host) = streams(component, r#"deadline = "300ms""#);
        for mut client in [host.connect().await, Client::http2(host.gateway).await] {
            let response = client.start(request(Method::GET, "/endless", "")).await.expect("a response");
            assert_eq!(response.status(), StatusCode::OK);
            breaks_off(response).await;
        }
        host.wait_for_output("service \"guest\" was stopped at its deadline");
        until("the instances are gone", async || host.busy("guest").await == 0).await;
    }
}

#[test]
fn a_body_that_ends_with_its_connection_breaks_off_with_a_reset() {
    let (_folder, host) = streams("guest", r#"deadline = "300ms""#);
    for (path, is_whole) in [("/download?bytes=10000000", true), ("/endless", false)] {
        let mut stream = raw::connect(host.gateway);
        stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).expect("the host reads");
        let end = stream.read_to_end(&mut Vec::new()).map_err(|error| error.kind());
        assert_eq!(end.map(drop), if is_whole { Ok(()) } else { Err(ErrorKind::ConnectionReset) }, "{path}");
    }
}

#[tokio::test]
async fn a_body_that_its_component_leaves_unfinished_does_not_look_whole() {
    for component in GUESTS {
        let (_folder, host) = streams(component, LONG);
        for mut client in [host.connect().await, Client::http2(host.gateway).await] {
            let answer = client.get("/unfinished?bytes=1000").await;
            assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
            assert_eq!(answer.text(), r#"{"error":"The service failed"}"#);
            let response = client.start(request(Method::GET, "/unfinished?bytes=10000000", "")).await;
            breaks_off(response.expect("a response")).await;
        }
    }
}

#[tokio::test]
async fn an_echo_of_too_much_does_not_look_whole() {
    for component in GUESTS {
        let (_folder, host) = streams(component, r#"body = "1MiB""#);
        for mut client in [host.connect().await, Client::http2(host.gateway).await] {
            let (pieces, body) = pieces();
            let mut response = client.start(upload("/echo", body)).await.expect("a response");
            pieces.send(Ok(numbered(7))).await.expect("the host reads");
            assert_eq!(read(&mut response, MIB).await, numbered(7));
            pieces.send(Ok("x".into())).await.expect("the host reads");
            breaks_off(response).await;
        }
        until("the instances are free", async || host.busy("guest").await == 0).await;
    }
}

#[test]
fn an_echo_of_an_upload_that_breaks_off_does_not_look_whole() {
    for component in GUESTS {
        let (_folder, host) = streams(component, LONG);
        for sent in [
            "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nabc",
            "POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
        ] {
            let mut stream = raw::connect(host.gateway);
            stream.write_all(sent.as_bytes()).expect("the host reads");
            raw::read_to(&mut stream, "3\r\nabc\r\n");
            stream.shutdown(Shutdown::Write).expect("the host is there");
            // Not the empty chunk that ends a whole body.
            assert_eq!(raw::read_all(stream), "", "{sent}");
        }
    }
}

/// One of [`GUESTS`] within these limits.
fn streams(component: &str, limits: &str) -> (tempfile::TempDir, Host) {
    let folder = app(&format!(
        r#"
[app]
name = "streams"
[service.guest]
component = "{{{component}}}"
routes = ["/*"]
limits = {{ {limits} }}
"#
    ));
    let host = Host::up_with(folder.path(), &["--store", "memory:"]);
    (folder, host)
}

fn upload(path: &str, body: Body) -> Request<Body> {
    request(Method::POST, path, "").map(|_| body)
}

/// A piece of 1 MiB that is told from the others.
fn numbered(piece: u8) -> Bytes {
    vec![piece; MIB].into()
}

/// So many MiB to the host, and so many back.
async fn transfer(client: &mut Client, mib: usize) {
    let (pieces, body) = pieces();
    tokio::spawn(async move {
        let piece = numbered(1);
        for _ in 0..mib {
            pieces.send(Ok(piece.clone())).await.expect("the host reads");
        }
    });
    let counted = client.send(upload("/count", body)).await;
    assert_eq!((counted.status, counted.text()), (StatusCode::OK, (mib * MIB).to_string().as_str()));

    let path = format!("/download?bytes={}", mib * MIB);
    let mut response = client.start(request(Method::GET, &path, "")).await.expect("a response");
    let mut length = 0;
    while let Some(piece) = next(&mut response).await.expect("no error") {
        length += piece.len();
    }
    assert_eq!(length, mib * MIB);
}

/// The next piece of a body; none at its end.
async fn next(response: &mut Response<Incoming>) -> hyper::Result<Option<Bytes>> {
    match timeout(PATIENCE, response.body_mut().frame()).await.expect("the body goes on or ends") {
        Some(frame) => frame.map(|frame| frame.into_data().ok()),
        None => Ok(None),
    }
}

/// The next bytes of a body: so many, and what came with them.
async fn read(response: &mut Response<Incoming>, length: usize) -> Bytes {
    let mut bytes = Vec::new();
    while bytes.len() < length {
        bytes.extend(next(response).await.expect("no error").expect("more of the body"));
    }
    bytes.into()
}

/// The body must end with an error.
async fn breaks_off(mut response: Response<Incoming>) {
    loop {
        match next(&mut response).await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the body looks whole"),
            Err(_) => return,
        }
    }
}
