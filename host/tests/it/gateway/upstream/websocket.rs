//! WebSockets, which are opened by upstreams and by nobody else.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::before;
use crate::support::{
    Host, app, certificates,
    peer::{Peer, say},
    plain, raw,
    secure::Secure,
    until,
};

/// A request for one, with these lines more.
fn asking(more: &str) -> String {
    format!(
        "GET /chat?room=1 HTTP/1.1\r\nhost: a\r\nconnection: keep-alive, Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n{more}\r\n"
    )
}

const OPENED: &str = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                      sec-websocket-accept: s3pPLMBiTxaQ9kYGzhZRbK+xOo0=\r\n\r\n";

/// A client and an upstream that speak with each other through a host.
fn opened(host: &Host, listener: &TcpListener) -> (TcpStream, TcpStream) {
    let mut client = raw::connect(host.gateway);
    client.write_all(asking("").as_bytes()).expect("the host reads");
    let (mut there, _) = listener.accept().expect("the host connects");
    let asked = raw::read_to(&mut there, "\r\n\r\n");
    assert!(asked.starts_with("GET /chat?room=1 HTTP/1.1\r\nhost: a\r\n"), "{asked}");
    for field in ["connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13", "via: 1.1 dovetail"] {
        assert!(asked.contains(&format!("\r\n{field}\r\n")), "{asked}");
    }
    // What it says at once comes behind the answer.
    say(&mut there, &format!("{OPENED}hello"));
    let answer = raw::read_to(&mut client, "\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{answer}");
    for field in ["connection: upgrade", "upgrade: websocket", "sec-websocket-accept: s3pPLMBiTxaQ9kYGzhZRbK+xOo0="] {
        assert!(answer.contains(&format!("\r\n{field}\r\n")), "{answer}");
    }
    assert_eq!(raw::read_bytes(&mut client, 5), b"hello");
    (client, there)
}

fn listening() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

async fn busy(host: &Host) -> u64 {
    host.admin("/v1/services").await.json()["upstreams"][0]["busy"].as_u64().expect("a number")
}

#[tokio::test]
async fn both_sides_are_heard_and_either_may_end_first() {
    let (listener, address) = listening();
    let (_folder, host) = before(address, "");
    for is_client_first in [true, false] {
        let (client, there) = opened(&host, &listener);
        assert_eq!(busy(&host).await, 1);
        let (mut first, mut second) = if is_client_first { (client, there) } else { (there, client) };
        for _ in 0..3 {
            say(&mut first, "ping");
            assert_eq!(raw::read_bytes(&mut second, 4), b"ping");
            say(&mut second, &"pong".repeat(100_000));
            assert_eq!(raw::read_bytes(&mut first, 400_000), "pong".repeat(100_000).as_bytes());
        }
        first.shutdown(Shutdown::Write).expect("it is open");
        assert_eq!(second.read(&mut [0]).expect("an end"), 0);
        // The other side goes on.
        say(&mut second, "and more");
        assert_eq!(raw::read_bytes(&mut first, 8), b"and more");
        drop(second);
        assert_eq!(first.read(&mut [0]).expect("an end"), 0);
        until("it is over", async || busy(&host).await == 0).await;
    }
}

