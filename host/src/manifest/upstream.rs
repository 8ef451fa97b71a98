//! Services that are no components: where they are, and how they are asked.

use std::{fmt, net::IpAddr, path::PathBuf, str::FromStr, time::Duration};

use http::{HeaderValue, Uri};

use super::{Invalid, RouteManifest, names};

/// One `[upstream.NAME]` table.
#[derive(Debug, Clone)]
pub struct UpstreamManifest {
    /// The name it goes by in the log, and wherever services are shown.
    pub name: String,
    /// Where it is: at least one, of which any will do.
    pub origins: Vec<Origin>,
    /// Which requests the gateway gives to it.
    pub routes: Vec<RouteManifest>,
    /// Whose name it is asked by.
    pub host: HostName,
    /// Who may vouch for it over TLS, instead of those that the system trusts; joined to the
    /// manifest's folder.
    pub ca: Option<PathBuf>,
    /// The most requests that it has at once.
    pub connections: u32,
    /// How it is asked whether it is well, if it is.
    pub health: Option<Health>,
}

/// What an upstream reads in `Host`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostName {
    /// The host that the client asked for.
    Client,
    /// That of its own URL.
    Upstream,
}

/// How an upstream is asked whether it is well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// What it is asked for; an answer from 200 to 399 is a good one.
    pub path: Uri,
    /// How long after an answer it is asked again.
    pub every: Duration,
}

/// A server of HTTP: `http://HOST:PORT`, or `https` with TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Whether it speaks TLS.
    pub is_secure: bool,
    /// A name in lower case, or an address without brackets.
    pub host: String,
    /// The URL's port, or that of the scheme.
    pub port: u16,
    /// Host and port as `Host` has them: without the port of the scheme.
    pub authority: HeaderValue,
}

const HELP: &str = "write \"http://127.0.0.1:5001\", or \"https://users.example\"";

impl Origin {
    /// Its address, if that is what its host is.
    pub fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

impl FromStr for Origin {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Origin, Invalid> {
        let (scheme, rest) = text.split_once("://").ok_or_else(|| Invalid::new("is no URL of a server", HELP))?;
        let is_secure = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err(Invalid::new("is neither of http nor of https", HELP)),
        };
        if rest.contains('@') {
            let help = "leave it out: what a server asks for in headers is its clients' to send";
            return Err(Invalid::new("has a user, whom nobody is told of", help));
        }
        let (server, more) = rest.find(['/', '?', '#']).map_or((rest, ""), |end| rest.split_at(end));
        if !matches!(more, "" | "/") {
            let help = format!("write \"{scheme}://{server}\": paths reach it as they came");
            return Err(Invalid::new("has more than a server", help));
        }
        let (host, port) = host_and_port(server)?;
        let usual = if is_secure { 443 } else { 80 };
        let port = port.unwrap_or(usual);
        let shown = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let authority = if port == usual { shown } else { format!("{shown}:{port}") };
        let authority = HeaderValue::from_str(&authority).map_err(|_| Invalid::new("names no host", HELP))?;
        Ok(Origin { is_secure, host, port, authority })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_secure { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority.to_str().unwrap_or_default())
    }
}

fn host_and_port(text: &str) -> Result<(String, Option<u16>), Invalid> {
    let (host, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((address, port)) if address.parse::<std::net::Ipv6Addr>().is_ok() => (address, port),
        Some(_) => return Err(Invalid::new("has brackets without an IPv6 address", HELP)),
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let host = host.to_ascii_lowercase();
    if host.parse::<IpAddr>().is_err() && !names::is_host(&host) {
        return Err(Invalid::new("names no host", HELP));
    }
    let digits = match port.strip_prefix(':') {
        None if port.is_empty() => return Ok((host, None)),
        digits => digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit())),
    };
    let port = digits.and_then(|digits| digits.parse().ok()).filter(|port| *port != 0);
    let wrong = || Invalid::new("has a port that is no number from 1 to 65535", HELP);
    Ok((host, Some(port.ok_or_else(wrong)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_read_as_what_it_is() -> Result<(), Box<dyn std::error::Error>> {
        for (text, is_secure, host, port, shown) in [
            ("http://127.0.0.1:5001", false, "127.0.0.1", 5001, "http://127.0.0.1:5001"),
            ("HTTPS://Users.Example/", true, "users.example", 443, "https://users.example"),
            ("http://users:80", false, "users", 80, "http://users"),
            ("https://[::1]:8443", true, "::1", 8443, "https://[::1]:8443"),
        ] {
            let origin: Origin = text.parse()?;
            assert_eq!((origin.is_secure, &*origin.host, origin.port), (is_secure, host, port), "{text}");
            assert_eq!(origin.to_string(), shown);
        }
        Ok(())
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for text in [
            "users",
            "ftp://users",
            "http://",
            "http://:80",
            "http://a@users",
            "http://users/v1",
            "http://users?a",
            "http://users#a",
            "http://users:",
            "http://users:0",
            "http://users:65536",
            "http://users:+80",
            "http://[users]",
            "http://::1",
            "http://us ers",
            "http://[::1]80",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }
}
