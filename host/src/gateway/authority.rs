//! Whom a request asks. Its URL and its `Host` may both say so, and where they differ
//! one of those who read it is deceived.

use http::{HeaderMap, HeaderValue, Request, StatusCode, Uri, Version, header, uri::Scheme};

use super::refused::Refused;

/// The host that a request of this scheme asks for, or what is wrong with how it says so.
pub fn of<B>(request: &Request<B>, scheme: &Scheme) -> Result<HeaderValue, Refused> {
    check_scheme(request.uri(), scheme)?;
    let host = only_host(request.headers())?;
    let url = request.uri().authority();
    match (url, host) {
        (Some(url), host) => {
            if url.as_str().contains('@') {
                return Err(Refused::bad("The URL must not name a user"));
            }
            if host.is_none() && request.version() == Version::HTTP_11 {
                // It needs one even where the URL has the same (RFC 9112, section 3.2).
                return Err(Refused::bad("The Host header is missing"));
            }
            check(url.as_str().as_bytes()).map_err(|fault| fault.in_url())?;
            // Two that name no host may differ, but that is not what is wrong with them.
            if let Some(host) = host {
                check(host.as_bytes()).map_err(|fault| fault.in_header())?;
                if !are_same(host.as_bytes(), url.as_str().as_bytes(), default_port(scheme)) {
                    return Err(Refused::bad("The Host header and the URL name different hosts"));
                }
            }
            HeaderValue::from_str(url.as_str()).map_err(|_| Refused::bad("The URL names no host"))
        }
        (None, Some(host)) => check(host.as_bytes()).map(|()| host.clone()).map_err(|fault| fault.in_header()),
        // It has no Host, and a component is always told one.
        (None, None) if request.version() < Version::HTTP_11 => Ok(HeaderValue::from_static("localhost")),
        (None, None) => Err(Refused::bad("The Host header is missing")),
    }
}

/// A request for `https` must have come that way (RFC 9110, section 7.4), and one for `http`
/// that did is told apart by nobody behind this.
fn check_scheme(uri: &Uri, came: &Scheme) -> Result<(), Refused> {
    let sentence = match uri.scheme() {
        None => return Ok(()),
        Some(scheme) if scheme == came => return Ok(()),
        Some(scheme) if *scheme == Scheme::HTTPS => "Only http is spoken here, not https",
        Some(scheme) if *scheme == Scheme::HTTP => "Only https is spoken here, not http",
        Some(_) if *came == Scheme::HTTPS => return Err(Refused::bad("The URL must begin with https://")),
        Some(_) => return Err(Refused::bad("The URL must begin with http://")),
    };
    Err(Refused { status: StatusCode::MISDIRECTED_REQUEST, sentence })
}

fn only_host(headers: &HeaderMap) -> Result<Option<&HeaderValue>, Refused> {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (host, None) => Ok(host),
        _ => Err(Refused::bad("The Host header is there more than once")),
    }
}

/// Whether two name the same host and port, where the port of the scheme need not be said
/// and an escape stands for what it means.
fn are_same(one: &[u8], other: &[u8], port: &str) -> bool {
    let ((one, its), (other, others)) = (parts(one, port), parts(other, port));
    (one.eq_ignore_ascii_case(other) || unescaped(one).eq_ignore_ascii_case(&unescaped(other))) && its == others
}

/// A host without the escapes of what needs none (RFC 3986, section 6.2.2.2). Those that are
/// left begin with a `%`, as nothing does that was put in the place of one.
fn unescaped(name: &[u8]) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::with_capacity(name.len()), name);
    while let [first, after @ ..] = rest {
        let (byte, after) = match escape(rest).filter(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(byte)) {
            Some(byte) => (byte, &rest[3..]),
            None => (*first, after),
        };
        bytes.push(byte);
        rest = after;
    }
    bytes
}

/// What the escape means that stands first.
fn escape(text: &[u8]) -> Option<u8> {
    let [b'%', digits @ ..] = text else { return None };
    u8::from_str_radix(str::from_utf8(digits.get(..2)?).ok()?, 16).ok()
}

/// A host, and its port without zeros before it.
fn parts<'a>(host: &'a [u8], usual: &'a str) -> (&'a [u8], &'a [u8]) {
    let (name, port) = match host.iter().rposition(|byte| *byte == b':') {
        Some(at) if host[at + 1..].iter().all(u8::is_ascii_digit) => (&host[..at], &host[at + 1..]),
        _ => (host, &b""[..]),
    };
    match port.iter().position(|digit| *digit != b'0') {
        Some(first) => (name, &port[first..]),
        None if port.is_empty() => (name, usual.as_bytes()),
        None => (name, b"0"),
    }
}

