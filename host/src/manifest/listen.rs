//! Where to listen.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};

use super::{Invalid, names};

/// An address and a port to listen on, or a name that stands for addresses of this
/// machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAddress {
    host: Host,
    /// 0 picks a free one.
    port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    Address(IpAddr),
    /// In lower case.
    Name(String),
}

impl ListenAddress {
    /// The port; 0 is any free one.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The name, if it is no address.
    pub fn name(&self) -> Option<&str> {
        match &self.host {
            Host::Address(_) => None,
            Host::Name(name) => Some(name),
        }
    }

    /// The addresses that it stands for now, each once. It may wait for DNS.
    pub fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        let found: Vec<SocketAddr> = match &self.host {
            Host::Address(ip) => vec![SocketAddr::new(*ip, self.port)],
            Host::Name(name) => (name.as_str(), self.port).to_socket_addrs()?.collect(),
        };
        let mut addresses = Vec::with_capacity(found.len());
        for address in found {
            // One that stands twice in /etc/hosts is found twice.
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        match addresses.is_empty() {
            true => Err(io::Error::other("the name has no address")),
            false => Ok(addresses),
        }
    }

    /// How this machine reaches it.
    pub fn reached(&self) -> String {
        let host = match &self.host {
            Host::Address(IpAddr::V4(ip)) if ip.is_unspecified() => Host::Address(Ipv4Addr::LOCALHOST.into()),
            Host::Address(IpAddr::V6(ip)) if ip.is_unspecified() => Host::Address(Ipv6Addr::LOCALHOST.into()),
            host => host.clone(),
        };
        ListenAddress { host, port: self.port }.to_string()
    }

    /// Whether it stays on this machine, as far as can be told without asking what a
    /// name stands for.
    fn may_be_loopback(&self) -> bool {
        match &self.host {
            Host::Address(ip) => ip.to_canonical().is_loopback(),
            Host::Name(_) => true,
        }
    }

    /// Whether two listeners cannot have both.
    pub fn clashes(&self, other: &ListenAddress) -> bool {
        self.port != 0 && self.port == other.port && (self.host.covers(&other.host) || other.host.covers(&self.host))
    }
}

impl Host {
    /// Whether whoever listens here takes what is sent there.
    fn covers(&self, other: &Host) -> bool {
        match (self, other) {
            (one, other) if one == other => true,
            // One for IPv6 takes IPv4, too.
            (Host::Address(IpAddr::V6(ip)), _) if ip.is_unspecified() => true,
            (Host::Address(IpAddr::V4(ip)), Host::Address(IpAddr::V4(_)) | Host::Name(_)) => {
                ip.is_unspecified() || (ip.is_loopback() && other.is_localhost())
            }
            (Host::Address(IpAddr::V6(ip)), Host::Name(_)) => ip.is_loopback() && other.is_localhost(),
            _ => false,
        }
    }

    fn is_localhost(&self) -> bool {
        matches!(self, Host::Name(name) if name == "localhost")
    }
}

/// As it was written.
impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Address(ip) => SocketAddr::new(*ip, self.port).fmt(f),
            Host::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

impl From<SocketAddr> for ListenAddress {
    fn from(address: SocketAddr) -> ListenAddress {
        ListenAddress { host: Host::Address(address.ip()), port: address.port() }
    }
}

/// Reads where the gateway listens: `127.0.0.1:8080`, `localhost:8080`.
pub fn listen_address(text: &str) -> Result<ListenAddress, Invalid> {
    address(text, 8080)
}

/// Reads where plain HTTP is answered: `0.0.0.0:80`, also as a URL has it.
pub fn redirect_address(text: &str) -> Result<ListenAddress, Invalid> {
    let bare = text.strip_prefix("http://").unwrap_or(text);
    address(bare.strip_suffix('/').filter(|_| bare.len() < text.len()).unwrap_or(bare), 80)
}

/// Reads where the admin API listens, whoever may reach it there.
pub fn any_admin_address(text: &str) -> Result<ListenAddress, Invalid> {
    address(text, 9090)
}

/// Reads an address, or says what was meant, with this port if there is none.
fn address(text: &str, usual: u16) -> Result<ListenAddress, Invalid> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(address.into());
    }
    let named = text.rsplit_once(':').and_then(|(name, port)| {
        let port = port.bytes().all(|digit| digit.is_ascii_digit()).then(|| port.parse().ok())??;
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        names::is_host(&name).then_some(ListenAddress { host: Host::Name(name), port })
    });
    named.ok_or_else(|| refused(text, usual))
}

/// Reads where the admin API listens. Whoever reaches that API can replace
/// services, so unless it asks for a token it stays on this machine. What a name
/// stands for is not asked here: see [`is_for_others`].
pub fn admin_address(text: &str, asks_for_token: bool) -> Result<ListenAddress, Invalid> {
    let address = any_admin_address(text)?;
    refuse_others(&address, asks_for_token)?;
    Ok(address)
}

