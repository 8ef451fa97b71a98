//! Where the data is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use thiserror::Error;

/// The engine of a store and where it keeps the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// `memory:`: gone when the host stops.
    Memory,
    /// `sqlite:PATH`: a database file.
    Sqlite(PathBuf),
}

/// Why a text is no [`StoreUrl`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{reason} in the store url `{url}`; write `sqlite:PATH`, or `memory:` for data that may go")]
pub struct StoreUrlError {
    url: String,
    reason: &'static str,
}

impl StoreUrl {
    /// This url with a relative path taken to start at `folder`.
    pub fn relative_to(&self, folder: &Path) -> StoreUrl {
        match self {
            StoreUrl::Memory => StoreUrl::Memory,
            StoreUrl::Sqlite(path) => StoreUrl::Sqlite(folder.join(path)),
        }
    }
}

impl FromStr for StoreUrl {
    type Err = StoreUrlError;

    fn from_str(url: &str) -> Result<StoreUrl, StoreUrlError> {
        let reason = match url.split_once(':') {
            Some(("memory", "")) => return Ok(StoreUrl::Memory),
            Some(("memory", _)) => "text after the colon",
            Some(("sqlite", "")) => "no path",
            // Elsewhere `sqlite://data/demo.db` is a relative path; here it
            // would be one from the root. Better to ask than to guess.
            Some(("sqlite", path)) if path.starts_with("//") => "two slashes before the path",
            Some(("sqlite", path)) => return Ok(StoreUrl::Sqlite(path.into())),
            Some(_) => "unknown scheme",
            None => "no scheme",
        };
        Err(StoreUrlError { url: url.to_owned(), reason })
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreUrl::Memory => write!(f, "memory:"),
            StoreUrl::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_it_prints() {
        for text in ["memory:", "sqlite:data/demo.db", "sqlite:/var/demo.db"] {
            let url: Result<StoreUrl, _> = text.parse();
            assert_eq!(url.map(|url| url.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn names_the_schemes_that_exist() {
        for (text, reason) in [
            ("", "no scheme"),
            ("memory", "no scheme"),
            ("memory:x", "text after the colon"),
            ("sqlite:", "no path"),
            ("sqlite://data/demo.db", "two slashes before the path"),
            ("mysql://localhost", "unknown scheme"),
        ] {
            let report = match text.parse::<StoreUrl>() {
                Ok(url) => url.to_string(),
                Err(error) => error.to_string(),
            };
            assert!(report.starts_with(reason), "{report}");
            assert!(report.contains("`sqlite:PATH`, or `memory:`"), "{report}");
        }
    }

    #[test]
    fn resolves_relative_paths_only() {
        let folder = Path::new("/app");
        for (path, resolved) in [("data/demo.db", "/app/data/demo.db"), ("/x.db", "/x.db")] {
            assert_eq!(StoreUrl::Sqlite(path.into()).relative_to(folder), StoreUrl::Sqlite(resolved.into()));
        }
        assert_eq!(StoreUrl::Memory.relative_to(folder), StoreUrl::Memory);
    }
}