/// What else may be asked for by `Upgrade` is passed on as a plain request.
#[tokio::test]
async fn nothing_else_is_asked_for() {
    let peer = Peer::saying("plain");
    let (_folder, host) = before(peer.address, "");
    for (from, to) in [
        ("upgrade: websocket", "upgrade: h2c"),
        ("upgrade: websocket", "upgrade: websocket, h2c"),
        ("upgrade: websocket", "upgrade: websocket\r\nupgrade: h2c"),
        ("connection: keep-alive, Upgrade", "connection: keep-alive"),
        ("GET", "POST"),
        ("HTTP/1.1", "HTTP/1.0"),
        ("\r\n\r\n", "\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("\r\n\r\n", "\r\ncontent-length: 1\r\n\r\na"),
    ] {
        let mut stream = raw::connect(host.gateway);
        stream.write_all(asking("").replacen(from, to, 1).as_bytes()).expect("the host reads");
        let answer = raw::read_to(&mut stream, "plain");
        assert!(answer.starts_with("HTTP/1.") && answer.contains(" 200 OK\r\n"), "{to:?}: {answer}");
        let seen = peer.last().expect("it came");
        assert!(!seen.contains("\r\nupgrade:") && !seen.contains("\r\nconnection:"), "{seen}");
    }
    // One that does not open it has answered.
    let mut stream = raw::connect(host.gateway);
    stream.write_all(asking("").as_bytes()).expect("the host reads");
    raw::read_to(&mut stream, "plain");
    assert!(peer.last().is_some_and(|seen| seen.contains("\r\nupgrade: websocket\r\n")));
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").expect("the host reads");
    raw::read_to(&mut stream, "plain");
}

#[tokio::test]
async fn a_component_is_not_asked_for_one() {
    let folder = app("[app]\nname = \"app\"\n[service.guest]\ncomponent = \"{guest}\"\nroutes = [\"/*\"]\n");
    let host = Host::up(folder.path());
    let answer = raw::exchange(host.gateway, asking("connection: close\r\n").replace("/chat?room=1", "/told"));
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(!answer.contains("\"upgrade\""), "{answer}");
}

/// A host that stops waits for those that are open, as for every request in flight.
#[tokio::test]
async fn a_stop_waits_for_one_that_ends() {
    let (listener, address) = listening();
    let (_folder, host) = before(address, "");
    let (mut client, mut there) = opened(&host, &listener);
    host.signal("TERM");
    host.wait_for_output("stopping");
    until("nobody can connect", async || TcpStream::connect(host.gateway).is_err()).await;
    say(&mut client, "ping");
    assert_eq!(raw::read_bytes(&mut there, 4), b"ping");
    drop(there);
    assert_eq!(client.read(&mut [0]).expect("an end"), 0);
    drop(client);
    assert_eq!(host.wait().code(), Some(0));
}

/// Nor does a second signal.
#[tokio::test]
async fn a_second_signal_waits_for_none() {
    let (listener, address) = listening();
    let (_folder, host) = before(address, "");
    let (mut client, _there) = opened(&host, &listener);
    host.signal("TERM");
    host.wait_for_output("stopping");
    host.signal("TERM");
    let _ = host.wait();
    let ended = client.read(&mut [0]);
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_is_opened_over_tls() {
    let (listener, address) = listening();
    let folder = plain(&format!(
        "[store]\nurl = \"memory:\"\n[gateway]\ntls = {{ certificate = \"shop.crt\", key = \"shop.key\" }}\n\
         [upstream.there]\nurl = \"http://{address}\"\nroutes = [\"/*\"]\n"
    ));
    certificates::make(folder.path(), "authority ca; certificate shop DNS:localhost");
    let host = Host::up(folder.path());
    let mut secure = Secure::new(&folder.path().join("ca.pem"), "localhost");
    secure.protocols = vec!["http/1.1"];
    let mut client = secure.begin(host.gateway).await.expect("TLS");
    client.write_all(asking("").as_bytes()).await.expect("the host reads");
    let (mut there, _) = listener.accept().expect("the host connects");
    raw::read_to(&mut there, "\r\n\r\n");
    say(&mut there, &format!("{OPENED}hello"));
    let mut answer = Vec::new();
    while !answer.ends_with(b"hello") {
        assert_ne!(client.read_buf(&mut answer).await.expect("it writes"), 0, "it ends");
    }
    client.write_all(b"ping").await.expect("it is open");
    assert_eq!(raw::read_bytes(&mut there, 4), b"ping");
    drop(there);
    assert_eq!(client.read(&mut [0]).await.expect("it is told the end"), 0);
}
