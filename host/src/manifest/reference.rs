//! References to components in registries.

use std::fmt;
use std::net::Ipv4Addr;

use super::{Digest, Invalid};

/// Where a component is in a registry: `oci://HOST[:PORT]/REPOSITORY:TAG`, or
/// `@sha256:…` in place of the tag or after it, which then alone counts.
///
/// A registry on a loopback host is spoken to in plain HTTP, as docker does, any
/// other one through TLS, unless the scheme is `oci+http`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    name: oci_client::Reference,
    is_plain: bool,
}

const PLAIN: &str = "oci+http";
const SECURE: &str = "oci";

const HELP: &str = "write \"oci://HOST/REPOSITORY:TAG\", as in \"oci://ghcr.io/acme/user:1.0\", the repository in \
                    lower case, or \"@sha256:\" and 64 digits in place of the tag";

impl Reference {
    /// Reads a reference.
    pub fn parse(text: &str) -> Result<Reference, Invalid> {
        let (is_plain, rest) = match text.split_once("://") {
            Some((SECURE, rest)) => (false, rest),
            Some((PLAIN, rest)) => (true, rest),
            Some(("file", path)) => return Err(Invalid::new("is a URL", format!("write its path, \"{path}\""))),
            _ => return Err(Invalid::new("is no reference to a registry", HELP)),
        };
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        if path.is_empty() {
            return Err(Invalid::new("names no repository", HELP));
        }
        if host.contains('@') {
            return Err(Invalid::new("has credentials", "leave them out, and run `docker login` for that registry"));
        }
        // A first part without these is taken for a repository of docker.io.
        if host != "localhost" && !host.contains(['.', ':']) {
            return Err(Invalid::new("names no registry", format!("write its host, as in \"oci://ghcr.io/{rest}\"")));
        }
        if let Some((_, port)) = host.split_once(':')
            && !port.parse::<u16>().is_ok_and(|port| port > 0)
        {
            return Err(Invalid::new("has a port that does not exist", HELP));
        }
        if !path.rsplit('/').next().is_some_and(|last| last.contains([':', '@'])) {
            return Err(Invalid::new("has no tag", format!("write \"{text}:TAG\", with \"latest\" if that is meant")));
        }
        let name: oci_client::Reference = rest.parse().map_err(|_| Invalid::new("is no reference", HELP))?;
        match name.digest() {
            Some(digest) if Digest::parse(digest).is_none() => {
                Err(Invalid::new("has a digest that is not SHA-256", HELP))
            }
            _ => Ok(Reference { name, is_plain }),
        }
    }

    /// Whether a text is meant as one, and not as the path of a file.
    pub fn is_meant(text: &str) -> bool {
        text.contains("://") || text.starts_with("oci:")
    }

    /// The same without the scheme, as registries know it.
    pub fn name(&self) -> &oci_client::Reference {
        &self.name
    }

    /// The registry's host, and its port if it is not the usual one.
    pub fn registry(&self) -> &str {
        self.name.registry()
    }

    /// The tag, if it counts.
    pub fn tag(&self) -> Option<&str> {
        self.name.tag().filter(|_| self.name.digest().is_none())
    }

    /// The digest that was written.
    pub fn digest(&self) -> Option<&str> {
        self.name.digest()
    }

    /// Whether the registry is spoken to without TLS.
    pub fn is_plain(&self) -> bool {
        self.is_plain || is_loopback(self.registry())
    }

    /// The same repository, with a digest in place of the tag.
    pub fn pinned(&self, digest: &Digest) -> Reference {
        Reference { name: self.name.clone_with_digest(digest.to_string()), is_plain: self.is_plain }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.is_plain { PLAIN } else { SECURE }, self.name)
    }
}

fn is_loopback(registry: &str) -> bool {
    let host = registry.split_once(':').map_or(registry, |(host, _)| host);
    host == "localhost" || host.parse::<Ipv4Addr>().is_ok_and(|host| host.is_loopback())
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use super::*;

    const DIGITS: &str = "ca0a24690005ca0a24690005ca0a24690005ca0a24690005ca0a24690005ca0a";

    #[test]
    fn references_are_shown_as_they_are_written() {
        for text in [
            "oci://ghcr.io/acme/user:1.0",
            "oci://127.0.0.1:5000/user:latest",
            "oci+http://images.lan:5000/a/b-c/d__e:v1",
            &format!("oci://ghcr.io/acme/user@sha256:{DIGITS}"),
            &format!("oci://ghcr.io/acme/user:1.0@sha256:{DIGITS}"),
        ] {
            assert_eq!(Reference::parse(text).map(|it| it.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn other_texts_are_refused_with_what_was_meant() {
        for (text, reason) in [
            ("user.wasm", "is no reference to a registry"),
            ("https://ghcr.io/acme/user:1.0", "is no reference to a registry"),
            ("file:///srv/user.wasm", "is a URL"),
            ("oci://ghcr.io", "names no repository"),
            ("oci://ghcr.io/", "names no repository"),
            ("oci://anna:secret@ghcr.io/acme/user:1.0", "has credentials"),
            ("oci://acme/user:1.0", "names no registry"),
            ("oci://ghcr.io/acme/user", "has no tag"),
            ("oci://localhost:5000/user", "has no tag"),
            ("oci://localhost:0/user:1", "has a port that does not exist"),
            ("oci://localhost:65536/user:1", "has a port that does not exist"),
            ("oci://[::1]:5000/user:1", "has a port that does not exist"),
            ("oci://ghcr.io/Acme/user:1", "is no reference"),
            ("oci://ghcr.io/../user:1", "is no reference"),
            ("oci://ghcr.io/acme/user:1?x", "is no reference"),
            ("oci://ghcr.io/acme/user@sha256:12", "is no reference"),
            (&format!("oci://ghcr.io/acme/user@sha256:{}", DIGITS.to_uppercase()), "has a digest that is not SHA-256"),
            (&format!("oci://ghcr.io/acme/user@sha512:{DIGITS}{DIGITS}"), "has a digest that is not SHA-256"),
        ] {
            assert_eq!(Reference::parse(text).map_err(|invalid| invalid.reason), Err(reason.to_owned()), "{text}");
        }
    }

    #[test]
    fn only_this_machine_is_spoken_to_without_tls_unless_asked() {
        let is_plain = |text| Reference::parse(text).expect("a reference").is_plain();
        for text in ["oci://localhost:5000/a:1", "oci://127.0.0.2:5000/a:1", "oci+http://ghcr.io/a:1"] {
            assert!(is_plain(text), "{text}");
        }
        for text in ["oci://ghcr.io/a:1", "oci://10.0.0.1:5000/a:1", "oci://localhost.example.com/a:1"] {
            assert!(!is_plain(text), "{text}");
        }
    }

    #[test]
    fn a_digest_counts_more_than_a_tag() {
        let reference = Reference::parse("oci://ghcr.io/acme/user:1.0").expect("a reference");
        assert_eq!((reference.tag(), reference.digest()), (Some("1.0"), None));
        let pinned = reference.pinned(&Digest::parse(&format!("sha256:{DIGITS}")).expect("a digest"));
        assert_eq!(pinned.to_string(), format!("oci://ghcr.io/acme/user@sha256:{DIGITS}"));
        let both = format!("oci://ghcr.io/acme/user:1.0@sha256:{DIGITS}");
        assert_eq!(Reference::parse(&both).expect("a reference").tag(), None);
    }
}
