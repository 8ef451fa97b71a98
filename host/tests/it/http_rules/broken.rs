//! Bodies that a client does not finish, or not as HTTP has it, or not in time. The
//! client is answered for what it did, whatever the component made of it, and it counts
//! against nobody.

use std::{io::Write, net::Shutdown};

use serde_json::json;

use super::guest;
use crate::support::{
    Client, GUESTS, Host, Upload, app,
    made::variant,
    raw, raw_http2,
    raw_http2::{
        Outcome,
        Piece::{Data, Fields, Reset},
    },
    until,
};

const BROKEN: &str = r#"{"error":"The body is broken or not all there"}"#;
const SLOW: &str = r#"{"error":"The body did not come in time"}"#;

/// What a component does that finds a body broken. What only one of WASI 0.2 can do is
/// last.
const REACTIONS: [&str; 6] = ["trap", "error", "200", "400", "500", "nothing"];

/// Bodies in chunks that are none (RFC 9112, section 7.1), or whose trailers are none.
const CHUNKS: [(&str, &str); 9] = [
    ("a size that is no number", "x\r\nabc\r\n0\r\n\r\n"),
    ("a size with a sign", "+3\r\nabc\r\n0\r\n\r\n"),
    ("a size with a prefix", "0x3\r\nabc\r\n0\r\n\r\n"),
    ("a size beyond all", "fffffffffffffffff\r\nabc\r\n0\r\n\r\n"),
    ("a chunk longer than its size", "2\r\nabc\r\n0\r\n\r\n"),
    ("a size that ends in a bare LF", "3\nabc\r\n0\r\n\r\n"),
    ("after a good chunk", "3\r\nabc\r\nx\r\n"),
    ("a trailer without colon", "3\r\nabc\r\n0\r\nx-sum\r\n\r\n"),
    ("a trailer with a NUL", "3\r\nabc\r\n0\r\nx-sum: \0\r\n\r\n"),
];

