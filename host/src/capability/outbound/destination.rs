//! Where a request goes: what its URL says, and what DNS says of that.

use std::{
    io,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    time::Duration,
};

use http::{Request, uri::Scheme};
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};
use wasmtime_wasi_http::Error;

use super::Grants;

/// How many names are looked up at once, for all services. Each has one of the threads
/// on which stores read, too, and gives it back when the system's resolver does, however
/// long ago its caller lost patience.
static LOOKUPS: Semaphore = Semaphore::const_new(64);

/// The server that a request is for.
pub struct Destination {
    /// `http` or `https`.
    pub scheme: &'static str,
    /// A name, or an address in brackets if it is IPv6.
    pub host: String,
    /// The URL's port, or that of the scheme.
    pub port: u16,
    /// How the URL has it, for the log.
    pub written: String,
}

impl Destination {
    /// `None` if the URL names no server, or somebody at it: HTTP has no such URLs
    /// (RFC 9110, 4.2.4), and readers disagree on where the name ends.
    pub fn of<B>(request: &Request<B>) -> Option<Destination> {
        let authority = request.uri().authority().filter(|authority| !authority.as_str().contains('@'))?;
        let scheme = match request.uri().scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => "https",
            _ => "http",
        };
        let port = match authority.port() {
            Some(port) => port.as_u16(),
            None if scheme == "https" => 443,
            None => 80,
        };
        let written = format!("{scheme}://{authority}");
        Some(Destination { scheme, host: authority.host().to_owned(), port, written })
    }

    /// Whether some entry of the manifest allows it.
    pub fn is_allowed(&self, grants: &Grants) -> bool {
        grants.outbound.iter().any(|entry| entry.allows(self.scheme, &self.host, self.port))
    }

    /// The addresses of the host, all of which it may go to. Whoever answers for a
    /// name in DNS must not lead a request that is allowed to where none is.
    pub async fn resolve(&self, grants: &Grants, patience: Duration) -> Result<Vec<SocketAddr>, Error> {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        let found = timeout(patience, lookup(host, self.port)).await;
        let found = found.map_err(|_| Error::DnsTimeout)?.map_err(Error::Connect)?;
        match found.iter().find(|address| !self.may_lead_to(grants, address.ip())) {
            None => Ok(found),
            Some(address) => {
                let (what, there) = (&self.written, format!("{}://{address}", self.scheme));
                grants.refuse(&format!("send a request to {what:?}, which leads to"), "outbound", &there);
                Err(Error::DestinationIpProhibited)
            }
        }
    }

    fn may_lead_to(&self, grants: &Grants, address: IpAddr) -> bool {
        let by_itself = address.to_string();
        grants.outbound.iter().any(|entry| {
            entry.allows(self.scheme, &self.host, self.port) && entry.may_lead_to(address)
                || entry.allows(self.scheme, &by_itself, self.port)
        })
    }
}

/// The addresses of a name, or the one that is written.
async fn lookup(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let (host, permit) = (host.to_owned(), LOOKUPS.acquire().await.map_err(io::Error::other)?);
    let looked_up = spawn_blocking(move || {
        let found = (host.as_str(), port).to_socket_addrs();
        drop(permit);
        found
    });
    Ok(looked_up.await.map_err(io::Error::other)??.collect())
}
