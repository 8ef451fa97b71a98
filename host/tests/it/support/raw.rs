//! Bytes over a socket, for what a well-behaved client would not send.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
};

use super::PATIENCE;

/// Send bytes as they are, and return all that comes back until the other side
/// closes.
pub fn exchange(address: SocketAddr, bytes: impl AsRef<[u8]>) -> String {
    let mut stream = connect(address);
    // The other side may answer and close before it has read all.
    let _ = stream.write_all(bytes.as_ref());
    read_all(stream)
}

/// A connection whose reads fail where nothing comes.
pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the host listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// Read up to the first place where this text ends.
pub fn read_to(stream: &mut TcpStream, end: &str) -> String {
    let mut received = Vec::new();
    while !received.ends_with(end.as_bytes()) {
        let mut byte = [0];
        let read = stream.read_exact(&mut byte);
        read.unwrap_or_else(|error| panic!("{error} after {:?}", String::from_utf8_lossy(&received)));
        received.extend(byte);
    }
    String::from_utf8_lossy(&received).into_owned()
}

/// Read until the other side closes.
pub fn read_all(mut stream: TcpStream) -> String {
    let (mut received, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => received.extend_from_slice(&buffer[..length]),
            // What a close looks like that left something unread.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&received)),
        }
    }
    String::from_utf8_lossy(&received).into_owned()
}

/// Read so many bytes.
pub fn read_bytes(stream: &mut TcpStream, count: usize) -> Vec<u8> {
    let mut received = vec![0; count];
    stream.read_exact(&mut received).expect("as many bytes as were announced");
    received
}
