//! Connections that a proxy hands on, each with a word before it on whose it is: the
//! PROXY protocol, version 2, as HAProxy's specification has it in section 2.2.
//!
//! Not a byte is read that is behind the header. Version 1 is refused: its line has no length
//! before its end, and whoever sends it can send version 2.

use std::{
    io::{self, ErrorKind},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::IpNet;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    time::timeout,
};

use super::{Peer, patience::HEADER};

/// What a header begins with.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// Bytes that each header has: the signature, version and command, family and transport, and
/// how many bytes follow.
const HEAD: usize = 16;

/// Those who may hand connections on.
pub struct Proxies(Vec<IpNet>);

impl Proxies {
    /// Those in these networks, or everybody if there are none.
    pub fn new(networks: Vec<IpNet>) -> Proxies {
        Proxies(networks)
    }

    /// Whose connection it is that `from` opened. An error if it does not say so in time, or
    /// may not say so.
    pub async fn ask(&self, stream: &mut (impl AsyncRead + Unpin), from: Peer) -> io::Result<Peer> {
        if !self.0.is_empty() && !self.0.iter().any(|network| network.contains(&from.address())) {
            return Err(io::Error::new(ErrorKind::PermissionDenied, "it is none of the proxies that are trusted"));
        }
        let source = timeout(HEADER, source(stream)).await.map_err(|_| ErrorKind::TimedOut)??;
        Ok(source.map_or(from, Peer::new))
    }
}

