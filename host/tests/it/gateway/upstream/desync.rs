//! Requests that two readers could take for different ones: a row each. Each is refused, and
//! then nothing of it reaches the upstream, or is passed on as messages that have one meaning.
//! What the upstream gets is compared byte for byte.

use std::{io::Write, net::TcpStream};

use super::{before, passed::told};
use crate::support::{
    Host,
    peer::{Peer, say},
    raw, raw_http2,
    raw_http2::{
        Outcome,
        Piece::{self, Data, Fields},
    },
};

/// What comes of a request.
enum Comes {
    /// It is answered by the gateway, with this status.
    Refused(u16),
    /// The upstream gets these requests.
    Passed(&'static [&'static str]),
    /// One or the other, as it is seen in time that there is more than was said.
    Either(u16, &'static [&'static str]),
    /// The upstream gets a part of one, which has no end, and ends with its connection.
    Cut(u16),
}

use Comes::{Cut, Either, Passed, Refused};

const PLAIN: &str = "POST / HTTP/1.1\r\nhost: a\r\n\r\n";
const ONE: &str = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n";
const LENGTH: &str = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nabcde";
const NEXT: &str = "GET /next HTTP/1.1\r\nhost: a\r\n\r\n";

/// What is sent: `|` stands for the end of a line, and `POST / HTTP/1.1|host: a|` before it for
/// a request that begins well, where it begins with a `+`.
const ROWS: &[(&str, &str, Comes)] = &[
    ("a length and chunks, the chunks first", "+content-length: 3|transfer-encoding: chunked||1|a|0||", Passed(&[ONE])),
    ("chunks and a length", "+transfer-encoding: chunked|content-length: 99||1|a|0||", Passed(&[ONE])),
    (
        "a request behind chunks that a length would hide",
        "+content-length: 99|transfer-encoding: chunked||1|a|0||GET /next HTTP/1.1|host: a||",
        Passed(&[ONE]),
    ),
    ("two lengths", "+content-length: 5|content-length: 6||abcdef", Refused(400)),
    ("two lengths that are the same", "+content-length: 5|content-length: 5||abcde", Passed(&[LENGTH])),
    ("a list of lengths", "+content-length: 5, 5||abcde", Refused(400)),
    ("a list of two lengths", "+content-length: 5, 6||abcdef", Refused(400)),
    ("a negative length", "+content-length: -1||", Refused(400)),
    ("a length with a sign", "+content-length: +5||abcde", Refused(400)),
    ("a hexadecimal length", "+content-length: 0x5||abcde", Refused(400)),
    ("a length with an underscore", "+content-length: 1_0||abcde", Refused(400)),
    ("a length beyond all", "+content-length: 18446744073709551617||a", Refused(413)),
    ("a length beyond the limit", "+content-length: 9223372036854775807||a", Refused(413)),
    ("an empty length", "+content-length:||", Refused(400)),
    ("a length of letters", "+content-length: five||abcde", Refused(400)),
    ("a length with zeros", "+content-length: 0005||abcde", Passed(&[LENGTH])),
    ("a length with a space in it", "+content-length: 5 5||abcde", Refused(400)),
    ("an encoding that is none", "+transfer-encoding: identity||", Refused(400)),
    ("chunked, and not", "+transfer-encoding: chunked, identity||1|a|0||", Refused(400)),
    ("not chunked, and chunked", "+transfer-encoding: identity, chunked||1|a|0||", Refused(501)),
    ("an encoding like it", "+transfer-encoding: xchunked||1|a|0||", Refused(400)),
    ("one with a letter more", "+transfer-encoding: chunkedx||1|a|0||", Refused(400)),
    ("in quotes", "+transfer-encoding: \"chunked\"||1|a|0||", Refused(400)),
    ("chunked twice", "+transfer-encoding: chunked, chunked||1|a|0||", Refused(400)),
    ("chunked in two fields", "+transfer-encoding: chunked|transfer-encoding: chunked||1|a|0||", Refused(400)),
    ("two fields, the second another", "+transfer-encoding: chunked|transfer-encoding: x||1|a|0||", Refused(400)),
    ("in capitals", "+Transfer-Encoding: CHUNKED||1|a|0||", Passed(&[ONE])),
    ("with a tab before it", "+transfer-encoding:\tchunked||1|a|0||", Passed(&[ONE])),
    ("with a vertical tab", "+transfer-encoding: \x0bchunked||1|a|0||", Refused(400)),
    ("with an empty element", "+transfer-encoding: ,chunked||1|a|0||", Passed(&[ONE])),
    ("a space before the colon", "+transfer-encoding : chunked||1|a|0||", Refused(400)),
    ("a space before the name", "+ transfer-encoding: chunked||1|a|0||", Refused(400)),
    ("a folded line", "+x: 1| transfer-encoding: chunked||", Refused(400)),
    ("a folded encoding", "+transfer-encoding:| chunked||1|a|0||", Refused(400)),
    ("a folded length", "+content-length: 5| 0||abcde", Refused(400)),
    (
        "a name with an underscore is another",
        "+transfer_encoding: chunked||",
        Passed(&["POST / HTTP/1.1\r\nhost: a\r\ntransfer_encoding: chunked\r\n\r\n"]),
    ),
    ("a NUL in a value", "+x: a\0b||", Refused(400)),
    ("a NUL in a name", "+x\0y: a||", Refused(400)),
    ("a bare CR in a value", "+x: a\rtransfer-encoding: chunked||", Refused(400)),
    ("a line without colon", "+x||", Refused(400)),
    ("an empty name", "+: x||", Refused(400)),
    ("a name with a space", "+x y: a||", Refused(400)),
    ("lines that end in LF alone", "POST / HTTP/1.1\nhost: a\n\n", Passed(&[PLAIN])),
    (
        "one line that ends in LF alone",
        "+x: 1\ncontent-length: 5||abcde",
        Passed(&["POST / HTTP/1.1\r\nhost: a\r\nx: 1\r\ncontent-length: 5\r\n\r\nabcde"]),
    ),
    ("an extension of a chunk", "+transfer-encoding: chunked||1;x=y|a|0;z||", Passed(&[ONE])),
    ("an extension with a quoted line", "+transfer-encoding: chunked||1;x=\"y\n\"|a|0||", Cut(400)),
    ("an extension with LF", "+transfer-encoding: chunked||1;x\na|0||", Cut(400)),
    ("a space behind the size", "+transfer-encoding: chunked||1 |a|0||", Passed(&[ONE])),
    ("a size with a sign", "+transfer-encoding: chunked||+1|a|0||", Cut(400)),
    ("a size with a prefix", "+transfer-encoding: chunked||0x1|a|0||", Cut(400)),
    ("a size beyond all", "+transfer-encoding: chunked||ffffffffffffffffff|a|0||", Cut(400)),
    ("a size that ends in LF alone", "+transfer-encoding: chunked||1\na|0||", Cut(400)),
    ("a chunk that ends in LF alone", "+transfer-encoding: chunked||1|a\n0||", Cut(400)),
    ("a chunk that is longer", "+transfer-encoding: chunked||1|ab|0||", Cut(400)),
    ("an empty size", "+transfer-encoding: chunked|||a|0||", Cut(400)),
    ("zeros before the size", "+transfer-encoding: chunked||0001|a|000||", Passed(&[ONE])),
    (
        "trailers that would frame",
        "+transfer-encoding: chunked||1|a|0|content-length: 9|transfer-encoding: chunked||",
        Passed(&[ONE]),
    ),
    (
        "that are announced",
        "+transfer-encoding: chunked|trailer: content-length, x||1|a|0|content-length: 9|x: 1||",
        Passed(&[
            "POST / HTTP/1.1\r\nhost: a\r\ntrailer: content-length, x\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx: 1\r\n\r\n",
        ]),
    ),
    ("a trailer without colon", "+transfer-encoding: chunked||1|a|0|x||", Cut(400)),
    ("chunks over HTTP/1.0", "POST / HTTP/1.0|host: a|transfer-encoding: chunked||1|a|0||", Refused(400)),
    ("two Hosts", "GET / HTTP/1.1|host: a|host: b||", Refused(400)),
    ("a URL for another Host", "GET http://b/ HTTP/1.1|host: a||", Refused(400)),
    ("a URL", "GET http://a/x HTTP/1.1|host: a||", Passed(&["GET /x HTTP/1.1\r\nhost: a\r\n\r\n"])),
    ("a target with a space", "GET /a b HTTP/1.1|host: a||", Refused(400)),
    ("a target with a tab", "GET /a\tb HTTP/1.1|host: a||", Refused(400)),
    (
        "a target with an encoded line end",
        "GET /a%0d%0ax:1 HTTP/1.1|host: a||",
        Passed(&["GET /a%0d%0ax:1 HTTP/1.1\r\nhost: a\r\n\r\n"]),
    ),
    ("two lines of a request", "GET / HTTP/1.1|GET / HTTP/1.1|host: a||", Refused(400)),
    ("empty lines before it", "||GET /next HTTP/1.1|host: a||", Passed(&[NEXT])),
    (
        "a body of GET",
        "GET /next HTTP/1.1|host: a|content-length: 5||abcde",
        Passed(&["GET /next HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nabcde"]),
    ),
    ("two in one piece", "GET /next HTTP/1.1|host: a||GET /next HTTP/1.1|host: a||", Passed(&[NEXT, NEXT])),
    ("a connection that names what frames", "+connection: content-length|content-length: 5||abcde", Passed(&[LENGTH])),
    ("or the host", "+connection: host||", Passed(&[PLAIN])),
    (
        "another protocol",
        "GET /next HTTP/1.1|host: a|connection: upgrade, http2-settings|upgrade: h2c|http2-settings: AAAA||",
        Passed(&[NEXT]),
    ),
    ("CONNECT", "CONNECT a:80 HTTP/1.1|host: a:80||", Refused(501)),
    ("a version that is none", "GET / HTTP/1.9|host: a||", Refused(505)),
];