/// Refuses an address for the admin API on which others reach it who may not.
pub fn refuse_others(address: &ListenAddress, asks_for_token: bool) -> Result<(), Invalid> {
    if asks_for_token || address.may_be_loopback() { Ok(()) } else { Err(is_for_others(address, None)) }
}

/// Why the admin API does not listen at an address without a token: other machines
/// reach it, by what its name stands for if it is a name.
pub fn is_for_others(address: &ListenAddress, by: Option<IpAddr>) -> Invalid {
    let what = by.map(|ip| format!("stands for {ip}, which ")).unwrap_or_default();
    Invalid::new(
        format!("{what}is no loopback address, and the admin API asks for no token"),
        format!(
            "write \"127.0.0.1:{}\", so that only this machine reaches it, or add to `[admin]` \
             `token_file = \"admin.token\"`, a file with a secret",
            address.port
        ),
    )
}

/// What is wrong with what is no address, and what was meant.
fn refused(text: &str, usual: u16) -> Invalid {
    let no_address = |help: String| Invalid::new("is not an address to listen on", help);
    if let Some((scheme, rest)) = text.split_once("://") {
        let address = rest.split(['/', '?', '#']).next().unwrap_or_default();
        // It may be a name and a password before an `@`.
        let help = match listen_address(address) {
            Ok(address) => format!("write \"{address}\", an address and a port alone"),
            Err(_) => USUAL.to_owned(),
        };
        let what = if matches!(scheme, "http" | "https") { "is a URL" } else { "has a scheme" };
        return Invalid::new(what, help);
    }
    if let Some(address) = text.strip_suffix('/').and_then(|text| listen_address(text).ok()) {
        return no_address(format!("write \"{address}\""));
    }
    if let Ok(port) = text.parse::<u16>() {
        return Invalid::new("is a port alone", format!("write \"127.0.0.1:{port}\""));
    }
    if let Ok(ip) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Invalid::new("has no port", format!("write \"{}\"", SocketAddr::new(ip, usual)));
    }
    match text.rsplit_once(':') {
        Some(("" | "*", port)) if port.parse::<u16>().is_ok() => {
            no_address(format!("write \"0.0.0.0:{port}\" for all of this machine's addresses"))
        }
        Some((ip, port)) if ip.parse::<Ipv6Addr>().is_ok() && port.parse::<u16>().is_ok() => {
            Invalid::new("has an IPv6 address without brackets", format!("write \"[{ip}]:{port}\""))
        }
        Some((host, port)) if is_host(host) && port.bytes().all(|digit| digit.is_ascii_digit()) => {
            Invalid::new("has a port that does not exist", "write a port from 0 to 65535; 0 picks a free one")
        }
        None if is_host(text) => Invalid::new("has no port", format!("write \"{text}:{usual}\"")),
        _ => no_address(USUAL.to_owned()),
    }
}

fn is_host(text: &str) -> bool {
    text.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() || names::is_host(&text.to_ascii_lowercase())
}

