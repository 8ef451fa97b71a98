//! What is passed on of a request and of its answer, and what is said where there is none.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use http::{Method, StatusCode};
use http_body_util::BodyExt;
use serde_json::json;

use super::before;
use crate::support::{
    Client, Host, app, certificates, dovetail,
    peer::{Peer, say},
    pieces, plain, raw, request, until,
};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// What an upstream reads, without the lines that the gateway sets itself.
pub fn told(seen: &str) -> String {
    let own = ["x-forwarded-", "x-request-id: ", "via: "];
    let lines = seen.split_inclusive('\n').filter(|line| !own.iter().any(|own| line.starts_with(own)));
    lines.collect()
}

#[tokio::test]
async fn a_request_is_passed_on_as_it_came() {
    let peer = Peer::start(|_: &str, stream: &mut TcpStream| say(stream, OK));
    let (_folder, host) = before(peer.address, "");
    for (sent, expected) in [
        (
            "GET /a%2Fb/./c?x=%20&y HTTP/1.1\r\nhost: shop.example\r\n\r\n",
            "GET /a%2Fb/./c?x=%20&y HTTP/1.1\r\nhost: shop.example\r\n\r\n",
        ),
        (
            "GET http://shop.example?a HTTP/1.1\r\nhost: shop.example\r\n\r\n",
            "GET /?a HTTP/1.1\r\nhost: shop.example\r\n\r\n",
        ),
        (
            "GET / HTTP/1.1\r\nhost: a\r\nconnection: x-one, keep-alive\r\nx-one: 1\r\nkeep-alive: 5\r\nte: gzip\r\nx-two: 2\r\nproxy-connection: a\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: a\r\nx-two: 2\r\n\r\n",
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n",
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n",
        ),
        ("POST / HTTP/1.1\r\nhost: a\r\n\r\n", "POST / HTTP/1.1\r\nhost: a\r\n\r\n"),
        (
            "PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc",
            "PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc",
        ),
        (
            "GET / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n1\r\na\r\n0\r\nx-sum: 1\r\nhost: b\r\n\r\n",
            "POST / HTTP/1.1\r\nhost: a\r\ntrailer: x-sum\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx-sum: 1\r\n\r\n",
        ),
        ("GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"),
        ("PURGE /x HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\n\r\n", "PURGE /x HTTP/1.1\r\nhost: a\r\n\r\n"),
    ] {
        let mut stream = raw::connect(host.gateway);
        stream.write_all(sent.as_bytes()).expect("the host reads");
        let answer = raw::read_to(&mut stream, "ok");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") || answer.starts_with("HTTP/1.0 200"), "{answer}");
        let seen = peer.last().expect("it came");
        assert_eq!(told(&seen), expected, "{sent}");
        let fields = ["x-forwarded-for: 127.0.0.1\r\n", "x-forwarded-proto: http\r\n", "x-forwarded-host: "];
        assert!(fields.iter().all(|field| seen.contains(field)), "{seen}");
        let (id, via) = (seen.contains("x-request-id: "), if sent.contains("HTTP/1.0") { "1.0" } else { "1.1" });
        assert!(id && seen.contains(&format!("via: {via} dovetail\r\n")), "{seen}");
    }
}

#[tokio::test]
async fn a_request_over_http_2_is_passed_on_over_http_1() {
    let peer = Peer::start(|_: &str, stream: &mut TcpStream| say(stream, OK));
    let (_folder, host) = before(peer.address, "");
    let mut client = Client::http2(host.gateway).await;
    let whose = host.gateway;
    assert_eq!(client.get("/a?b").await.text(), "ok");
    assert_eq!(told(&peer.last().expect("it came")), format!("GET /a?b HTTP/1.1\r\nhost: {whose}\r\n\r\n"));
    client.send(request(Method::POST, "/", "abc")).await;
    let expected = format!("POST / HTTP/1.1\r\ncontent-length: 3\r\nhost: {whose}\r\n\r\nabc");
    let seen = peer.last().expect("it came");
    assert_eq!(told(&seen).replace("content-type: application/json\r\n", ""), expected);
    assert!(seen.contains("via: 2 dovetail\r\n"), "{seen}");
    let (sender, body) = pieces();
    sender.send(Ok("abc".into())).await.expect("it is taken");
    drop(sender);
    assert_eq!(client.send(request(Method::POST, "/", "").map(|_| body)).await.text(), "ok");
    let seen = peer.last().expect("it came");
    assert!(seen.contains("transfer-encoding: chunked\r\n") && seen.ends_with("3\r\nabc\r\n0\r\n\r\n"), "{seen}");
}

