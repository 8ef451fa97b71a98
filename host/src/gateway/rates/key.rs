//! What requests have in common that are counted together.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use sha2::{Digest, Sha256};

/// Whom, or what, a request is counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key<'a> {
    /// A client with an address of IPv4.
    V4(u32),
    /// A client with an address in this network of IPv6: one client has all of its 64 bits, and
    /// might have an address of its own for each request.
    V6(u64),
    /// A route.
    Route(&'a str),
    /// A field's value.
    Field(&'a [u8]),
}

impl Key<'_> {
    /// That of an address. One of IPv4 that is written as one of IPv6 is that of IPv4.
    pub fn of(address: IpAddr) -> Key<'static> {
        match address.to_canonical() {
            IpAddr::V4(address) => Key::V4(address.to_bits()),
            IpAddr::V6(address) => Key::V6(network(address)),
        }
    }
}

fn network(address: Ipv6Addr) -> u64 {
    let [a, b, c, d, ..] = address.segments().map(u64::from);
    a << 48 | b << 32 | c << 16 | d
}

/// As it is kept in the store: short, whatever it is, and no value of a field as it came.
impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, bytes) = match self {
            Key::V4(bits) => return write!(f, "4-{bits:08x}"),
            Key::V6(bits) => return write!(f, "6-{bits:016x}"),
            Key::Route(route) => ('r', route.as_bytes()),
            Key::Field(value) => ('f', *value),
        };
        write!(f, "{kind}-")?;
        Sha256::digest(bytes)[..16].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use super::*;

    #[test]
    fn one_client_has_one_key() {
        let key = |text: &str| Key::of(text.parse().expect("an address"));
        assert_eq!(key("192.0.2.1"), key("::ffff:192.0.2.1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
        assert_eq!(key("2001:db8:0:1::1"), key("2001:db8:0:1:ffff:ffff:ffff:ffff"));
        assert_ne!(key("2001:db8:0:1::1"), key("2001:db8:0:2::1"));
        assert_eq!(key("2001:db8:0:1::1").to_string(), "6-20010db800000001");
        assert_eq!(key("192.0.2.1").to_string(), "4-c0000201");
        assert_ne!(Key::Route("a").to_string(), Key::Field(b"a").to_string());
        assert_eq!(Key::Field(&[0xff; 9000]).to_string().len(), 34);
    }
}
