//! HTTP/2 frame by frame, for what a well-behaved client would not send.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
};

use super::raw;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// What a frame may have unless told, in bytes.
const LARGEST_FRAME: usize = 16_384;

/// The one stream that there is.
const STREAM: u32 = 1;

/// No stream: what is said of the connection.
const CONNECTION: u32 = 0;

/// A piece of a request.
pub enum Piece<'a> {
    /// Fields of the head, or those behind the body.
    Fields(&'a [(&'a str, &'a str)]),
    /// Some of the body.
    Data(&'a str),
    /// The stream is given up, for this reason.
    Reset(u32),
}

/// What came of a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An answer, whole.
    Answered(u16, String),
    /// The stream was reset for this reason, whatever came of it before.
    Reset(u32),
    /// The connection was ended for this reason.
    GoneAway(u32),
}

/// Send a request whose last piece ends the stream, and see what comes of it.
pub fn exchange(address: SocketAddr, pieces: &[Piece]) -> Outcome {
    let mut stream = begin(address);
    send(&mut stream, pieces);
    outcome(&mut stream)
}

/// A connection that has been greeted.
pub fn begin(address: SocketAddr) -> TcpStream {
    let mut stream = raw::connect(address);
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").expect("the host reads");
    write_frame(&mut stream, SETTINGS, 0, CONNECTION, &[]);
    stream
}

/// Send pieces, of which the last ends the stream.
pub fn send(stream: &mut TcpStream, pieces: &[Piece]) {
    for (number, piece) in pieces.iter().enumerate() {
        let end = if number + 1 == pieces.len() { END_STREAM } else { 0 };
        send_piece(stream, piece, end);
    }
}

/// Send pieces of a stream that goes on.
pub fn send_open(stream: &mut TcpStream, pieces: &[Piece]) {
    pieces.iter().for_each(|piece| send_piece(stream, piece, 0));
}

fn send_piece(stream: &mut TcpStream, piece: &Piece, end: u8) {
    match piece {
        Piece::Fields(fields) => {
            let block = block(fields);
            let count = block.len().div_ceil(LARGEST_FRAME);
            for (number, part) in block.chunks(LARGEST_FRAME).enumerate() {
                let (kind, end) = if number == 0 { (HEADERS, end) } else { (CONTINUATION, 0) };
                let whole = if number + 1 == count { END_HEADERS } else { 0 };
                write_frame(stream, kind, end | whole, STREAM, part);
            }
        }
        Piece::Data(data) => write_frame(stream, DATA, end, STREAM, data.as_bytes()),
        Piece::Reset(reason) => write_frame(stream, RST_STREAM, 0, STREAM, &reason.to_be_bytes()),
    }
}

/// Read up to the end of the stream.
pub fn outcome(stream: &mut TcpStream) -> Outcome {
    let (mut status, mut body) = (0, Vec::new());
    loop {
        let (kind, flags, id, payload) = read_frame(stream);
        match (kind, id) {
            (SETTINGS, _) if flags & ACK == 0 => write_frame(stream, SETTINGS, ACK, CONNECTION, &[]),
            (GOAWAY, _) => return Outcome::GoneAway(number(&payload[4..8])),
            (RST_STREAM, STREAM) => return Outcome::Reset(number(&payload)),
            (HEADERS, STREAM) if status == 0 => status = status_of(&payload),
            (DATA, STREAM) => body.extend(payload),
            _ => {}
        }
        if id == STREAM && matches!(kind, HEADERS | DATA) && flags & END_STREAM != 0 {
            return Outcome::Answered(status, String::from_utf8_lossy(&body).into_owned());
        }
    }
}

fn write_frame(stream: &mut TcpStream, kind: u8, flags: u8, id: u32, payload: &[u8]) {
    let length = &(payload.len() as u32).to_be_bytes()[1..];
    let frame = [length, &[kind, flags], &id.to_be_bytes(), payload].concat();
    // Where the other side has closed it is read why.
    let _ = stream.write_all(&frame);
}

fn read_frame(stream: &mut TcpStream) -> (u8, u8, u32, Vec<u8>) {
    let mut head = [0; 9];
    stream.read_exact(&mut head).expect("another frame");
    let mut payload = vec![0; number(&head[..3]) as usize];
    stream.read_exact(&mut payload).expect("a whole frame");
    (head[3], head[4], number(&head[5..]), payload)
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

/// Fields as HPACK has them, each a literal that nobody remembers (RFC 7541, section
/// 6.2.2).
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            push_length(&mut block, text.len());
            block.extend(text.bytes());
        }
    }
    block
}

/// A length of seven bits, and more behind it if it has (RFC 7541, section 5.1).
fn push_length(block: &mut Vec<u8>, length: usize) {
    let Some(mut rest) = length.checked_sub(127) else { return block.push(length as u8) };
    block.push(127);
    while rest >= 128 {
        block.push(rest as u8 | 128);
        rest >>= 7;
    }
    block.push(rest as u8);
}

/// The status, which is the first field of an answer: one of the static table, or three
/// digits by the code of RFC 7541, appendix B.
fn status_of(block: &[u8]) -> u16 {
    let known = [200, 204, 206, 304, 400, 404, 500];
    if let Some(status) = block[0].checked_sub(0x88).and_then(|place| known.get(usize::from(place))) {
        return *status;
    }
    let (length, coded) = (usize::from(block[1] & 127), &block[2..]);
    if block[1] & 128 == 0 {
        return std::str::from_utf8(&coded[..length]).expect("digits").parse().expect("a status");
    }
    let mut bits = u32::from_be_bytes([coded[0], coded[1], if length > 2 { coded[2] } else { 255 }, 255]);
    (0..3).fold(0, |status, _| {
        let (digit, width) = match bits >> 27 {
            short @ 0..=2 => (short, 5),
            _ => ((bits >> 26) - 0b01_1001 + 3, 6),
        };
        bits <<= width;
        status * 10 + digit as u16
    })
}
