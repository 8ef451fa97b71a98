//! What brokers call an event.

use std::fmt;

use crate::message::StableHash;

/// The longest that a key may be in a name: AMQP has room for 255 bytes in all.
const LONGEST: usize = 128;

/// The name of an event at a broker, `shop.orders.events`: its interface without a version,
/// which stands in each message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(String);

impl Address {
    /// That of an interface, as a manifest has it.
    pub fn of(interface: &str) -> Address {
        let path = interface.split('@').next().unwrap_or_default();
        Address(path.replace([':', '/'], "."))
    }

    /// With dashes for its dots, where those mean something.
    pub fn dashed(&self) -> String {
        self.0.replace('.', "-")
    }

    /// What follows the address of a message, `placed.7`: function and key.
    pub fn rest(function: &str, key: Option<&str>) -> String {
        match key.map(token).filter(|token| !token.is_empty()) {
            Some(token) => format!("{function}.{token}"),
            None => function.to_owned(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A key as a part of a name: letters, digits, dashes and underscores stay, every other byte
/// is a percent sign and two digits. One that is too long is its hash.
fn token(key: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let part = |byte: u8| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    let token: String = key.bytes().map(part).collect();
    if token.len() > LONGEST { StableHash::of(key).to_string() } else { token }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_one_name_whatever_its_version() {
        for interface in ["shop:orders/events@0.1.0", "shop:orders/events"] {
            let address = Address::of(interface);
            assert_eq!(
                (address.to_string(), address.dashed()),
                ("shop.orders.events".into(), "shop-orders-events".into())
            );
        }
    }

    #[test]
    fn a_key_is_one_part_of_a_name() {
        for (key, rest) in [
            (None, "placed"),
            (Some(""), "placed"),
            (Some("7"), "placed.7"),
            (Some("a.b *>"), "placed.a%2Eb%20%2A%3E"),
            (Some("é"), "placed.%C3%A9"),
        ] {
            assert_eq!(Address::rest("placed", key), rest);
        }
        let long = "x".repeat(LONGEST + 1);
        assert_eq!(Address::rest("placed", Some(&long)), format!("placed.{}", StableHash::of(&long)));
    }
}
