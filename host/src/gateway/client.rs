//! Whose request it is: what its connection shows, or what proxies say that are trusted.
//!
//! A proxy adds to the list of those who asked it, so that its own word is the last. The
//! list is read from there: whoever is trusted is believed of who asked it, and the client
//! is the first who is not. What is further to the left came from the client and is nobody's
//! word. `X-Forwarded-…` goes before `Forwarded`, since most proxies write the one, and many
//! pass the other on as a client sent it; where there is a field of the one kind, none of the
//! other is read.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue, uri::Scheme};
use ipnet::IpNet;

use self::chain::Said;
use crate::{listener::Peer, service::REQUEST_ID};

mod chain;
mod element;
mod node;
mod request_id;

/// Who asks, and for what.
pub struct Client {
    /// As if the connection, by the scheme that it has, came from there.
    pub peer: Peer,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// What it asked for, where the request does not say so itself.
    pub host: Option<HeaderValue>,
    /// Whether a proxy that is trusted asks for it.
    pub is_of_proxy: bool,
    /// By what its request is known: visible ASCII.
    pub id: HeaderValue,
}

impl Client {
    /// The client of a request that came from `peer`. Unless that is in one of the `trusted`
    /// networks the headers say nothing of it.
    pub fn of(headers: &HeaderMap, peer: &Peer, trusted: &[IpNet]) -> Client {
        let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
        let is_of_proxy = is_trusted(peer.address());
        let (Said { address, scheme, host }, given) = match is_of_proxy {
            true => (chain::said(headers, is_trusted), request_id::given(headers)),
            false => (Said::default(), None),
        };
        Client {
            peer: address.map_or_else(|| peer.clone(), |address| peer.of(address)),
            scheme: scheme.unwrap_or(if peer.scheme() == Scheme::HTTPS { "https" } else { "http" }),
            host,
            is_of_proxy,
            id: given.unwrap_or_else(request_id::fresh),
        }
    }

    /// Its address.
    pub fn address(&self) -> IpAddr {
        self.peer.address()
    }
}
