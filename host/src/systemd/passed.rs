//! Sockets that were bound before this process began.

use std::{
    env, io,
    net::{SocketAddr, TcpListener},
};

use listenfd::ListenFd;

/// A socket that listens.
#[derive(Debug)]
pub struct Passed {
    /// What its unit calls it, or the unit's own name; empty where nobody said.
    pub name: String,
    /// The socket.
    pub socket: TcpListener,
    /// Where it listens.
    pub address: SocketAddr,
}

/// A socket was passed that nobody can use.
#[derive(Debug, thiserror::Error)]
#[error(
    "the socket number {number}, {name:?}, that was passed to this process is none of TCP that listens; write \
     `ListenStream=` with a port, and no `Accept=yes`, in its unit"
)]
pub struct Unusable {
    number: usize,
    name: String,
    source: io::Error,
}

/// All that were passed to this process, in their order. They are this process's alone from
/// then on: what it starts does not have them, and who asks again finds none.
pub fn passed() -> Result<Vec<Passed>, Unusable> {
    let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut descriptors = ListenFd::from_env();
    let names = names.split(':').chain(std::iter::repeat(""));
    names.enumerate().take(descriptors.len()).map(|(place, name)| take(&mut descriptors, place, name)).collect()
}

fn take(descriptors: &mut ListenFd, place: usize, name: &str) -> Result<Passed, Unusable> {
    let taken = || {
        // None is taken twice.
        let socket = descriptors.take_tcp_listener(place)?.ok_or(io::ErrorKind::NotFound)?;
        if !rustix::net::sockopt::socket_acceptconn(&socket)? {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it does not listen"));
        }
        let address = socket.local_addr()?;
        Ok(Passed { name: name.to_owned(), socket, address })
    };
    let mut taken = taken;
    taken().map_err(|source| Unusable { number: place + 1, name: name.to_owned(), source })
}
