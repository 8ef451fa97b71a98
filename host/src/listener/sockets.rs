//! The sockets of a listener, one for each address of its name.

use std::{
    future::poll_fn,
    io::{self, ErrorKind},
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
    task::Poll,
};

use rustix::io::Errno;
use tokio::net::{TcpListener, TcpStream};

/// How often another free port is tried, where one is wanted that several addresses
/// have free.
const TRIES: usize = 16;

/// Bound addresses.
pub struct Sockets {
    /// At least one.
    sockets: Vec<TcpListener>,
    /// Who is asked first, so that a busy one keeps no other waiting.
    turn: AtomicUsize,
}

impl Sockets {
    /// Bind the addresses of each of these names. Port 0 is a free one for each.
    pub async fn of(names: &[Vec<SocketAddr>]) -> io::Result<Sockets> {
        let mut all = Sockets { sockets: Vec::new(), turn: AtomicUsize::new(0) };
        for addresses in names {
            match Sockets::bind(addresses).await {
                Ok(bound) => all.sockets.extend(bound.sockets),
                // The others of a name say it themselves.
                Err(error) if names.len() > 1 && addresses.len() == 1 => {
                    return Err(io::Error::new(error.kind(), format!("{}: {error}", addresses[0])));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }

    /// These, which are bound and listen; at least one.
    pub fn on(bound: &[std::net::TcpListener]) -> io::Result<Sockets> {
        let own = |socket: &std::net::TcpListener| {
            let socket = socket.try_clone()?;
            socket.set_nonblocking(true)?;
            TcpListener::from_std(socket)
        };
        let sockets = bound.iter().map(own).collect::<io::Result<_>>()?;
        Ok(Sockets { sockets, turn: AtomicUsize::new(0) })
    }

    /// Bind all of these addresses of one name and port, so that whichever of them a client's name leads to
    /// is answered. Those that this machine does not have are left out, as `::1` is on
    /// one without IPv6, unless nothing is left.
    async fn bind(addresses: &[SocketAddr]) -> io::Result<Sockets> {
        let wants_any = addresses.len() > 1 && addresses.iter().all(|address| address.port() == 0);
        for _ in 1..TRIES {
            match Sockets::bind_once(addresses).await {
                // The port that is free at the first address is not at another.
                Err(error) if wants_any && error.kind() == ErrorKind::AddrInUse => {}
                bound => return bound,
            }
        }
        Sockets::bind_once(addresses).await
    }

    async fn bind_once(addresses: &[SocketAddr]) -> io::Result<Sockets> {
        let (mut sockets, mut missing) = (Vec::<TcpListener>::new(), None);
        for address in addresses {
            let port = match sockets.first() {
                Some(first) => first.local_addr()?.port(),
                None => address.port(),
            };
            match TcpListener::bind(SocketAddr::new(address.ip(), port)).await {
                Ok(socket) => sockets.push(socket),
                Err(error) if addresses.len() == 1 => return Err(error),
                Err(error) if is_absent(&error) => missing = Some(error),
                Err(error) => return Err(io::Error::new(error.kind(), format!("{address}: {error}"))),
            }
        }
        match missing {
            Some(error) if sockets.is_empty() => Err(error),
            _ if sockets.is_empty() => Err(io::Error::other("there is no address")),
            _ => Ok(Sockets { sockets, turn: AtomicUsize::new(0) }),
        }
    }

    /// Where they listen; the port is a real one even if 0 was asked for.
    pub fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        self.sockets.iter().map(TcpListener::local_addr).collect()
    }

    /// The next connection of any of them, and where it is from. It may be given up while
    /// it waits, and nothing is lost. One task alone may wait.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        if let [only] = &self.sockets[..] {
            return only.accept().await;
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        poll_fn(|context| {
            let (before, after) = self.sockets.split_at(turn % self.sockets.len());
            for socket in after.iter().chain(before) {
                if let Poll::Ready(accepted) = socket.poll_accept(context) {
                    return Poll::Ready(accepted);
                }
            }
            Poll::Pending
        })
        .await
    }
}

/// Whether the machine has no such address, or no addresses of that kind at all.
fn is_absent(error: &io::Error) -> bool {
    let families = [Errno::AFNOSUPPORT, Errno::ADDRNOTAVAIL, Errno::PROTONOSUPPORT];
    Errno::from_io_error(error).is_some_and(|error| families.contains(&error))
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().expect("an address")).collect()
    }

    #[tokio::test]
    async fn each_address_is_listened_on_and_takes_its_turn() {
        let sockets = Sockets::bind(&addresses(&["127.0.0.1:0", "127.0.0.2:0"])).await.expect("there is a free port");
        let bound = sockets.addresses().expect("they are bound");
        assert_eq!(bound.iter().map(SocketAddr::port).collect::<Vec<_>>(), [bound[0].port(); 2]);
        let mut clients = Vec::new();
        for address in [bound[0], bound[0], bound[1], bound[1]] {
            clients.push(TcpStream::connect(address).await.expect("it listens"));
        }
        let mut accepted = Vec::new();
        for _ in 0..4 {
            let (stream, _) = sockets.accept().await.expect("there is one");
            accepted.push(stream.local_addr().expect("it is connected"));
        }
        assert_eq!(accepted, [bound[0], bound[1], bound[0], bound[1]]);
    }

    #[tokio::test]
    async fn an_address_that_the_machine_lacks_is_left_out_unless_it_is_all() {
        // Of a range that nobody has yet (RFC 1112).
        let sockets = Sockets::bind(&addresses(&["240.0.0.1:0", "127.0.0.1:0"])).await.expect("one is there");
        assert_eq!(sockets.addresses().expect("it is bound").len(), 1);
        for none in [&["240.0.0.1:0"][..], &["240.0.0.1:0", "240.0.0.2:0"]] {
            let error = Sockets::bind(&addresses(none)).await.err().expect("it is not there");
            assert_eq!(error.kind(), ErrorKind::AddrNotAvailable, "{error}");
        }
    }

    #[tokio::test]
    async fn each_name_has_a_port_of_its_own() {
        let names = [addresses(&["127.0.0.1:0", "127.0.0.2:0"]), addresses(&["127.0.0.1:0"])];
        let bound = Sockets::of(&names).await.expect("there are free ports").addresses().expect("they are bound");
        assert!(bound[0].port() == bound[1].port() && bound[0].port() != bound[2].port(), "{bound:?}");
        let names = [addresses(&["127.0.0.1:0"]), vec![bound[2]]];
        let taken = TcpListener::bind(bound[2]).await.expect("it was given back");
        let error = Sockets::of(&names).await.err().expect("one is taken");
        assert!(error.to_string().starts_with(&format!("{}: ", bound[2])), "{error}");
        drop(taken);
    }

    #[tokio::test]
    async fn an_address_that_is_taken_is_named() {
        let taken = TcpListener::bind("127.0.0.2:0").await.expect("there is a free port");
        let port = taken.local_addr().expect("it is bound").port();
        let wanted = [format!("127.0.0.1:{port}"), format!("127.0.0.2:{port}")];
        let error = Sockets::bind(&addresses(&[&wanted[0], &wanted[1]])).await.err().expect("one is taken");
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert!(error.to_string().starts_with(&wanted[1]), "{error}");
    }
}
