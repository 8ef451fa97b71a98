//! The host that a route is for.

use std::{borrow::Cow, fmt, net::Ipv6Addr, str::FromStr};

use crate::Invalid;

/// A host by its name, or all whose names end with one: `shop.example`, `*.example.com`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Host {
    /// This one, [normalised](normal).
    Exact(Box<str>),
    /// All below this one, however many parts more they have.
    Below(Box<str>),
}

impl FromStr for Host {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (below, name) = match text.strip_prefix("*.") {
            Some(name) => (true, name),
            None => (false, text),
        };
        if let Some(address) = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let address =
                address.parse::<Ipv6Addr>().map_err(|_| Invalid::new("has no IPv6 address in brackets", NAME))?;
            return match below {
                true => Err(Invalid::new("has `*` before an address", NAME)),
                false => Ok(Host::Exact(format!("[{address}]").into())),
            };
        }
        if name.contains(':') {
            let help = "leave the port out: a host is matched by its name";
            return Err(Invalid::new("has a port", help));
        }
        if name.contains('*') {
            return Err(Invalid::new("has `*` within a host", "let `*` be the first part, as in \"*.example.com/*\""));
        }
        let name = normal(name);
        let is_part = |part: &str| {
            let fits = (1..=63).contains(&part.len()) && !part.starts_with('-') && !part.ends_with('-');
            fits && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        };
        if name.len() > 253 || !name.split('.').all(is_part) {
            return Err(Invalid::new(format!("has the host `{text}`, which is no name"), NAME));
        }
        Ok(if below { Host::Below(name.into()) } else { Host::Exact(name.into()) })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Exact(name) => f.write_str(name),
            Host::Below(name) => write!(f, "*.{name}"),
        }
    }
}

/// What a host is.
const NAME: &str = "write a name of letters, digits, `-` and `.`, as in \"shop.example/orders\"";

/// The name of an authority in the one form in which all that are alike agree: in lower case,
/// without a port, and without the dot that ends a name which is whole.
pub(crate) fn normal(authority: &str) -> Cow<'_, str> {
    let name = match authority.rfind(':') {
        // Within brackets it is a part of the address.
        Some(colon) if !authority[colon..].contains(']') => &authority[..colon],
        _ => authority,
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    match name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(name.to_ascii_lowercase()),
        false => Cow::Borrowed(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_compared_by_name_alone() {
        for (authority, name) in [
            ("a.example", "a.example"),
            ("A.Example:8080", "a.example"),
            ("a.example.", "a.example"),
            ("a.example.:80", "a.example"),
            ("a.example:", "a.example"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
            ("", ""),
        ] {
            assert_eq!(normal(authority), name);
        }
    }
}
