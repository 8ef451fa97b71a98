//! Names of interfaces, and which versions of one go together.

use std::{fmt, str::FromStr};

use semver::Version;

/// `namespace:package/interface`, maybe with a version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceName {
    /// The name without its version.
    pub path: String,
    /// The version of its package.
    pub version: Option<Version>,
}

/// A text is no name of an interface.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no interface; one is written as namespace:package/interface or namespace:package/interface@1.0.0")]
pub struct NotAnInterface(String);

impl InterfaceName {
    /// What all compatible versions share, as the component model has it: the
    /// major version, the minor one below 1.0, the patch below 0.1. A
    /// pre-release goes with itself alone.
    pub fn track(&self) -> String {
        match &self.version {
            None => self.path.clone(),
            Some(v) if !v.pre.is_empty() => format!("{}@{v}", self.path),
            Some(Version { major: 0, minor: 0, patch, .. }) => format!("{}@0.0.{patch}", self.path),
            Some(Version { major: 0, minor, .. }) => format!("{}@0.{minor}", self.path),
            Some(Version { major, .. }) => format!("{}@{major}", self.path),
        }
    }

    /// Whether an export of one name can stand for an import of the other.
    pub fn goes_with(&self, other: &InterfaceName) -> bool {
        self.path == other.path && self.track() == other.track()
    }

    /// Whether it belongs to a package, named with its version, or to one that
    /// goes with it.
    pub fn is_of(&self, package: &str) -> bool {
        let Some((_, interface)) = self.path.split_once('/') else { return false };
        let (package, version) = package.split_once('@').unwrap_or((package, ""));
        let same = InterfaceName { path: format!("{package}/{interface}"), version: version.parse().ok() };
        self.goes_with(&same)
    }

    /// Whether its version is one before a release.
    pub fn is_pre_release(&self) -> bool {
        self.version.as_ref().is_some_and(|version| !version.pre.is_empty())
    }

    /// Whether it is of WASI, which other hosts have, too.
    pub fn is_wasi(&self) -> bool {
        self.path.starts_with("wasi:")
    }

    /// Whether the host offers it, if anybody does: it is of WASI, Dovetail's own, or what
    /// components of wasmCloud publish by.
    pub fn is_hosts(&self) -> bool {
        self.is_wasi() || self.path.starts_with("dovetail:") || self.path == "wasmcloud:messaging/consumer"
    }
}

impl FromStr for InterfaceName {
    type Err = NotAnInterface;

    fn from_str(text: &str) -> Result<Self, NotAnInterface> {
        let error = || NotAnInterface(text.into());
        let (path, version) = match text.split_once('@') {
            Some((path, version)) => (path, Some(version.parse().map_err(|_| error())?)),
            None => (text, None),
        };
        match path.split_once(':').and_then(|(namespace, rest)| Some((namespace, rest.split_once('/')?))) {
            Some((namespace, (package, interface)))
                if !namespace.is_empty() && !package.is_empty() && !interface.is_empty() =>
            {
                Ok(InterfaceName { path: path.into(), version })
            }
            _ => Err(error()),
        }
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        self.version.as_ref().map_or(Ok(()), |version| write!(f, "@{version}"))
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use super::*;

    fn goes_with(one: &str, other: &str) -> bool {
        let name = |text: &str| text.parse::<InterfaceName>().expect("a name");
        name(one).goes_with(&name(other))
    }

    #[test]
    fn versions_go_together_by_semver() {
        assert!(goes_with("a:b/c@1.2.0", "a:b/c@1.9.3"));
        assert!(goes_with("a:b/c@0.2.0", "a:b/c@0.2.9"));
        assert!(goes_with("a:b/c", "a:b/c"));
        assert!(!goes_with("a:b/c@1.0.0", "a:b/c@2.0.0"));
        assert!(!goes_with("a:b/c@0.2.0", "a:b/c@0.3.0"));
        assert!(!goes_with("a:b/c@0.0.1", "a:b/c@0.0.2"));
        assert!(!goes_with("a:b/c@1.0.0", "a:b/c"));
        assert!(!goes_with("a:b/c@1.0.0", "a:b/d@1.0.0"));
    }

    #[test]
    fn a_prerelease_goes_with_itself_alone() {
        assert!(goes_with("a:b/c@0.2.0-draft", "a:b/c@0.2.0-draft"));
        assert!(!goes_with("a:b/c@0.2.0-draft", "a:b/c@0.2.0"));
        assert!(!goes_with("a:b/c@0.2.0-draft", "a:b/c@0.2.0-draft2"));
    }

    #[test]
    fn an_interface_is_of_its_package_and_of_compatible_ones() {
        let is_of = |name: &str, package| name.parse::<InterfaceName>().expect("a name").is_of(package);
        assert!(is_of("a:b/c@0.2.6", "a:b@0.2.0"));
        assert!(!is_of("a:b/c@0.3.0", "a:b@0.2.0"));
        assert!(!is_of("a:b/c@0.2.0-rc", "a:b@0.2.0"));
        assert!(!is_of("a:d/c@0.2.0", "a:b@0.2.0"));
        assert!(!is_of("a:b/c", "a:b@0.2.0"));
    }

    #[test]
    fn what_is_no_interface_is_refused() {
        for text in ["", "a", "a:b", "a/b", ":b/c", "a:/c", "a:b/", "a:b/c@", "a:b/c@one"] {
            assert!(text.parse::<InterfaceName>().is_err(), "{text:?}");
        }
    }
}