#[tokio::test]
async fn no_request_has_two_meanings() {
    let peer =
        Peer::start(|_: &str, stream: &mut TcpStream| say(stream, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
    let (_folder, host) = before(peer.address, "");
    let mut wrong = Vec::new();
    for (what, sent, comes) in ROWS {
        let sent =
            sent.strip_prefix('+').map_or_else(|| (*sent).to_owned(), |rest| format!("POST / HTTP/1.1|host: a|{rest}"));
        let count = if let Passed(requests) = comes { requests.len() } else { 1 };
        let received = answered(&host, &sent.replace('|', "\r\n"), count);
        let (mut seen, status) = (drained(&peer), status(&received));
        seen.pop_if(|last| last.starts_with("GET /end"));
        let is_as_told = match comes {
            Refused(expected) => seen.is_empty() && status == Some(*expected),
            Cut(expected) => seen.is_empty() && status == Some(*expected),
            Passed(expected) | Either(_, expected) => seen == *expected && status == Some(200),
        };
        if !is_as_told {
            wrong.push(format!("{what}: {sent:?}\n  {status:?}, seen {seen:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What ends a connection. It is asked for last, so that what was hidden before it is
/// answered before it.
const END: &str = "GET /end HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

/// The first of so many answers, each of which is awaited; and then all comes to its end.
fn answered(host: &Host, sent: &str, count: usize) -> String {
    let mut stream = raw::connect(host.gateway);
    // It may answer before it has read all.
    let _ = stream.write_all(sent.as_bytes());
    let answers: Vec<_> = (0..count).map(|_| answer(&mut stream)).collect();
    let _ = stream.write_all(END.as_bytes());
    raw::read_all(stream);
    answers.into_iter().next().unwrap_or_default()
}

/// An answer with a length.
fn answer(stream: &mut TcpStream) -> String {
    let head = raw::read_to(stream, "\r\n\r\n");
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
    let length = length.and_then(|length| length.parse().ok()).expect("a length");
    head + &String::from_utf8_lossy(&raw::read_bytes(stream, length))
}

fn status(received: &str) -> Option<u16> {
    received.split(' ').nth(1)?.parse().ok()
}

fn drained(peer: &Peer) -> Vec<String> {
    let mut seen: Vec<_> = std::iter::from_fn(|| peer.last()).map(|request| told(&request)).collect();
    seen.reverse();
    seen
}

/// What is sent over HTTP/2, beside the fields that begin a request well.
const ROWS_OF_HTTP_2: &[(&str, &[Piece], Comes)] = &[
    ("a line end in a value", &[Fields(&[("x", "a\r\ntransfer-encoding: chunked")])], Refused(400)),
    ("LF in a value", &[Fields(&[("x", "a\nb")])], Refused(400)),
    ("CR in a value", &[Fields(&[("x", "a\rb")])], Refused(400)),
    ("NUL in a value", &[Fields(&[("x", "a\0b")])], Refused(400)),
    ("a line end in a name", &[Fields(&[("x: a\r\ny", "b")])], Refused(400)),
    ("a colon in a name", &[Fields(&[("x: a", "b")])], Refused(400)),
    ("a space in a name", &[Fields(&[("x y", "b")])], Refused(400)),
    ("a name in capitals", &[Fields(&[("X", "b")])], Refused(400)),
    (
        "an encoding of transfer",
        &[Fields(&[("transfer-encoding", "chunked")]), Data("0\r\n\r\nGET /next HTTP/1.1\r\nhost: a\r\n\r\n")],
        Refused(400),
    ),
    ("a connection", &[Fields(&[("connection", "close")])], Refused(400)),
    ("an upgrade", &[Fields(&[("upgrade", "websocket")])], Refused(400)),
    ("less than its length", &[Fields(&[("content-length", "5")]), Data("abc")], Refused(400)),
    ("more than its length", &[Fields(&[("content-length", "2")]), Data("abc")], Refused(400)),
    (
        "a length of 0, and more",
        &[Fields(&[("content-length", "0")]), Data("GET /next HTTP/1.1\r\nhost: a\r\n\r\n")],
        Either(400, &["POST / HTTP/1.1\r\ncontent-length: 0\r\nhost: a\r\n\r\n"]),
    ),
    ("a negative length", &[Fields(&[("content-length", "-1")]), Data("a")], Refused(400)),
    ("two lengths", &[Fields(&[("content-length", "1"), ("content-length", "2")]), Data("a")], Refused(400)),
    (
        "its length",
        &[Fields(&[("content-length", "5")]), Data("abcde")],
        Passed(&["POST / HTTP/1.1\r\ncontent-length: 5\r\nhost: a\r\n\r\nabcde"]),
    ),
    (
        "a body that looks like chunks",
        &[Fields(&[]), Data("0\r\n\r\n")],
        Passed(&["POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\n0\r\n\r\n\r\n0\r\n\r\n"]),
    ),
    ("another Host", &[Fields(&[("host", "b")])], Refused(400)),
    ("trailers that would frame", &[Fields(&[]), Data("a"), Fields(&[("content-length", "9")])], Passed(&[ONE])),
];

#[tokio::test]
async fn no_request_over_http_2_has_two_meanings() {
    let peer =
        Peer::start(|_: &str, stream: &mut TcpStream| say(stream, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
    let (_folder, host) = before(peer.address, "");
    let mut wrong = Vec::new();
    for (what, pieces, comes) in ROWS_OF_HTTP_2 {
        let begin = [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a")];
        let [Fields(more), rest @ ..] = pieces else { panic!("{what} begins with fields") };
        let head = [&begin[..], more].concat();
        let mut sent = vec![Fields(&head)];
        sent.extend(rest.iter().map(|piece| match piece {
            Fields(fields) => Fields(fields),
            Data(data) => Data(data),
            Piece::Reset(reason) => Piece::Reset(*reason),
        }));
        let outcome = raw_http2::exchange(host.gateway, &sent);
        let seen = drained(&peer);
        let is_as_told = match comes {
            // A stream that is malformed is reset, or its connection ended (RFC 9113, section 8.1.1).
            Refused(status) | Cut(status) => is_refused(&outcome, *status) && seen.is_empty(),
            Passed(expected) => seen == *expected && outcome == Outcome::Answered(200, String::new()),
            Either(status, expected) => match seen.is_empty() {
                true => is_refused(&outcome, *status),
                false => seen == *expected,
            },
        };
        if !is_as_told {
            wrong.push(format!("{what}: {outcome:?}, seen {seen:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn is_refused(outcome: &Outcome, status: u16) -> bool {
    match outcome {
        Outcome::Answered(answered, _) => *answered == status,
        Outcome::Reset(_) | Outcome::GoneAway(_) => true,
    }
}

/// Extended CONNECT (RFC 8441), by which HTTP/2 opens WebSockets, is not offered.
#[tokio::test]
async fn connect_over_http_2_is_refused() {
    let peer = Peer::saying("ok");
    let (_folder, host) = before(peer.address, "");
    let fields =
        [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/"), (":authority", "a")];
    let outcome = raw_http2::exchange(host.gateway, &[Fields(&fields)]);
    assert!(!matches!(outcome, Outcome::Answered(200, _)), "{outcome:?}");
    assert!(peer.seen().is_empty());
}