#[tokio::test]
async fn an_upstream_may_be_told_its_own_host() {
    let peer = Peer::saying("ok");
    let (_folder, host) = before(peer.address, "host = \"upstream\"");
    host.get("/").await;
    let seen = peer.last().expect("it came");
    assert!(seen.contains(&format!("\r\nhost: {}\r\n", peer.address)), "{seen}");
    assert!(seen.contains(&format!("\r\nx-forwarded-host: {}\r\n", host.gateway)), "{seen}");
}

/// What an upstream answers, and what a client of HTTP/1.1 reads, the fields apart that the
/// gateway sets itself.
const ANSWERS: &[(&str, &str, &str)] = &[
    (
        "GET",
        "HTTP/1.1 404 Not Here\r\ncontent-length: 2\r\nx-a: 1\r\nx-a: 2\r\n\r\nno",
        "404 Not Here\r\ncontent-length: 2\r\nx-a: 1\r\nx-a: 2\r\n\r\nno",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nconnection: x-b, close\r\nx-b: 1\r\nkeep-alive: 5\r\ncontent-length: 1\r\n\r\na",
        "200 OK\r\ncontent-length: 1\r\n\r\na",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;x=y\r\nab\r\n0\r\n\r\n",
        "200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 9\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        "200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\n\r\nto the end",
        "200 OK\r\ntransfer-encoding: chunked\r\n\r\nA\r\nto the end\r\n0\r\n\r\n",
    ),
    ("GET", "HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\na", "200 OK\r\ncontent-length: 1\r\n\r\na"),
    (
        "GET",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\na",
        "200 OK\r\ncontent-length: 1\r\n\r\na",
    ),
    ("GET", "HTTP/1.1 204 No Content\r\n\r\n", "204 No Content\r\n\r\n"),
    ("GET", "HTTP/1.1 204 No Content\r\ncontent-length: 3\r\n\r\n", "204 No Content\r\n\r\n"),
    (
        "GET",
        "HTTP/1.1 304 Not Modified\r\ncontent-length: 3\r\netag: \"a\"\r\n\r\n",
        "304 Not Modified\r\netag: \"a\"\r\n\r\n",
    ),
    ("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n", "200 OK\r\ncontent-length: 3\r\n\r\n"),
    ("GET", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "200 OK\r\ncontent-length: 0\r\n\r\n"),
    (
        "GET",
        "HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na",
        "200 OK\r\ncontent-length: 1\r\n\r\na",
    ),
    ("GET", "HTTP/1.1 599 Odd\r\ncontent-length: 0\r\n\r\n", "599 Odd\r\ncontent-length: 0\r\n\r\n"),
];

#[tokio::test]
async fn an_answer_is_passed_on_as_one_message() {
    let peer = Peer::start(|request: &str, stream: &mut TcpStream| {
        let number = request.split(['/', ' ']).nth(2).and_then(|number| number.parse::<usize>().ok());
        let (_, answer, _) = ANSWERS[number.expect("a number")];
        say(stream, answer) && answer.contains("content-length") && !answer.contains("close")
    });
    let (_folder, host) = before(peer.address, "");
    for (number, (method, answer, expected)) in ANSWERS.iter().enumerate() {
        let sent = format!("{method} /{number} HTTP/1.1\r\nhost: a\r\nconnection: close\r\nte: trailers\r\n\r\n");
        let received = raw::exchange(host.gateway, sent);
        let own = ["date: ", "x-request-id: ", "connection: close"];
        let lines = received.split_inclusive('\n').filter(|line| !own.iter().any(|own| line.starts_with(own)));
        assert_eq!(lines.collect::<String>(), format!("HTTP/1.1 {expected}"), "{answer}");
    }
}

/// What is no answer: nothing of it reaches the client.
const NONE: &[&str] = &[
    "",
    "nonsense\r\n\r\n",
    "HTTP/1.1 200 OK\r\ncontent-length: 1",
    "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nab",
    "HTTP/1.1 200 OK\r\ncontent-length: 1a\r\n\r\nab",
    "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\nab",
    "HTTP/1.1 200 OK\r\nx-a: 1\r\n folded\r\ncontent-length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nx a: 1\r\ncontent-length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nx-a : 1\r\ncontent-length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nx-a: \0\r\ncontent-length: 0\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    "HTTP/1.1 600 Odd\r\ncontent-length: 0\r\n\r\n",
    "HTTP/2.0 200 OK\r\ncontent-length: 0\r\n\r\n",
];

