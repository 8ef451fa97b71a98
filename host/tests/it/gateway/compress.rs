//! Answers are made shorter for those who take them so, and stay true.

use std::io::Read;

use bytes::Bytes;
use http::{Method, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::json;

use super::ask;
use crate::support::{Client, Host, SHOP, app, pieces, request};

const MANIFEST: &str = r#"
[app]
name = "compress"
[store]
url = "memory:"
[gateway]
http.compress = true
routes = [{ route = "/files/*", files = "dist" }]
[service.guest]
component = "{guest}"
routes = ["/all/*", { route = "/gzip/*", compress = ["gzip"] }, { route = "/none/*", compress = false }]
"#;

/// What a body is when it is decoded.
fn decoded(coding: &str, body: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let read = match coding {
        "br" => brotli::Decompressor::new(body, 4096).read_to_end(&mut decoded),
        "gzip" => flate2::read::GzDecoder::new(body).read_to_end(&mut decoded),
        "zstd" => zstd::stream::read::Decoder::new(body).and_then(|mut reader| reader.read_to_end(&mut decoded)),
        _ => (&mut &body[..]).read_to_end(&mut decoded),
    };
    read.expect("it can be decoded to its end");
    decoded
}

const TEXT: &str = "content-type&value=text/plain";

/// A target, what its client takes, and the coding of the answer.
const ROWS: &[(&str, &str, &str)] = &[
    ("/all/x?do=respond&bytes=20000&name=", "gzip, deflate, br, zstd", "zstd"),
    ("/all/x?do=respond&bytes=20000&name=", "gzip, br", "br"),
    ("/all/x?do=respond&bytes=20000&name=", "gzip", "gzip"),
    ("/all/x?do=respond&bytes=20000&name=", "gzip;q=0.9, br;q=0.1", "gzip"),
    ("/all/x?do=respond&bytes=20000&name=", "*", "zstd"),
    ("/all/x?do=respond&bytes=20000&name=", "", ""),
    ("/all/x?do=respond&bytes=20000&name=", "deflate", ""),
    ("/all/x?do=respond&bytes=20000&name=", "gzip;q=0, br;q=0, zstd;q=0", ""),
    ("/gzip/x?do=respond&bytes=20000&name=", "gzip, br, zstd", "gzip"),
    ("/gzip/x?do=respond&bytes=20000&name=", "br", ""),
    ("/none/x?do=respond&bytes=20000&name=", "gzip", ""),
    ("/all/x?do=respond&bytes=1024&name=", "gzip", "gzip"),
    ("/all/x?do=respond&bytes=1023&name=", "gzip", ""),
    ("/all/x?do=respond&bytes=3000000&name=", "zstd", "zstd"),
    ("/all/x?do=respond&bytes=20000&status=500&name=", "gzip", "gzip"),
    ("/all/x?do=respond&bytes=20000&status=206&name=", "gzip", ""),
    ("/all/x?do=respond&status=204&name=", "gzip", ""),
];

#[tokio::test]
async fn a_body_is_shortened_as_its_client_takes_it() {
    let folder = files();
    let host = Host::up(folder.path());
    for mut client in [host.connect().await, Client::http2(host.gateway).await] {
        for (target, accepted, coding) in ROWS {
            let (target, fields) = (format!("{target}{TEXT}"), format!("accept-encoding: {accepted}"));
            let answer = ask(&mut client, Method::GET, &target, &fields).await;
            assert_eq!(answer.header("content-encoding"), *coding, "{target} {accepted}");
            let whole = decoded(coding, &answer.body);
            let bytes: usize = target
                .split("bytes=")
                .nth(1)
                .map_or(0, |rest| rest.split('&').next().and_then(|it| it.parse().ok()).expect("a number"));
            assert!(whole.len() == bytes && whole.iter().all(|byte| *byte == b'x'), "{target} {accepted}");
            let may_vary = target.starts_with("/none") || bytes < 1024 || target.contains("206");
            assert_eq!(answer.header("vary"), if may_vary { "" } else { "accept-encoding" }, "{target}");
            assert!(coding.is_empty() || answer.body.len() * 10 < bytes * 3, "{target}");
            let head = ask(&mut client, Method::HEAD, &target, &fields).await;
            assert_eq!((head.header("content-encoding"), head.text()), (*coding, ""), "{target}");
            let length = if coding.is_empty() { answer.header("content-length") } else { "" };
            assert_eq!(head.header("content-length"), length, "{target}");
        }
        // By their types.
        for (kind, coding) in [
            ("application/json", "gzip"),
            ("Text/HTML;%20charset%3Dutf-8", "gzip"),
            ("image/svg%2Bxml", "gzip"),
            ("text/event-stream", ""),
            ("image/png", ""),
            ("application/zip", ""),
            ("", ""),
        ] {
            let target = format!("/all/x?do=respond&bytes=20000&name=content-type&value={kind}");
            let answer = ask(&mut client, Method::GET, &target, "accept-encoding: gzip").await;
            assert_eq!(answer.header("content-encoding"), coding, "{kind}");
        }
    }
}

fn files() -> tempfile::TempDir {
    let folder = app(MANIFEST);
    let dist = folder.path().join("dist");
    std::fs::create_dir(&dist).expect("room");
    std::fs::write(dist.join("long.txt"), "0123456789".repeat(20_000)).expect("room");
    std::fs::write(dist.join("short.txt"), "short").expect("room");
    std::fs::write(dist.join("made.txt"), "0123456789".repeat(200)).expect("room");
    std::fs::write(dist.join("made.txt.gz"), "made").expect("room");
    folder
}

#[tokio::test]
async fn files_are_shortened_and_their_tags_and_parts_stay_true() {
    let folder = files();
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    let plain = client.get("/files/long.txt").await;
    let tag = plain.header("etag").to_owned();
    assert!(tag.starts_with('"'));
    for coding in ["br", "gzip", "zstd"] {
        let taken = format!("accept-encoding: {coding}");
        let answer = ask(&mut client, Method::GET, "/files/long.txt", &taken).await;
        assert_eq!((answer.header("content-encoding"), answer.header("accept-ranges")), (coding, ""));
        assert!(decoded(coding, &answer.body) == plain.body, "{coding}");
        let weak = format!("W/{tag}");
        assert_eq!(answer.header("etag"), weak);
        let had = ask(&mut client, Method::GET, "/files/long.txt", &format!("{taken}\nif-none-match: {weak}")).await;
        assert_eq!(
            (had.status, had.header("etag"), had.header("vary")),
            (StatusCode::NOT_MODIFIED, &*weak, "accept-encoding")
        );
        assert_eq!(had.header("content-encoding"), "");
        let as_is = ask(&mut client, Method::GET, "/files/long.txt", &format!("if-none-match: {weak}")).await;
        assert_eq!((as_is.status, as_is.header("etag")), (StatusCode::NOT_MODIFIED, &*tag));
        // No part of the one is put to a part of the other.
        let fields = format!("{taken}\nrange: bytes=0-4\nif-range: {weak}");
        assert_eq!(ask(&mut client, Method::GET, "/files/long.txt", &fields).await.status, StatusCode::OK);
        let part =
            ask(&mut client, Method::GET, "/files/long.txt", &format!("{taken}\nrange: bytes=0-4\nif-range: {tag}"))
                .await;
        assert_eq!(
            (part.status, part.text(), part.header("content-encoding")),
            (StatusCode::PARTIAL_CONTENT, "01234", "")
        );
        assert_eq!(part.header("etag"), tag);
    }
    let made = ask(&mut client, Method::GET, "/files/made.txt", "accept-encoding: gzip").await;
    assert_eq!((made.text(), made.header("content-encoding")), ("made", "gzip"));
    assert!(made.header("etag").starts_with('"'));
    assert_eq!(ask(&mut client, Method::GET, "/files/short.txt", "accept-encoding: gzip").await.text(), "short");
}

/// A change on condition of what a client has seen works as without.
#[tokio::test]
async fn a_service_knows_its_tags_again() {
    let folder = app(&SHOP.replace("[service.user]", "[service.user]\nhttp.compress = true"));
    let host = Host::up_with(folder.path(), &["--store", "memory:"]);
    let mut client = host.connect().await;
    let name = "é".repeat(900);
    let made = client.post("/users", &json!({ "name": name }).to_string()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let path = format!("/users/{}", made.json()["id"]);
    let tag = client.get(&path).await.header("etag").to_owned();
    let answer = ask(&mut client, Method::GET, &path, "accept-encoding: gzip").await;
    assert_eq!((answer.header("content-encoding"), answer.header("etag")), ("gzip", &*format!("W/{tag}")));
    let fields = format!("accept-encoding: gzip\nif-none-match: W/{tag}");
    let had = ask(&mut client, Method::GET, &path, &fields).await;
    assert_eq!((had.status, had.header("etag")), (StatusCode::NOT_MODIFIED, &*format!("W/{tag}")));
    for (fields, status) in [("if-match: W/\"x\"", 412), (&*format!("if-match: \"y\", W/{tag}"), 204)] {
        let answer = ask(&mut client, Method::DELETE, &path, fields).await;
        assert_eq!(answer.status.as_u16(), status, "{fields}");
    }
}

/// Each piece is sent on before the next is asked for.
#[tokio::test]
async fn who_streams_is_not_held_back() {
    let folder = files();
    let host = Host::up(folder.path());
    for coding in ["br", "gzip", "zstd"] {
        for mut client in [host.connect().await, Client::http2(host.gateway).await] {
            let (sender, body) = pieces();
            let mut asked = request(Method::POST, "/all/x?do=echo&type=text/plain", "").map(|_| body);
            asked.headers_mut().insert(header::ACCEPT_ENCODING, coding.parse().expect("a coding"));
            let sent = tokio::spawn(async move {
                sender.send(Ok(Bytes::from_static(b"piece 0\n"))).await.expect("somebody reads");
                sender
            });
            let answer = client.start(asked).await.expect("an answer");
            let sender = sent.await.expect("it was sent");
            assert_eq!(answer.headers()[header::CONTENT_ENCODING], coding);
            let (mut body, mut received) = (answer.into_body(), Vec::new());
            for number in 0..5 {
                if number > 0 {
                    sender.send(Ok(Bytes::from(format!("piece {number}\n")))).await.expect("somebody reads");
                }
                let expected = format!("piece {number}\n");
                while !so_far(coding, &received).ends_with(expected.as_bytes()) {
                    let frame = body.frame().await.expect("more").expect("a piece");
                    received.extend_from_slice(&frame.into_data().expect("data"));
                }
            }
            drop(sender);
            received.extend_from_slice(&body.collect().await.expect("its end").to_bytes());
            assert_eq!(decoded(coding, &received), b"piece 0\npiece 1\npiece 2\npiece 3\npiece 4\n", "{coding}");
        }
    }
}

/// What can be decoded of a body that has not ended.
fn so_far(coding: &str, body: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut reader: Box<dyn Read> = match coding {
        "br" => Box::new(brotli::Decompressor::new(body, 4096)),
        "gzip" => Box::new(flate2::read::GzDecoder::new(body)),
        _ => Box::new(zstd::stream::read::Decoder::new(body).expect("a decoder")),
    };
    let mut byte = [0];
    while matches!(reader.read(&mut byte), Ok(1)) {
        decoded.extend(byte);
    }
    decoded
}

/// An answer that breaks off breaks off, and does not look whole.
#[tokio::test]
async fn what_breaks_off_is_not_ended() {
    let folder = files();
    let host = Host::up(folder.path());
    let (sender, body) = pieces();
    let mut asked = request(Method::POST, "/all/x?do=echo&type=text/plain", "").map(|_| body);
    asked.headers_mut().insert(header::ACCEPT_ENCODING, "gzip".parse().expect("a coding"));
    let mut client = Client::http2(host.gateway).await;
    let sent = tokio::spawn(async move {
        sender.send(Ok(Bytes::from_static(b"piece"))).await.expect("somebody reads");
        sender
    });
    let answer = client.start(asked).await.expect("an answer");
    let sender = sent.await.expect("it was sent");
    sender.send(Err(std::io::Error::other("gone"))).await.expect("somebody reads");
    assert!(answer.into_body().collect().await.is_err());
}
