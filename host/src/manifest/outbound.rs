//! Which hosts a service may call.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;
use std::str::FromStr;

use super::{Invalid, names};

#[cfg(test)]
mod tests;

/// One entry of `outbound`: a host, or hosts, that the service may call.
///
/// Without a scheme both `http` and `https` are allowed, without a port only
/// the scheme's own. `*.example.com` allows what is below `example.com`, not
/// itself; `*` allows every host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboundHost {
    written: String,
    scheme: Option<Scheme>,
    host: Host,
    port: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

/// Names are in lower case, without a dot at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    Any,
    Name(String),
    Below(String),
    Address(IpAddr),
}

const HELP: &str = "write a host, as in \"example.com\", \"*.example.com\", \"127.0.0.1:9000\", \"[::1]:8080\" or \"https://api.example.com\"";

impl OutboundHost {
    /// Whether a request with this scheme to this host and port is allowed.
    pub fn allows(&self, scheme: &str, host: &str, port: u16) -> bool {
        let Some(scheme) = Scheme::find(scheme) else {
            return false;
        };
        self.scheme.is_none_or(|allowed| allowed == scheme)
            && self.port.unwrap_or(scheme.port()) == port
            && self.host.matches(host)
    }

    /// Whether a host that it allows may be at this address. This machine's own
    /// addresses, and those of its link, where clouds keep their secrets, are behind
    /// no other name than `localhost`; they must be written themselves.
    pub fn may_lead_to(&self, address: IpAddr) -> bool {
        match &self.host {
            Host::Any | Host::Address(_) => true,
            Host::Name(name) | Host::Below(name) => is_localhost(name) || !is_own(address.to_canonical()),
        }
    }

    /// An entry that may not have been taken, without what is before its `@`: that is
    /// meant as a name and a password.
    pub(super) fn hide_user(text: &str) -> String {
        let mut shown = text.to_owned();
        if let Some(user) = Self::user(text) {
            shown.replace_range(user.clone(), &"*".repeat(user.len()));
        }
        shown
    }

    /// Where that is.
    pub(super) fn user(text: &str) -> Option<Range<usize>> {
        let begin = text.find("://").map_or(0, |scheme| scheme + 3);
        let end = text.rfind('@')?;
        (begin < end).then_some(begin..end)
    }

    /// The entry as it was written.
    pub fn as_str(&self) -> &str {
        &self.written
    }
}

impl fmt::Display for OutboundHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl FromStr for OutboundHost {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => {
                let found = Scheme::find(scheme).ok_or_else(|| {
                    Invalid::new(
                        format!("has the scheme `{scheme}`"),
                        "the schemes are http and https; without one both are allowed",
                    )
                })?;
                (Some(found), rest)
            }
            None => (None, text),
        };
        if rest.contains('@') {
            let help = "write a host alone, as in \"https://example.com\"; a name and a password are for the component \
                        to send";
            return Err(Invalid::new("has an `@`", help));
        }
        if let Some(end) = rest.find(['/', '?', '#']) {
            let kept = &text[..text.len() - rest.len() + end];
            return Err(Invalid::new("has more than a host", format!("write \"{kept}\"; hosts are allowed whole")));
        }
        let (host, port) = split_port(rest)?;
        Ok(Self { written: text.to_owned(), scheme, host: host.parse()?, port })
    }
}

impl Scheme {
    fn find(text: &str) -> Option<Self> {
        match () {
            _ if text.eq_ignore_ascii_case("http") => Some(Self::Http),
            _ if text.eq_ignore_ascii_case("https") => Some(Self::Https),
            _ => None,
        }
    }

    fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl Host {
    fn matches(&self, host: &str) -> bool {
        let name = normal(host);
        match self {
            Self::Any => true,
            Self::Name(allowed) => name == *allowed,
            Self::Below(domain) => {
                name.strip_suffix(domain.as_str()).is_some_and(|below| below.len() > 1 && below.ends_with('.'))
            }
            Self::Address(allowed) => address(host) == Some(*allowed),
        }
    }
}

impl FromStr for Host {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text == "*" {
            return Ok(Self::Any);
        }
        if let Some(address) = address(text) {
            return Ok(Self::Address(address));
        }
        let (name, below) = match text.strip_prefix("*.") {
            Some(domain) => (normal(domain), true),
            None => (normal(text), false),
        };
        if name.contains('*') {
            return Err(Invalid::new(
                "has `*` within a name",
                "`*` is all of a name, or its first part, as in \"*.example.com\"",
            ));
        }
        if !name.is_ascii() {
            return Err(Invalid::new("has letters that are not ASCII", "write the name as DNS has it, with `xn--`"));
        }
        if !names::is_host(&name) {
            return Err(Invalid::new("is not a host", HELP));
        }
        Ok(if below { Self::Below(name) } else { Self::Name(name) })
    }
}

/// The host, without brackets where it has any, and the port after it.
fn split_port(text: &str) -> Result<(&str, Option<u16>), Invalid> {
    if text.parse::<Ipv6Addr>().is_ok() {
        return Err(Invalid::new("has an IPv6 address without brackets", format!("write \"[{text}]\"")));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => return Ok((text, None)),
    };
    match port.parse() {
        Ok(number @ 1..) if port.bytes().all(|b| b.is_ascii_digit()) => Ok((host, Some(number))),
        _ => Err(Invalid::new(
            format!("has the port `{port}`, which does not exist"),
            "a port is a number from 1 to 65535",
        )),
    }
}

/// The address that `host` is, in brackets if it is IPv6. An IPv4 address in
/// IPv6 clothing counts as what it reaches.
fn address(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = match bare {
        Some(bare) => IpAddr::V6(bare.parse::<Ipv6Addr>().ok()?),
        None => match host.parse::<Ipv4Addr>() {
            Ok(address) => IpAddr::V4(address),
            Err(_) => IpAddr::V6(host.parse::<Ipv6Addr>().ok()?),
        },
    };
    Some(address.to_canonical())
}

/// Whether a name stands for this machine (RFC 6761).
fn is_localhost(name: &str) -> bool {
    name.strip_suffix("localhost").is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// Whether an address is of this machine, or of its link alone.
fn is_own(address: IpAddr) -> bool {
    let local = match address {
        IpAddr::V4(address) => address.is_link_local() || address.octets()[0] == 0,
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    local || address.is_loopback() || address.is_unspecified()
}

/// DNS takes names in any case, with or without the dot of the root.
fn normal(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}
