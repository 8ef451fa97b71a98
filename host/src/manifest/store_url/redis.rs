//! Where a Redis store is. As for PostgreSQL there is no place for a password.

use std::fmt;
use std::path::{Path, PathBuf};

use super::{Invalid, percent};

/// How a URL of this kind looks.
pub const FORM: &str = "redis://HOST:PORT/NUMBER";

const DEFAULT_PORT: u16 = 6379;

/// A database of a Redis server, in which a store's keys begin with `dovetail:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisUrl {
    /// Who logs in; the server's `default` if not said.
    pub user: Option<String>,
    /// The server's name or address.
    pub host: String,
    /// Where it listens.
    pub port: u16,
    /// The number of the database.
    pub database: u16,
    /// `rediss`: TLS with a server that has the name's certificate.
    pub tls: bool,
    /// `sslrootcert`: who may vouch for the server, in PEM, instead of those that
    /// the system trusts.
    pub root: Option<PathBuf>,
    /// `passfile`: the file that holds the password and nothing else.
    pub passfile: Option<PathBuf>,
}

impl RedisUrl {
    /// Reads what follows `redis:`, or `rediss:` if it is over TLS.
    pub(super) fn parse(rest: &str, tls: bool) -> Result<RedisUrl, Invalid> {
        let help = || format!("write \"{FORM}\"");
        let rest = rest.strip_prefix("//").ok_or_else(|| Invalid::new("has no `//` before its host", help()))?;
        let (address, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let (user, server) = address.rsplit_once('@').unwrap_or(("", address));
        if user.contains(':') {
            return Err(has_password());
        }
        let (host, database) = server.split_once('/').unwrap_or((server, ""));
        let (host, port) = host_and_port(host)?;
        let database = match database {
            "" => 0,
            number => {
                number.parse().map_err(|_| Invalid::new("has a database that is no number from 0 to 65535", help()))?
            }
        };
        let user = if user.is_empty() { None } else { Some(decoded(user)?) };
        let mut url = RedisUrl { user, host, port, database, tls, root: None, passfile: None };
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            url.take(parameter)?;
        }
        if url.root.is_some() && !tls {
            return Err(Invalid::new("has `sslrootcert`, but no TLS", "write \"rediss://…\", or leave it out"));
        }
        if url.user.is_some() && url.passfile.is_none() {
            return Err(Invalid::new("names a user without a password", "add `?passfile=FILE`, or leave the user out"));
        }
        Ok(url)
    }

    fn take(&mut self, parameter: &str) -> Result<(), Invalid> {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let file = || match value {
            "" => Err(Invalid::new(format!("has an empty `{name}`"), "give it a value, or leave it out")),
            value => decoded(value).map(PathBuf::from),
        };
        match name {
            "passfile" => self.passfile = Some(file()?),
            "sslrootcert" => self.root = Some(file()?),
            "password" => return Err(has_password()),
            // It is not repeated: it might be the rest of a password.
            _ => return Err(Invalid::new("has an unknown parameter", "known are `passfile` and `sslrootcert`")),
        }
        Ok(())
    }

    /// The same with its relative paths taken to start at `folder`.
    pub(super) fn relative_to(self, folder: &Path) -> RedisUrl {
        let from = |path: Option<PathBuf>| path.map(|path| folder.join(path));
        RedisUrl { root: from(self.root), passfile: from(self.passfile), ..self }
    }

    /// The server and the database, for messages: without the user, since the
    /// admin API shows it.
    pub fn place(&self) -> String {
        let RedisUrl { host, port, database, tls, .. } = self;
        let scheme = if *tls { "rediss" } else { "redis" };
        match host.contains(':') {
            true => format!("{scheme}://[{host}]:{port}/{database}"),
            false => format!("{scheme}://{}:{port}/{database}", percent::encode(host)),
        }
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.place();
        match (&self.user, place.split_once("://")) {
            (Some(user), Some((scheme, server))) => write!(f, "{scheme}://{}@{server}", percent::encode(user))?,
            _ => f.write_str(&place)?,
        }
        let files = [("passfile", &self.passfile), ("sslrootcert", &self.root)];
        let said = files.iter().filter_map(|(name, path)| Some((name, path.as_ref()?)));
        for (number, (name, path)) in said.enumerate() {
            write!(f, "{}{name}={}", if number == 0 { '?' } else { '&' }, path.display())?;
        }
        Ok(())
    }
}

fn has_password() -> Invalid {
    let help = "leave it out, write it into a file of its own, `chmod 600` the file, and name it by `?passfile=FILE`";
    Invalid::new("has a password, which others could read here", help)
}

fn host_and_port(text: &str) -> Result<(String, u16), Invalid> {
    // An IPv6 address has colons of its own, and stands in brackets.
    let (name, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((address, port)) => (address, port.strip_prefix(':').unwrap_or(port)),
        None => text.split_once(':').unwrap_or((text, "")),
    };
    let name = decoded(name)?;
    if name.is_empty() {
        return Err(Invalid::new("names no host", format!("write \"{FORM}\"")));
    }
    let port = match port {
        "" => Some(DEFAULT_PORT),
        port => port.parse().ok().filter(|port| *port != 0),
    };
    let help = || Invalid::new("has a port that is no number from 1 to 65535", format!("write \"{FORM}\""));
    Ok((name, port.ok_or_else(help)?))
}

fn decoded(text: &str) -> Result<String, Invalid> {
    let help = "write %25 for a percent sign, and no control characters";
    percent::decode(text).ok_or_else(|| Invalid::new("has a percent sign or a character that means nothing", help))
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use crate::manifest::StoreUrl;

    #[test]
    fn what_is_left_out_is_filled_in() {
        for (text, shown) in [
            ("redis://localhost", "redis://localhost:6379/0"),
            ("redis://10.0.0.1:7000/3", "redis://10.0.0.1:7000/3"),
            ("rediss://[::1]/1?passfile=a%20b", "rediss://[::1]:6379/1?passfile=a b"),
            (
                "rediss://shop@db?sslrootcert=ca.pem&passfile=/p",
                "rediss://shop@db:6379/0?passfile=/p&sslrootcert=ca.pem",
            ),
        ] {
            assert_eq!(StoreUrl::parse(text, "demo").map(|url| url.to_string()), Ok(shown.to_owned()));
        }
    }

    #[test]
    fn a_password_is_refused_and_not_repeated() {
        for text in ["redis://:s3cret@db", "redis://shop:s3cret@db/0", "redis://db/0?password=s3cret"] {
            let refused = StoreUrl::parse(text, "demo").expect_err("it has a password").to_string();
            assert!(refused.contains("has a password") && refused.contains("passfile="), "{refused}");
            assert!(!refused.contains("s3cret") && !StoreUrl::hide_passwords(text).contains("s3cret"), "{refused}");
        }
    }

    #[test]
    fn others_are_refused() {
        for text in [
            "redis:",
            "redis://",
            "redis:/db",
            "redis://db:0",
            "redis://db:x",
            "redis://db/shop",
            "redis://db/65536",
            "redis://db?x=1",
            "redis://db?passfile=",
            "redis://db?sslrootcert=ca.pem",
            "redis://shop@db",
            "redis://d%b",
        ] {
            assert!(StoreUrl::parse(text, "demo").is_err(), "{text}");
        }
    }
}