/// The address that a header names. None is that of the proxy itself: the connection is its
/// own, as those are that ask for its health, or of a family that has no such addresses.
async fn source(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<IpAddr>> {
    let head = head(stream).await?;
    let length = usize::from(u16::from_be_bytes([head[14], head[15]]));
    // What follows the addresses is for others.
    let mut addresses = [0; 36];
    let known = length.min(addresses.len());
    stream.read_exact(&mut addresses[..known]).await?;
    let rest = (length - known) as u64;
    if tokio::io::copy(&mut stream.take(rest), &mut tokio::io::sink()).await? < rest {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    match (head[12], head[13]) {
        // LOCAL, whatever else it says.
        (0x20, _) => Ok(None),
        // PROXY, of no family or a socket in a file system.
        (0x21, 0x00 | 0x31) => Ok(None),
        // TCP over IPv4: source, destination, ports.
        (0x21, 0x11) if known >= 12 => Ok(addresses.first_chunk::<4>().map(|source| Ipv4Addr::from(*source).into())),
        (0x21, 0x21) if known >= 36 => Ok(addresses.first_chunk::<16>().map(|source| Ipv6Addr::from(*source).into())),
        (0x21, _) => Err(malformed("its addresses are none of TCP, or not all there")),
        _ => Err(malformed("it is of another version than 2, or of another command than LOCAL and PROXY")),
    }
}

/// What each header has. What begins otherwise is refused as soon as that is seen, for there
/// may be no more of it.
async fn head(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<[u8; HEAD]> {
    let (mut head, mut length) = ([0; HEAD], 0);
    while length < HEAD {
        match stream.read(&mut head[length..]).await? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            read => length += read,
        }
        let seen = length.min(SIGNATURE.len());
        if head[..seen] != SIGNATURE[..seen] {
            return Err(malformed(match head.starts_with(b"PROXY ") {
                true => "it is of version 1; have the proxy send version 2",
                false => "there is none",
            }));
        }
    }
    Ok(head)
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("no PROXY protocol header of version 2: {what}"))
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use tokio::{
        io::{AsyncWriteExt, duplex},
        time::Instant,
    };

    use super::*;

    fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).expect("it fits").to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, rest].concat()
    }

    const V4: [u8; 12] = [192, 0, 2, 7, 10, 0, 0, 1, 0x12, 0x34, 0, 80];

    /// The reason of what ends too early.
    const CUT: &str = "cut off";

    fn v6(source: &str) -> [u8; 36] {
        let mut rest = [0; 36];
        rest[..16].copy_from_slice(&source.parse::<Ipv6Addr>().expect("an address").octets());
        rest
    }

    fn peer() -> Peer {
        Peer::new([10, 0, 0, 9].into())
    }

    /// Whose connection it is by these bytes and what is read next, if it comes in pieces of
    /// this length.
    async fn asked(bytes: &[u8], piece: usize) -> (io::Result<String>, Vec<u8>) {
        let (mut client, mut server) = duplex(piece);
        let bytes = bytes.to_vec();
        let sending = tokio::spawn(async move { client.write_all(&bytes).await });
        let found = Proxies::new(Vec::new()).ask(&mut server, peer()).await;
        let mut rest = Vec::new();
        if found.is_ok() {
            server.read_to_end(&mut rest).await.expect("it ends");
        }
        sending.abort();
        (found.map(|peer| peer.address().to_string()), rest)
    }

    #[tokio::test]
    async fn a_header_says_whose_connection_it_is() {
        let long = [&V4[..], &[0xee; 60_000]].concat();
        for (what, header, expected) in [
            ("IPv4", header(0x21, 0x11, &V4), "192.0.2.7"),
            ("IPv4 and more", header(0x21, 0x11, &long), "192.0.2.7"),
            ("IPv6", header(0x21, 0x21, &v6("2001:db8::7")), "2001:db8::7"),
            ("IPv4 in IPv6", header(0x21, 0x21, &v6("::ffff:192.0.2.7")), "192.0.2.7"),
            ("LOCAL", header(0x20, 0x00, &[]), "10.0.0.9"),
            ("LOCAL with addresses", header(0x20, 0x11, &V4), "10.0.0.9"),
            ("LOCAL of an unknown family", header(0x20, 0xff, &[7; 3]), "10.0.0.9"),
            ("no family", header(0x21, 0x00, &[7; 5]), "10.0.0.9"),
            ("a socket in a file system", header(0x21, 0x31, &[b'/'; 216]), "10.0.0.9"),
        ] {
            for piece in [1, 5, 17, 1 << 20] {
                let (found, rest) = asked(&[&header[..], b"GET"].concat(), piece).await;
                assert_eq!((&*found.expect("it is one"), &rest[..]), (expected, &b"GET"[..]), "{what} by {piece}");
            }
        }
    }

    #[tokio::test]
    async fn what_is_no_header_is_refused() {
        let mut other = header(0x21, 0x11, &V4);
        other[11] = b'!';
        for (what, bytes, reason) in [
            ("a request", b"GET / HTTP/1.1\r\n\r\n".to_vec(), "there is none"),
            ("its beginning alone", b"G".to_vec(), "there is none"),
            ("TLS", b"\x16\x03\x01".to_vec(), "there is none"),
            ("version 1", b"PROXY TCP4 192.0.2.7 10.0.0.1 1 2\r\n".to_vec(), "it is of version 1"),
            ("another signature", other, "there is none"),
            ("version 3", header(0x31, 0x11, &V4), "of another version"),
            ("another command", header(0x22, 0x11, &V4), "of another command"),
            ("UDP", header(0x21, 0x12, &V4), "none of TCP"),
            ("another family", header(0x21, 0x41, &V4), "none of TCP"),
            ("IPv4 cut short", header(0x21, 0x11, &V4[..11]), "not all there"),
            ("IPv6 as long as IPv4", header(0x21, 0x21, &V4), "not all there"),
            ("nothing", Vec::new(), CUT),
            ("a part", header(0x21, 0x11, &V4)[..9].to_vec(), CUT),
            ("no addresses", header(0x21, 0x11, &V4)[..20].to_vec(), CUT),
            ("not all of what follows", header(0x21, 0x11, &[&V4[..], &[0; 99]].concat())[..50].to_vec(), CUT),
        ] {
            for piece in [1, 1 << 20] {
                let refused = asked(&bytes, piece).await.0.expect_err(what);
                // Of a single byte nobody knows that it is of version 1.
                let reason = if (what, piece) == ("version 1", 1) { "there is none" } else { reason };
                match reason {
                    CUT => assert_eq!(refused.kind(), ErrorKind::UnexpectedEof, "{what}"),
                    reason => assert!(refused.to_string().contains(reason), "{what}: {refused}"),
                }
            }
        }
    }

    #[tokio::test]
    async fn who_is_not_trusted_says_nothing() {
        let proxies = Proxies::new(vec!["10.0.1.0/24".parse().expect("a network")]);
        let header = header(0x21, 0x11, &V4);
        let refused = proxies.ask(&mut &header[..], peer()).await.expect_err("it is not in there");
        assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
        let trusted = Peer::new([10, 0, 1, 255].into());
        assert_eq!(proxies.ask(&mut &header[..], trusted).await.expect("it is").address().to_string(), "192.0.2.7");
    }

    #[tokio::test(start_paused = true)]
    async fn a_header_that_does_not_come_is_not_waited_for() {
        for begun in [&b""[..], &SIGNATURE[..5], &header(0x21, 0x11, &V4)[..20]] {
            let (mut client, mut server) = duplex(64);
            client.write_all(begun).await.expect("there is room");
            let start = Instant::now();
            let refused = Proxies::new(Vec::new()).ask(&mut server, peer()).await.expect_err("it is not all there");
            assert_eq!((refused.kind(), start.elapsed()), (ErrorKind::TimedOut, HEADER));
        }
    }
}