#[tokio::test]
async fn what_is_no_answer_is_a_502() {
    let peer = Peer::start(|request: &str, stream: &mut TcpStream| {
        let number = request.split(['/', ' ']).nth(2).and_then(|number| number.parse::<usize>().ok());
        say(stream, NONE[number.expect("a number")]);
        false
    });
    let (_folder, host) = before(peer.address, "");
    for (number, answer) in NONE.iter().enumerate() {
        let answered = host.post(&format!("/{number}"), "{}").await;
        assert_eq!(answered.status, StatusCode::BAD_GATEWAY, "{answer:?}");
        assert_eq!(answered.json(), json!({ "error": "The service gave no answer that is one" }), "{answer:?}");
    }
    host.wait_for_output("an upstream did not answer");
}

/// Pieces reach the client as they come, and one that breaks off breaks off there, too.
#[tokio::test]
async fn an_answer_is_streamed_and_never_ends_well_that_broke_off() {
    for head in ["content-length: 6", "transfer-encoding: chunked"] {
        let is_chunked = head.starts_with('t');
        let (go_on, goes_on) = mpsc::sync_channel::<&str>(0);
        let goes_on = std::sync::Mutex::new(goes_on);
        let peer = Peer::start(move |_: &str, stream: &mut TcpStream| {
            say(stream, &format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n{head}\r\n\r\n"));
            for piece in goes_on.lock().expect("nobody panics").iter() {
                match (piece, is_chunked) {
                    ("", _) => return false,
                    (piece, true) => say(stream, &format!("{:x}\r\n{piece}\r\n", piece.len())),
                    (piece, false) => say(stream, piece),
                };
            }
            false
        });
        let (_folder, host) = before(peer.address, "");
        for mut client in [host.connect().await, Client::http2(host.gateway).await] {
            let mut body = client.start(request(Method::GET, "/", "")).await.expect("an answer").into_body();
            for piece in ["ab", "cd"] {
                go_on.send(piece).expect("it serves");
                let frame = body.frame().await.expect("a piece").expect("no error");
                assert_eq!(frame.into_data().expect("data"), piece);
            }
            go_on.send("").expect("it serves");
            assert!(body.frame().await.is_some_and(|frame| frame.is_err()), "{head}: it ended well");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_streamed_to_an_upstream_while_it_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let (_folder, host) = before(listener.local_addr().expect("it is bound"), "");
    let (sender, body) = pieces();
    let mut client = host.connect().await;
    let asked = tokio::spawn(async move { client.start(request(Method::POST, "/", "").map(|_| body)).await });
    sender.send(Ok("ab".into())).await.expect("it is taken");
    let (mut stream, _) = listener.accept().expect("the host connects");
    raw::read_to(&mut stream, "2\r\nab\r\n");
    say(&mut stream, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n");
    let mut answer = asked.await.expect("no panic").expect("an answer").into_body();
    assert_eq!(answer.frame().await.expect("a piece").expect("no error").into_data().expect("data"), "x");
    sender.send(Ok("cd".into())).await.expect("it is taken");
    raw::read_to(&mut stream, "2\r\ncd\r\n");
    drop(sender);
    raw::read_to(&mut stream, "0\r\n\r\n");
    say(&mut stream, "1\r\ny\r\n0\r\n\r\n");
    assert_eq!(answer.collect().await.expect("a whole body").to_bytes(), "y");
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_request_there() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let (_folder, host) = before(listener.local_addr().expect("it is bound"), "");
    let mut client = raw::connect(host.gateway);
    client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").expect("the host reads");
    let (mut stream, _) = listener.accept().expect("the host connects");
    raw::read_to(&mut stream, "\r\n\r\n");
    drop(client);
    assert_eq!(stream.read(&mut [0]).expect("an end"), 0);
    until("nobody waits", async || host.admin("/v1/services").await.json()["upstreams"][0]["busy"] == 0).await;
}

#[tokio::test]
async fn who_cannot_be_asked_is_answered_for() {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a free port");
    let (_folder, host) = before(free, "");
    let answer = host.get("/").await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert_eq!(answer.json(), json!({ "error": "The service cannot be reached" }));
    assert!(!answer.header("x-request-id").is_empty());
    host.wait_for_output("Connection refused");

    // It accepts, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let more = "http = { timeout = \"300ms\", body = 4 }";
    let (_folder, host) = before(silent.local_addr().expect("it is bound"), more);
    let answer = host.get("/").await;
    assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(answer.json(), json!({ "error": "The service took too long" }));
    // What the client does wrong is said to it, and counts against nobody.
    let failures = async || host.admin("/v1/services").await.json()["upstreams"][0]["addresses"][0]["failures"].clone();
    assert_eq!(failures().await, 1);
    let answer = host.post("/", "12345").await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    for (body, status) in [("x\r\n", 400), ("5\r\n12345\r\n", 413), ("1\r\nx\r\n", 408)] {
        let head = "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
        let answer = raw::exchange(host.gateway, format!("{head}{body}"));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{body:?}: {answer}");
    }
    assert_eq!(failures().await, 1);
}

/// Many servers end a connection that rests. Whoever asks next does not notice.
#[tokio::test]
async fn a_connection_is_used_again_unless_it_has_ended() {
    let peer = Peer::start(|request: &str, stream: &mut TcpStream| say(stream, OK) && !request.contains("/last"));
    let (_folder, host) = before(peer.address, "");
    let mut client = host.connect().await;
    for path in ["/", "/last", "/", "/last", "/"] {
        assert_eq!(client.post(path, "{}").await.text(), "ok", "{path}");
        assert_eq!(client.get(path).await.text(), "ok", "{path}");
    }
    assert_eq!((peer.seen().len(), host.output().iter().filter(|line| line.contains("WARN")).count()), (10, 0));
    assert!((3..=6).contains(&peer.connections()), "{}", peer.connections());
}

#[tokio::test]
async fn an_upstream_may_speak_tls() {
    let folder = plain("");
    certificates::make(folder.path(), "authority ca; authority other; certificate there DNS:localhost");
    let there =
        plain("[gateway]\nlisten = \"127.0.0.1:0\"\ntls = { certificate = \"there.crt\", key = \"there.key\" }\n");
    for file in ["there.crt", "there.key"] {
        std::fs::copy(folder.path().join(file), there.path().join(file)).expect("it can be copied");
    }
    let server = Host::up(there.path());
    for (ca, status) in [("ca.pem", StatusCode::NOT_FOUND), ("other.pem", StatusCode::BAD_GATEWAY)] {
        let port = server.gateway.port();
        let more = format!(
            "[store]\nurl = \"memory:\"\n[upstream.there]\nurl = \"https://localhost:{port}\"\nca = \"{ca}\"\nroutes = [\"/*\"]\n"
        );
        let text = format!("{}{more}", crate::support::PLAIN);
        std::fs::write(folder.path().join("dovetail.toml"), text).expect("it can be written");
        let host = Host::up(folder.path());
        assert_eq!(host.get("/").await.status, status, "{ca}");
    }
    std::fs::write(folder.path().join("other.pem"), "nothing").expect("it can be written");
    let output = dovetail().args(["check", "--no-build"]).current_dir(&folder).output().expect("it starts");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("the file of authorities") && told.contains("other.pem"), "{told}");
}

#[tokio::test]
async fn upstreams_are_shown() {
    let peer = Peer::saying("ok");
    let (folder, host) = before(peer.address, "");
    host.wait_for_output(&format!("→ there http://{}", peer.address));
    host.get("/").await;
    let shown = &host.admin("/v1/services").await.json()["upstreams"][0];
    let address = json!({ "address": peer.address.to_string(), "well": true, "busy": 0, "requests": 1, "failures": 0 });
    let expected = json!({
        "name": "there", "urls": [format!("http://{}", peer.address)], "routes": ["/*"], "busy": 0, "waiting": 0,
        "max": 256, "addresses": [address],
    });
    assert_eq!(*shown, expected);
    let run = |arguments: &[&str]| {
        let output = dovetail().args(arguments).current_dir(&folder).output().expect("it starts");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let status = run(&["status", "--admin", &format!("http://{}", host.admin)]);
    assert!(status.contains("upstream  address") && status.contains("  yes          1"), "{status}");
    let graph = run(&["graph"]);
    assert!(
        graph.contains(&format!("└── upstream there\n    ├── route /*\n    └── at http://{}\n", peer.address)),
        "{graph}"
    );
    for format in ["dot", "mermaid", "json"] {
        assert!(run(&["graph", "--format", format]).contains("there"), "{format}");
    }
}

#[test]
fn a_composition_says_that_it_has_none() {
    let folder = app("[app]\nname = \"app\"\n[service.guest]\ncomponent = \"{guest}\"\nroutes = [\"/here/*\"]\n\
         [upstream.there]\nurl = \"http://localhost:1\"\nroutes = [\"/*\"]\n");
    let output = dovetail().args(["compose", "-o", "app.wasm"]).current_dir(&folder).output().expect("it starts");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    assert!(told.contains("the upstream `there` is left out"), "{told}");
}