const USUAL: &str = "write an address, or a name of this machine, and a port, as in \"127.0.0.1:8080\", \
                     \"localhost:8080\" or \"[::1]:8080\"; port 0 picks a free one";

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use super::*;

    fn read(text: &str) -> ListenAddress {
        listen_address(text).expect("an address")
    }

    #[test]
    fn addresses_and_names_are_read_and_shown_as_written() {
        for text in ["0.0.0.0:80", "[::1]:0", "localhost:8080", "build-7.example.com:9090", "my_host:0"] {
            assert_eq!(read(text).to_string(), text);
        }
        assert_eq!(read("LocalHost.:80").to_string(), "localhost:80");
        for text in ["127.1.2.3:9090", "[::1]:9090", "localhost:9090"] {
            assert!(admin_address(text, false).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_name_is_all_of_its_addresses_once() {
        assert_eq!(read("[::1]:80").resolve().expect("it is one"), ["[::1]:80".parse().expect("an address")]);
        let found = read("localhost:8080").resolve().expect("every machine has it");
        assert!(found.iter().all(|address| address.ip().is_loopback() && address.port() == 8080), "{found:?}");
        assert!((1..).zip(&found).all(|(next, address)| !found[next..].contains(address)), "{found:?}");
        assert!(read("nowhere.invalid:80").resolve().is_err());
    }

    #[test]
    fn other_texts_are_refused_with_what_was_meant() {
        for (text, reason, help) in [
            (":8080", "is not an address", "write \"0.0.0.0:8080\" for all"),
            ("*:8080", "is not an address", "write \"0.0.0.0:8080\" for all"),
            ("8080", "is a port alone", "write \"127.0.0.1:8080\""),
            ("127.0.0.1", "has no port", "write \"127.0.0.1:8080\""),
            ("localhost", "has no port", "write \"localhost:8080\""),
            ("[::1]", "has no port", "write \"[::1]:8080\""),
            ("::1", "has no port", "write \"[::1]:8080\""),
            ("fe80::1:g", "is not an address", "as in \"127.0.0.1:8080\""),
            (
                "2001:db8:0:0:0:0:0:1:8080",
                "has an IPv6 address without brackets",
                "write \"[2001:db8:0:0:0:0:0:1]:8080\"",
            ),
            ("127.0.0.1:99999", "has a port that does not exist", "from 0 to 65535"),
            ("localhost:65536", "has a port that does not exist", "from 0 to 65535"),
            ("localhost:http", "is not an address", "as in \"127.0.0.1:8080\""),
            ("http://localhost:8080", "is a URL", "write \"localhost:8080\","),
            ("https://127.0.0.1:8080/", "is a URL", "write \"127.0.0.1:8080\","),
            ("http://localhost", "is a URL", "as in \"127.0.0.1:8080\""),
            ("http://anna:s3cret@localhost:8080", "is a URL", "as in \"127.0.0.1:8080\""),
            ("tcp://localhost:8080", "has a scheme", "write \"localhost:8080\","),
            ("localhost:8080/", "is not an address", "write \"localhost:8080\""),
            ("unix:/run/app.sock", "is not an address", "as in \"127.0.0.1:8080\""),
            ("my host:80", "is not an address", "as in \"127.0.0.1:8080\""),
            ("256.0.0.1:80", "is not an address", "as in \"127.0.0.1:8080\""),
            ("", "is not an address", "as in \"127.0.0.1:8080\""),
        ] {
            let refused = listen_address(text).expect_err(text);
            assert!(refused.reason.starts_with(reason), "{text}: {refused}");
            assert!(refused.help.contains(help) && !refused.help.contains("s3cret"), "{text}: {refused}");
        }
    }

    #[test]
    fn without_a_token_the_admin_api_stays_on_this_machine() {
        for text in ["0.0.0.0:9090", "[::]:9090", "192.168.0.2:9090", "[::ffff:10.0.0.1]:1"] {
            let refused = admin_address(text, false).map_err(|invalid| invalid.reason);
            assert!(refused.is_err_and(|reason| reason.contains("asks for no token")), "{text}");
            assert!(admin_address(text, true).is_ok(), "{text}");
        }
        for text in [":9090", "9090"] {
            assert!(admin_address(text, true).is_err(), "{text}");
        }
        let refused = is_for_others(&read("myhost:9090"), Some(IpAddr::from([10, 0, 0, 1])));
        assert!(refused.reason.starts_with("stands for 10.0.0.1, which is no loopback address"), "{refused}");
    }

    #[test]
    fn where_plain_http_is_answered_may_be_a_url() {
        for text in ["0.0.0.0:80", "http://0.0.0.0:80", "http://0.0.0.0:80/"] {
            assert_eq!(
                redirect_address(text).map(|address| address.to_string()),
                Ok("0.0.0.0:80".to_owned()),
                "{text}"
            );
        }
        for (text, help) in [
            ("http://localhost", "write \"localhost:80\""),
            ("https://0.0.0.0:80", "write \"0.0.0.0:80\","),
            ("0.0.0.0:80/", "write \"0.0.0.0:80\""),
        ] {
            let refused = redirect_address(text).expect_err(text);
            assert!(refused.help.contains(help), "{text}: {refused}");
        }
    }

    #[test]
    fn who_takes_anothers_requests_is_told() {
        for (one, other) in [
            ("127.0.0.1:1", "127.0.0.1:1"),
            ("0.0.0.0:1", "127.0.0.1:1"),
            ("[::]:1", "127.0.0.1:1"),
            ("[::]:1", "[::1]:1"),
            ("localhost:1", "127.0.0.1:1"),
            ("localhost:1", "[::1]:1"),
            ("0.0.0.0:1", "myhost:1"),
            ("localhost:1", "LOCALHOST:1"),
        ] {
            assert!(read(one).clashes(&read(other)) && read(other).clashes(&read(one)), "{one} {other}");
        }
        for (one, other) in [
            ("127.0.0.1:1", "127.0.0.1:2"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("127.0.0.1:1", "127.0.0.2:1"),
            ("127.0.0.1:1", "[::1]:1"),
            ("0.0.0.0:1", "[::1]:1"),
            ("localhost:1", "10.0.0.1:1"),
        ] {
            assert!(!read(one).clashes(&read(other)) && !read(other).clashes(&read(one)), "{one} {other}");
        }
    }
}