#[tokio::test]
async fn a_broken_chunk_is_the_clients_fault() {
    for component in GUESTS {
        let (_folder, host) = on_trial(component, "30s").await;
        for reaction in reactions(component) {
            for (what, chunks) in CHUNKS {
                let head =
                    format!("POST /read?then={reaction} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
                let received = raw::exchange(host.gateway, format!("{head}{chunks}"));
                assert!(received.starts_with("HTTP/1.1 400 "), "{component}, {reaction}: {what}: {received}");
                assert!(received.ends_with(BROKEN), "{component}, {reaction}: {what}: {received}");
            }
        }
        // Nor for anybody: a component that was asked for nothing has shown nothing.
        assert_eq!(host.service("guest").await["canary"]["calls"], 0, "{component}");
        counts_against_nobody(&host).await;
    }
}

#[tokio::test]
async fn more_trailers_than_may_be_are_the_clients_fault() {
    let head = &[(":method", "POST"), (":scheme", "http"), (":path", "/read?then=trap"), (":authority", "a")];
    for component in GUESTS {
        let (_folder, host) = on_trial(component, "30s").await;
        let large = |length| vec![("x".to_owned(), "y".repeat(length))];
        let many = |count| (0..count).map(|n| (format!("x-{n}"), "y".to_owned())).collect();
        for (trailers, fit) in [(large(16_000), true), (large(17_000), false), (many(100), true), (many(101), false)] {
            let lines: String = trailers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let start = "POST /read?then=trap HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked";
            let received = raw::exchange(host.gateway, format!("{start}\r\n\r\n1\r\nx\r\n0\r\n{lines}\r\n"));
            let what = format!("{component}: {} trailers of {} bytes", trailers.len(), lines.len());
            assert!(received.ends_with(if fit { "read\n" } else { BROKEN }), "{what}: {received}");

            let fields: Vec<_> = trailers.iter().map(|(name, value)| (&**name, &**value)).collect();
            let outcome = raw_http2::exchange(host.gateway, &[Fields(head), Data("x"), Fields(&fields)]);
            let expected = if fit { (200, "read\n") } else { (400, BROKEN) };
            assert_eq!(outcome, Outcome::Answered(expected.0, expected.1.to_owned()), "{what}");
        }
        counts_against_nobody(&host).await;
    }
}

#[tokio::test]
async fn a_body_that_stops_is_the_clients_fault() {
    for component in GUESTS {
        let (_folder, host) = on_trial(component, "30s").await;
        for reaction in reactions(component) {
            for length in ["content-length: 9\r\n\r\nabc", "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n"] {
                let mut stream = raw::connect(host.gateway);
                let request = format!("POST /read?then={reaction} HTTP/1.1\r\nhost: a\r\n{length}");
                stream.write_all(request.as_bytes()).expect("the host reads");
                stream.shutdown(Shutdown::Write).expect("the host is there");
                let received = raw::read_all(stream);
                assert!(received.is_empty() || received.ends_with(BROKEN), "{component}, {reaction}: {received}");
            }
        }
        counts_against_nobody(&host).await;
    }
}

#[tokio::test]
async fn a_broken_body_is_the_clients_fault_over_http_2() {
    for component in GUESTS {
        let (_folder, host) = on_trial(component, "30s").await;
        for reaction in reactions(component) {
            let path = format!("/read?then={reaction}");
            let fields = [(":method", "POST"), (":scheme", "http"), (":path", &*path), (":authority", "a")];
            let promised = [&fields[..], &[("content-length", "5")]].concat();
            let connection: &[(&str, &str)] = &[("connection", "close")];
            for (what, pieces) in [
                ("more than was promised", [Fields(&promised), Data("abc"), Data("defghi")]),
                ("less than was promised", [Fields(&promised), Data("abc"), Data("")]),
                ("a header of a connection there", [Fields(&fields), Data("abc"), Fields(connection)]),
            ] {
                match raw_http2::exchange(host.gateway, &pieces) {
                    // RFC 9113, section 8.1.1.
                    Outcome::Reset(1) => {}
                    Outcome::Answered(400, body) => assert_eq!(body, BROKEN, "{component}, {reaction}: {what}"),
                    outcome => panic!("{component}, {reaction}: {what}: {outcome:?}"),
                }
            }
            // No error, says the client, and CANCEL.
            for reason in [0, 8] {
                let mut stream = raw_http2::begin(host.gateway);
                raw_http2::send_open(&mut stream, &[Fields(&fields), Data("abc"), Reset(reason)]);
            }
        }
        counts_against_nobody(&host).await;
    }
}

/// A client that resets its stream and calls that no error has not ended its body.
#[tokio::test]
async fn a_reset_without_error_does_not_look_like_an_end() {
    for component in GUESTS {
        let (_folder, host) = guest(component);
        let fields: &[(&str, &str)] =
            &[(":method", "POST"), (":scheme", "http"), (":path", "/keep-and-echo?key=a"), (":authority", "a")];
        for _ in 0..20 {
            let mut stream = raw_http2::begin(host.gateway);
            raw_http2::send_open(&mut stream, &[Fields(fields), Data("abc"), Reset(0)]);
        }
        until("the host is rid of them", async || host.busy("guest").await == 0).await;
        assert!(!host.output().iter().any(|line| line.contains("sent the end")), "{component}");
    }
}

#[tokio::test]
async fn too_much_is_the_clients_fault() {
    for component in GUESTS {
        let (_folder, host) = on_trial(component, "30s").await;
        for reaction in reactions(component) {
            for client in [host.connect().await, Client::http2(host.gateway).await] {
                let upload = Upload::begin(client, &format!("/read?then={reaction}"));
                upload.send("a body that is longer than it may be").await;
                let answer = upload.finish().await;
                assert_eq!(
                    (answer.status.as_u16(), answer.text()),
                    (413, r#"{"error":"The body must have at most 20 bytes"}"#)
                );
            }
        }
        counts_against_nobody(&host).await;
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_in_time_is_the_clients_fault() {
    for component in GUESTS {
        let (_folder, host) = on_trial(component, "1s").await;
        for client in [host.connect().await, Client::http2(host.gateway).await] {
            let upload = Upload::begin(client, "/read?then=trap");
            upload.send("so far").await;
            let answer = upload.answered().await;
            assert_eq!((answer.status.as_u16(), answer.text()), (408, SLOW), "{component}");
        }
        counts_against_nobody(&host).await;
    }
}

#[tokio::test]
async fn a_client_that_goes_away_counts_against_nobody() {
    for component in GUESTS {
        let (_folder, host) = on_trial(component, "30s").await;
        for sent in [
            "GET /hang HTTP/1.1\r\nhost: a\r\n\r\n",
            "GET /endless HTTP/1.1\r\nhost: a\r\n\r\n",
            "POST /read?then=trap HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nabc",
            "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
        ] {
            let calls = begun(&host).await;
            let mut stream = raw::connect(host.gateway);
            stream.write_all(sent.as_bytes()).expect("the host reads");
            until("the call has begun", async || begun(&host).await > calls).await;
            drop(stream);
        }
        counts_against_nobody(&host).await;
    }
}

/// A service that asked another one before its own client broke off.
#[tokio::test]
async fn nor_does_it_count_behind_a_link() {
    let folder = app(r#"
[app]
name = "pair"
[store]
url = "memory:"
[service.relay]
component = "{relay}"
routes = ["/relay/*"]
[service.directory]
component = "{faulty_directory}"
"#);
    let host = Host::up(folder.path());
    let head = "POST /relay/5 HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked";
    let received = raw::exchange(host.gateway, format!("{head}\r\n\r\n3\r\nabc\r\nx\r\n"));
    assert!(received.starts_with("HTTP/1.1 400 ") && received.ends_with(BROKEN), "{received}");
    for service in ["relay", "directory"] {
        let status = host.service(service).await;
        assert_eq!((&status["calls"], &status["traps"]), (&json!(1), &json!(0)), "{service}");
    }
    assert_no_errors(&host);
}

/// A host whose next 99 calls are a canary's, and which takes 20 bytes of a body.
async fn on_trial(component: &str, deadline: &str) -> (tempfile::TempDir, Host) {
    let folder = app(&format!(
        r#"
[app]
name = "trial"
[store]
url = "memory:"
[service.guest]
component = "{{{component}}}"
routes = ["/*"]
limits = {{ body = 20, deadline = "{deadline}" }}
"#
    ));
    let host = Host::up(folder.path());
    host.canary("guest", &variant(component, "text/plain", "text/PLAIN"), "canary=99").await;
    // The first of a hundred is the live one's.
    host.get("/hello").await;
    (folder, host)
}

fn reactions(component: &str) -> &'static [&'static str] {
    if component == "guest" { &REACTIONS } else { &REACTIONS[..REACTIONS.len() - 1] }
}

async fn begun(host: &Host) -> u64 {
    host.service("guest").await["calls"].as_u64().expect("a number")
}

async fn counts_against_nobody(host: &Host) {
    let status = host.service("guest").await;
    assert_eq!(status["canary"]["errors"], 0, "{status}");
    // When it is gone all of its calls have ended.
    assert_eq!(host.decide("guest", "rollback").await.status, 200);
    assert_eq!(host.drained("guest").await.len(), 1);
    let status = host.service("guest").await;
    assert_eq!((&status["traps"], &status["errors"]), (&json!(0), &json!(0)), "{status}");
    assert_no_errors(host);
}

fn assert_no_errors(host: &Host) {
    let is_told = |line: &String| line.contains(" ERROR ") || line.contains(" WARN ");
    let errors: Vec<_> = host.output().into_iter().filter(is_told).collect();
    assert!(errors.is_empty(), "{errors:?}");
}
