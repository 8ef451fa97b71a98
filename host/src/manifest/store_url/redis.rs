//! Where a Redis store is. As for PostgreSQL there is no place for a password.

use std::fmt;
use std::path::Path;

use super::{Invalid, ServerUrl};
use crate::manifest::server_url::Form;

/// How a URL of this kind looks.
pub static FORM: Form =
    Form { text: "redis://HOST:PORT/NUMBER", schemes: ["redis", "rediss"], ports: [6379, 6379], is_list: false };

/// A database of a Redis server, in which a store's keys begin with `dovetail:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisUrl {
    /// The server; its `default` user if none is named.
    pub server: ServerUrl,
    /// The number of the database.
    pub database: u16,
}

impl RedisUrl {
    /// Reads what follows `redis:`, or `rediss:` if it is over TLS.
    pub(super) fn parse(rest: &str, tls: bool) -> Result<RedisUrl, Invalid> {
        let mut server = ServerUrl::parse(rest, tls, &FORM)?;
        let help = || format!("write \"{}\"", FORM.text);
        let database = match std::mem::take(&mut server.path).as_str() {
            "" => 0,
            number => {
                number.parse().map_err(|_| Invalid::new("has a database that is no number from 0 to 65535", help()))?
            }
        };
        server.path = database.to_string();
        Ok(RedisUrl { server, database })
    }

    /// The same with its relative paths taken to start at `folder`.
    pub(super) fn relative_to(self, folder: &Path) -> RedisUrl {
        RedisUrl { server: self.server.relative_to(folder), ..self }
    }

    /// The server and the database, for messages: without the user, since the
    /// admin API shows it.
    pub fn place(&self) -> String {
        format!("{}/{}", self.server.place(), self.database)
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.server.fmt(f)
    }
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
