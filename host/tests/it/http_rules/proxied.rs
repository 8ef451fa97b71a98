//! Whose connection it is where a proxy hands them on: the PROXY protocol, version 2.

use std::{
    io::Write,
    net::{IpAddr, SocketAddr, TcpStream},
    process::Stdio,
};

use http::uri::Scheme;
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, net::TcpSocket};

use super::{behind, told};
use crate::support::{Client, Host, PATIENCE, app, raw, until, up};

const GET: &[u8] = b"GET /told HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
const CLAIMED: &[u8] = b"GET /told HTTP/1.1\r\nhost: a\r\nx-forwarded-for: 192.0.2.9\r\nconnection: close\r\n\r\n";
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const V4: &[u8] = &[192, 0, 2, 7, 10, 0, 0, 1, 0x12, 0x34, 0, 80];

/// A header of this command and family, before this.
fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).expect("it fits").to_be_bytes();
    [SIGNATURE, &[command, family], &length, rest].concat()
}

fn v6(source: &str) -> Vec<u8> {
    let IpAddr::V6(source) = source.parse().expect("an address") else { panic!("{source} is of IPv4") };
    [&source.octets()[..], &[0; 20]].concat()
}

/// What the component was told of its client.
fn client_of(answer: &str) -> String {
    let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    let found = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error} in {answer:?}"));
    told(&found, "x-forwarded-for").join(" and ")
}

#[test]
fn a_header_says_whose_connection_it_is() {
    let (_folder, host) = behind("guest", "proxy_protocol = true");
    let long = [V4, &[0xee; 4_000]].concat();
    for (what, header, expected) in [
        ("IPv4", header(0x21, 0x11, V4), "192.0.2.7"),
        ("IPv4 and more", header(0x21, 0x11, &long), "192.0.2.7"),
        ("IPv6", header(0x21, 0x21, &v6("2001:db8::7")), "2001:db8::7"),
        ("IPv4 in IPv6", header(0x21, 0x21, &v6("::ffff:192.0.2.7")), "192.0.2.7"),
        ("LOCAL", header(0x20, 0x00, &[]), "127.0.0.1"),
        ("LOCAL with addresses", header(0x20, 0x11, V4), "127.0.0.1"),
        ("no family", header(0x21, 0x00, &[]), "127.0.0.1"),
    ] {
        let bytes = [&header, CLAIMED].concat();
        assert_eq!(client_of(&raw::exchange(host.gateway, &bytes)), expected, "{what}");
        // In small pieces, each a segment of its own.
        let mut stream = raw::connect(host.gateway);
        stream.set_nodelay(true).expect("it is connected");
        bytes.chunks(7).for_each(|piece| stream.write_all(piece).expect("the host reads"));
        assert_eq!(client_of(&raw::read_all(stream)), expected, "{what} in pieces");
    }
}

#[tokio::test]
async fn what_begins_without_a_header_is_closed_and_says_why_in_the_log() {
    let (_folder, host) = logged();
    let mut unsigned = header(0x21, 0x11, V4);
    unsigned[11] = b'!';
    for (bytes, reason) in [
        (Vec::new(), "there is none"),
        (b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 80\r\n".to_vec(), "it is of version 1; have the proxy send version 2"),
        (unsigned, "there is none"),
        (header(0x31, 0x11, V4), "it is of another version"),
        (header(0x22, 0x11, V4), "it is of another version"),
        (header(0x21, 0x12, V4), "its addresses are none of TCP"),
        (header(0x21, 0x21, V4), "its addresses are none of TCP"),
        (header(0x21, 0x11, &V4[..11]), "its addresses are none of TCP"),
    ] {
        let before = lines(&host, reason);
        let answer = raw::exchange(host.gateway, [&bytes, GET].concat());
        assert_eq!(answer, "", "{}", bytes.escape_ascii());
        until("the log says why", async || lines(&host, reason) > before).await;
    }
    // Cut off by the end of the connection.
    for length in [1, 12, 16, 27] {
        let before = lines(&host, CLOSED);
        let mut stream = raw::connect(host.gateway);
        stream.write_all(&header(0x21, 0x11, V4)[..length]).expect("the host reads");
        stream.shutdown(std::net::Shutdown::Write).expect("it is connected");
        assert_eq!(raw::read_all(stream), "");
        until("the log says so", async || lines(&host, CLOSED) > before).await;
    }
}

#[tokio::test]
async fn only_proxies_that_are_trusted_hand_connections_on() {
    let (_folder, host) = behind("guest", "proxy_protocol = true\ntrusted = [\"127.0.0.2\", \"192.0.2.0/24\"]");
    let header = header(0x21, 0x11, V4);
    // What those in `trusted` say of others is believed as well, on connections that were
    // handed on from them.
    for (bytes, expected) in [([&header, GET].concat(), "192.0.2.7"), ([&header, CLAIMED].concat(), "192.0.2.9")] {
        let mut stream = from("127.0.0.2", host.gateway).await;
        stream.write_all(&bytes).expect("the host reads");
        assert_eq!(client_of(&raw::read_all(stream)), expected);
        assert_eq!(raw::exchange(host.gateway, &bytes), "", "127.0.0.1 is not trusted");
    }
}

/// A connection from this address of the machine.
async fn from(address: &str, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::new(address.parse().expect("an address"), 0)).expect("Linux has all of 127.0.0.0/8");
    let stream = socket.connect(to).await.expect("the host listens").into_std().expect("it is connected");
    stream.set_nonblocking(false).expect("it is connected");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

#[tokio::test]
async fn http_2_and_more_requests_than_one_follow_a_header() {
    let (_folder, host) = behind("guest", "proxy_protocol = true");
    let mut stream = tokio::net::TcpStream::connect(host.gateway).await.expect("the host listens");
    stream.write_all(&header(0x21, 0x11, V4)).await.expect("the host reads");
    let mut client = Client::http2_over(stream, Scheme::HTTP, host.gateway.to_string()).await;
    for _ in 0..2 {
        assert_eq!(told(&client.get("/told").await.json(), "x-forwarded-for"), ["192.0.2.7"]);
    }
    // The admin API is nobody's to hand on.
    assert!(host.admin("/healthz").await.status == 200);
}

#[test]
fn a_connection_that_has_not_begun_does_not_hold_a_host_that_stops() {
    let (_folder, host) = logged();
    let mut stream = raw::connect(host.gateway);
    stream.write_all(&SIGNATURE[..5]).expect("the host reads");
    // It was accepted before this one.
    assert_ne!(raw::exchange(host.gateway, [&header(0x20, 0, &[]), GET].concat()), "");
    host.signal("TERM");
    assert_eq!(raw::read_all(stream), "");
    assert_eq!(lines(&host, CLOSED), 0, "its time had passed");
    assert_eq!(host.wait().code(), Some(0));
}

/// What the log says of a connection without a header.
const CLOSED: &str = "a connection was closed: nobody said whose it is";

/// A host that says all.
fn logged() -> (TempDir, Host) {
    let manifest = "[app]\nname = \"proxied\"\n[gateway]\nproxy_protocol = true\n[store]\nurl = \"memory:\"\n\
                    [service.guest]\ncomponent = \"{guest}\"\nroutes = [\"/*\"]\n";
    let folder = app(manifest);
    let host = Host::start(up(folder.path()).env("DOVETAIL_LOG", "debug").stderr(Stdio::piped()));
    (folder, host)
}

fn lines(host: &Host, text: &str) -> usize {
    host.output().iter().filter(|line| line.contains(text)).count()
}
