//! Networks of addresses, as people write them.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Invalid;

const HELP: &str = "write addresses and networks, as in \"10.0.0.0/8\", \"192.168.7.2\", \"fd00::/8\" or \"::1\"";

/// Reads a network, as `10.0.0.0/8`, or a single address.
pub(super) fn network(text: &str) -> Result<IpNet, Invalid> {
    let network = match (text.parse::<IpNet>(), text.parse::<IpAddr>()) {
        (Ok(network), _) => network,
        (_, Ok(address)) => address.into(),
        _ => return Err(refused(text)),
    };
    if let Some(plain) = of_ipv4(network) {
        let reason = "is a network of IPv4 in the form of IPv6, in which no address is compared";
        return Err(Invalid::new(reason, format!("write \"{}\"", shown(plain))));
    }
    if network.trunc() != network {
        let (whole, address) = (network.trunc(), network.addr());
        let help = format!("write \"{whole}\" for the network, or \"{address}\" for this address alone");
        return Err(Invalid::new("has bits set behind its prefix", help));
    }
    Ok(network)
}

/// What is wrong with what is no network, and what was meant.
fn refused(text: &str) -> Invalid {
    let no_network = || Invalid::new("is no address and no network", HELP);
    let Some((address, prefix)) = text.split_once('/') else { return no_network() };
    let Ok(address) = address.parse::<IpAddr>() else { return no_network() };
    if let Ok(mask) = prefix.parse::<IpAddr>() {
        return match IpNet::with_netmask(address, mask) {
            Ok(network) => Invalid::new("has a mask and no prefix", format!("write \"{}\"", network.trunc())),
            Err(_) => no_network(),
        };
    }
    let longest = IpNet::from(address).prefix_len();
    Invalid::new("has a prefix that does not exist", format!("write a number from 0 to {longest} behind the `/`"))
}

/// What a network of IPv6 is that stands for addresses of IPv4.
fn of_ipv4(network: IpNet) -> Option<IpNet> {
    let IpNet::V6(network) = network else { return None };
    let address = network.addr().to_ipv4_mapped()?;
    IpNet::new(address.into(), network.prefix_len().checked_sub(96)?).ok().map(|network| network.trunc())
}

/// A network as it is written shortest.
fn shown(network: IpNet) -> String {
    match network.prefix_len() == network.max_prefix_len() {
        true => network.addr().to_string(),
        false => network.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_and_addresses_are_read() {
        for (text, read) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("127.0.0.1", "127.0.0.1/32"),
            ("::1", "::1/128"),
            ("fd00::/8", "fd00::/8"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(network(text).map(|network| network.to_string()), Ok(read.to_owned()));
        }
    }

    #[test]
    fn other_texts_are_refused_with_what_was_meant() {
        for (text, reason, help) in [
            ("10.0.0.1/8", "has bits set", "write \"10.0.0.0/8\" for the network, or \"10.0.0.1\" for"),
            ("fd00::1/8", "has bits set", "write \"fd00::/8\""),
            ("10.0.0.0/33", "has a prefix that", "from 0 to 32"),
            ("::1/129", "has a prefix that", "from 0 to 128"),
            ("10.0.0.0/", "has a prefix that", "from 0 to 32"),
            ("10.0.0.0/255.0.0.0", "has a mask", "write \"10.0.0.0/8\""),
            ("10.0.0.0/255.0.255.0", "is no address", "as in"),
            ("::ffff:10.0.0.0/104", "is a network of IPv4", "write \"10.0.0.0/8\""),
            ("::ffff:10.0.0.7", "is a network of IPv4", "write \"10.0.0.7\""),
            ("localhost", "is no address", "as in"),
            ("10.*", "is no address", "as in"),
            ("[::1]", "is no address", "as in"),
            ("", "is no address", "as in"),
        ] {
            let refused = network(text).err().unwrap_or_else(|| panic!("{text} is taken"));
            assert!(refused.reason.starts_with(reason) && refused.help.contains(help), "{text}: {refused}");
        }
    }
}
