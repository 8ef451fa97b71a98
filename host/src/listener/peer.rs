//! Who is at the other end of a connection.

use std::net::IpAddr;

use http::{HeaderValue, uri::Scheme};

/// The address that a connection comes from.
#[derive(Clone, Debug)]
pub struct Peer {
    address: IpAddr,
    /// The same, made once for all requests of the connection.
    shown: HeaderValue,
    /// Whether what it sends is encrypted.
    is_secure: bool,
}

impl Peer {
    /// The peer at this address. One of IPv4 that came to a socket of IPv6 is shown as
    /// what it is.
    pub fn new(address: IpAddr) -> Peer {
        let address = address.to_canonical();
        // An address has no byte that a header may not have.
        let shown = HeaderValue::try_from(address.to_string()).unwrap_or_else(|_| HeaderValue::from_static("unknown"));
        Peer { address, shown, is_secure: false }
    }

    /// A client at this address, whose requests come by this connection.
    pub fn of(&self, client: IpAddr) -> Peer {
        Peer { is_secure: self.is_secure, ..Peer::new(client) }
    }

    /// The same over TLS.
    pub fn secure(self) -> Peer {
        Peer { is_secure: true, ..self }
    }

    /// The scheme of what it asks for.
    pub fn scheme(&self) -> Scheme {
        if self.is_secure { Scheme::HTTPS } else { Scheme::HTTP }
    }

    /// Its address.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Its address as a header's value, without port.
    pub fn shown(&self) -> &HeaderValue {
        &self.shown
    }
}

#[cfg(test)]
mod tests {
    use super::Peer;

    #[test]
    fn an_address_is_shown_as_what_it_is() {
        for (address, shown) in [
            ("127.0.0.1", "127.0.0.1"),
            ("::1", "::1"),
            ("::ffff:10.0.0.7", "10.0.0.7"),
            ("2001:DB8::1", "2001:db8::1"),
        ] {
            let peer = address.parse().map(Peer::new);
            assert!(peer.is_ok_and(|peer| peer.shown() == shown && peer.address().to_string() == shown), "{address}");
        }
    }
}
