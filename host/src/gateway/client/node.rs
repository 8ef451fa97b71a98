//! A node in a list of those who asked: its address, with a port or without.

use std::net::IpAddr;

/// The address of a node as RFC 7239, section 6, has it, or as those write it who leave out
/// the brackets. None is what names no address: `unknown`, `_hidden`, or nothing known.
pub fn address(node: &str) -> Option<IpAddr> {
    let address = match node.strip_prefix('[') {
        Some(node) => {
            let (address, port) = node.split_once(']')?;
            let is_whole = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
            return parsed(address).filter(|address| is_whole && address.is_ipv6()).map(|it| it.to_canonical());
        }
        None => match node.split_once(':') {
            // Of IPv6 if there are more.
            Some((address, port)) if !port.contains(':') => Some(address).filter(|_| is_port(port))?,
            _ => node,
        },
    };
    parsed(address).map(|address| address.to_canonical())
}

fn parsed(address: &str) -> Option<IpAddr> {
    address.parse().ok()
}

/// Whether this is a port, or a name for one that is hidden.
fn is_port(port: &str) -> bool {
    let is_hidden = |name: &str| !name.is_empty() && name.bytes().all(is_in_name);
    match port.strip_prefix('_') {
        Some(name) => is_hidden(name),
        None => (1..=5).contains(&port.len()) && port.bytes().all(|digit| digit.is_ascii_digit()),
    }
}

fn is_in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn addresses_are_read_with_ports_and_without() {
        for (node, expected) in [
            ("192.0.2.7", "192.0.2.7"),
            ("192.0.2.7:4711", "192.0.2.7"),
            ("192.0.2.7:_port", "192.0.2.7"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:DB8::7]", "2001:db8::7"),
            ("[2001:db8::7]:4711", "2001:db8::7"),
            ("[::ffff:192.0.2.7]", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
        ] {
            assert_eq!(address(node).map(|found| found.to_string()).as_deref(), Some(expected), "{node}");
        }
    }

    #[test]
    fn what_names_no_address_is_none() {
        for node in [
            "",
            "unknown",
            "_hidden",
            "_",
            "a.example",
            "192.0.2",
            "192.0.2.7.1",
            "192.0.2.256",
            "192.0.2.07",
            "192.0.2.7:",
            "192.0.2.7:x",
            "192.0.2.7:123456",
            "192.0.2.7:_",
            "192.0.2.7 ",
            " 192.0.2.7",
            "192.0.2.7/8",
            "[192.0.2.7]",
            "[::1",
            "::1]",
            "[::1]x",
            "[::1]:",
            "[]",
            "fe80::1%eth0",
            "[fe80::1%1]",
            "3221225991",
            "0xc0000207",
            "\"192.0.2.7\"",
            "::1:x",
            "1.2.3.4:5:6",
        ] {
            assert_eq!(address(node), None, "{node:?}");
        }
    }
}