/// The port that a URL of this scheme need not say.
fn default_port(scheme: &Scheme) -> &'static str {
    if *scheme == Scheme::HTTPS { "443" } else { "80" }
}

/// What is wrong with a host and its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// It names none.
    Host,
    /// It names one, and behind it a port that is none.
    Port,
}

impl Fault {
    fn in_url(self) -> Refused {
        Refused::bad(match self {
            Fault::Host => "The URL names no host",
            Fault::Port => "The port in the URL is no number from 0 to 65535",
        })
    }

    fn in_header(self) -> Refused {
        Refused::bad(match self {
            Fault::Host => "The Host header names no host",
            Fault::Port => "The port in the Host header is no number from 0 to 65535",
        })
    }
}

/// Whether this names a host, with a port if there is one.
pub fn is_host(host: &[u8]) -> bool {
    check(host).is_ok()
}

/// Refuses what is no host, with a port if there is one (RFC 3986, section 3.2.2).
fn check(host: &[u8]) -> Result<(), Fault> {
    let (name, port) = match host.iter().rposition(|byte| *byte == b':') {
        // Within brackets it is a part of the address.
        Some(at) if !host[at..].contains(&b']') => (&host[..at], &host[at + 1..]),
        _ => (host, &b""[..]),
    };
    match (names_host(name), is_port(port)) {
        (true, true) => Ok(()),
        // Behind a user there is a host yet.
        (true, false) if !port.contains(&b'@') => Err(Fault::Port),
        _ => Err(Fault::Host),
    }
}

fn names_host(name: &[u8]) -> bool {
    match name {
        [b'[', address @ .., b']'] => str::from_utf8(address).is_ok_and(|it| it.parse::<std::net::Ipv6Addr>().is_ok()),
        name => !name.is_empty() && name.iter().all(|byte| is_in_name(*byte)) && has_whole_escapes(name),
    }
}

fn is_port(port: &[u8]) -> bool {
    port.is_empty() || str::from_utf8(port).is_ok_and(|it| !it.starts_with('+') && it.parse::<u16>().is_ok())
}

fn is_in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte)
}

fn has_whole_escapes(name: &[u8]) -> bool {
    let mut parts = name.split(|byte| *byte == b'%');
    parts.next();
    parts.all(|escaped| escaped.len() >= 2 && escaped[..2].iter().all(u8::is_ascii_hexdigit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_told_from_what_is_none() {
        for host in ["a", "A.example", "a:80", "a:", "127.0.0.1:8080", "[::1]", "[::1]:80", "a_b", "x%20y", "a,b", "1"]
        {
            assert_eq!(check(host.as_bytes()), Ok(()), "{host}");
        }
        for none in [
            "", ":80", ":b", "a b", "a@b", "a:b@c", "a:b:80", "a:80:80", "a/b", "a?b", "a#b", "::1", "[::1", "::1]",
            "[a]", "[]", "a%2", "a%zz", "a\t", "<a>", "a\\b", "\u{e4}",
        ] {
            assert_eq!(check(none.as_bytes()), Err(Fault::Host), "{none:?}");
        }
        for wrong in ["a:b", "a:+80", "a:65536", "a:-1", "[::1]:b", "127.0.0.1:http"] {
            assert_eq!(check(wrong.as_bytes()), Err(Fault::Port), "{wrong:?}");
        }
    }

    #[test]
    fn hosts_are_the_same_in_either_case_and_with_the_port_that_need_not_be_said() {
        for (one, other, same) in [
            ("a", "a", true),
            ("a", "A", true),
            ("a:80", "a", true),
            ("a:", "a", true),
            ("a80", "a", false),
            ("a:443", "a", false),
            ("a:0080", "a", true),
            ("a:08080", "A:8080", true),
            ("a:0", "a", false),
            ("a:0", "a:00", true),
            ("a:8080", "a", false),
            ("a", "b", false),
            ("[::1]:80", "[::1]", true),
            ("a.", "a", false),
            ("%61", "a", true),
            ("%41%2dB:80", "a-b", true),
            ("%61", "%41", true),
            ("%2c", "%2C", true),
            ("%2C", ",", false),
            ("%2561", "%61", false),
            ("%62", "a", false),
        ] {
            assert_eq!(are_same(one.as_bytes(), other.as_bytes(), "80"), same, "{one} {other}");
        }
    }
}
