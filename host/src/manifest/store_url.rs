//! Where the store is.

use std::fmt;
use std::path::{Path, PathBuf};

use super::{Invalid, ServerUrl};
pub use percent::{decode as percent_decoded, encode as percent_encoded};
pub use postgres::{PostgresHost, PostgresUrl, TlsMode};
pub use redis::RedisUrl;

mod passwords;
mod percent;
mod postgres;
mod redis;

/// The engine of a store and where it keeps the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// `memory:`: gone when the host stops.
    Memory,
    /// `sqlite:PATH`: a database file.
    Sqlite(PathBuf),
    /// `postgres://USER@HOST:PORT/DATABASE`: a database that several hosts may
    /// share.
    Postgres(PostgresUrl),
    /// `redis://HOST:PORT/NUMBER`: likewise.
    Redis(RedisUrl),
}

impl StoreUrl {
    /// Reads a URL, with the name of the `app` in place of `{app}`.
    pub fn parse(text: &str, app: &str) -> Result<StoreUrl, Invalid> {
        let (postgres, redis) = (postgres::FORM, redis::FORM.text);
        let help = format!("the stores are \"sqlite:PATH\", \"{postgres}\", \"{redis}\" and \"memory:\"");
        if text.trim() != text {
            // It may have a password.
            return Err(Invalid::new("has spaces around it", "write it without them"));
        }
        match text.split_once(':') {
            Some(("memory", "")) => Ok(StoreUrl::Memory),
            Some(("memory", _)) => Err(Invalid::new("has a path", "write \"memory:\"")),
            Some(("sqlite", "")) => Err(Invalid::new("has no path", "write \"sqlite:data/{app}.db\"")),
            Some(("sqlite", path)) if path.trim_start() != path => {
                let help = format!(
                    "write \"sqlite:{0}\", or \"sqlite:./{path}\" if the name begins with one",
                    path.trim_start()
                );
                Err(Invalid::new("has a space before its path", help))
            }
            Some(("sqlite", ":memory:")) => {
                Err(Invalid::new("is no file", "write \"memory:\" for a store that is not kept"))
            }
            // In a URL what follows `//` would be a host, in a path it is the root.
            Some(("sqlite", path)) if path.starts_with("//") => {
                let path = path.trim_start_matches('/');
                let help =
                    format!("write \"sqlite:{path}\" for a path from the manifest's folder, or \"sqlite:/{path}\"");
                Err(Invalid::new("has `//` before its path", help))
            }
            Some(("sqlite", path)) => Ok(StoreUrl::Sqlite(path.replace("{app}", app).into())),
            Some(("postgres" | "postgresql", rest)) => Ok(StoreUrl::Postgres(PostgresUrl::parse(rest, app)?)),
            Some(("redis", rest)) => Ok(StoreUrl::Redis(RedisUrl::parse(rest, false)?)),
            Some(("rediss", rest)) => Ok(StoreUrl::Redis(RedisUrl::parse(rest, true)?)),
            Some((scheme, _)) => Err(Invalid::new(format!("names the store `{scheme}`, which does not exist"), help)),
            None => Err(Invalid::new("is no URL of a store", help)),
        }
    }

    /// This URL with a relative path taken to start at `folder`.
    pub fn relative_to(self, folder: &Path) -> StoreUrl {
        match self {
            StoreUrl::Memory => StoreUrl::Memory,
            StoreUrl::Sqlite(path) => StoreUrl::Sqlite(folder.join(path)),
            StoreUrl::Postgres(url) => StoreUrl::Postgres(url.relative_to(folder)),
            StoreUrl::Redis(url) => StoreUrl::Redis(url.relative_to(folder)),
        }
    }

    /// The files of the data: SQLite keeps others beside the one that it is given.
    pub fn files(&self) -> Vec<PathBuf> {
        let StoreUrl::Sqlite(path) = self else { return Vec::new() };
        let beside = |end: &str| {
            let mut name = path.clone().into_os_string();
            name.push(end);
            PathBuf::from(name)
        };
        ["", "-wal", "-shm", "-journal"].map(beside).to_vec()
    }

    /// A text with its passwords, those of URLs, hidden by as many bytes: to be
    /// shown when the text is not taken.
    pub fn hide_passwords(text: &str) -> String {
        passwords::hide(text)
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreUrl::Memory => write!(f, "memory:"),
            StoreUrl::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            StoreUrl::Postgres(url) => url.fmt(f),
            StoreUrl::Redis(url) => url.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_stores_are_taken() {
        for (text, shown) in [
            ("memory:", "memory:"),
            ("sqlite:data/{app}.db", "sqlite:data/demo.db"),
            ("sqlite:/var/demo.db", "sqlite:/var/demo.db"),
        ] {
            let url = StoreUrl::parse(text, "demo");
            assert_eq!(url.map(|url| url.to_string()), Ok(shown.to_owned()));
        }
    }

    #[test]
    fn others_are_refused() {
        for text in [
            "",
            "demo.db",
            "mysql://localhost",
            "memory",
            "memory:x",
            "sqlite:",
            "sqlite::memory:",
            "sqlite: x",
            " sqlite:x",
            "sqlite:x ",
        ] {
            assert!(StoreUrl::parse(text, "demo").is_err(), "{text}");
        }
        let refused = StoreUrl::parse("sqlite://data/demo.db", "demo").map_err(|invalid| invalid.help);
        assert!(refused.is_err_and(|help| help.contains("\"sqlite:data/demo.db\"")));
    }

    #[test]
    fn relative_paths_alone_start_at_the_folder() {
        let folder = Path::new("/app");
        for (path, resolved) in [("data/demo.db", "/app/data/demo.db"), ("/x.db", "/x.db")] {
            assert_eq!(StoreUrl::Sqlite(path.into()).relative_to(folder), StoreUrl::Sqlite(resolved.into()));
        }
        assert_eq!(StoreUrl::Memory.relative_to(folder), StoreUrl::Memory);
    }
}
