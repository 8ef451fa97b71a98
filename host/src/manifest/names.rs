//! The names a manifest may give.

use super::Invalid;

/// The longest name of an app, service or bucket; that of a DNS label, since
/// names end up in metrics, file names and host names.
const LONGEST: usize = 63;

/// An app's name.
pub(super) fn app(name: &str) -> Result<(), Invalid> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let help = "use 1 to 63 letters, digits, `-` and `_`";
    length(name, help)?;
    characters(name, allowed, help)
}

/// Whether this may be a service's name.
pub fn service(name: &str) -> Result<(), Invalid> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let help = "use 1 to 63 lower-case letters, digits and `-`, a letter first";
    length(name, help)?;
    characters(name, allowed, help)?;
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Err(Invalid::new("does not begin with a letter", help));
    }
    Ok(())
}

/// A bucket's name.
pub fn bucket(name: &str) -> Result<(), Invalid> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let help = "use 1 to 63 letters, digits, `-`, `_` and `.`";
    length(name, help)?;
    characters(name, allowed, help)
}

/// The name of an environment variable.
pub(super) fn env(name: &str) -> Result<(), Invalid> {
    let help = "a variable's name is not empty and has no `=` and no NUL";
    if name.is_empty() {
        return Err(Invalid::new("is empty", help));
    }
    characters(name, |c| c != '=' && c != '\0', help)
}

/// An interface, as components import it: `acme:stock/shelf`, and
/// `@0.1.0` after it where the package has a version.
pub(super) fn interface(name: &str) -> Result<(), Invalid> {
    let help = "write it as the component imports it, as in \"acme:stock/shelf\" or \"acme:stock/shelf@0.1.0\"";
    let (path, version) = match name.split_once('@') {
        Some((path, version)) => (path, Some(version)),
        None => (name, None),
    };
    let parts = path.split_once(':').and_then(|(namespace, rest)| {
        let (package, interface) = rest.split_once('/')?;
        Some([namespace, package, interface])
    });
    if !parts.is_some_and(|parts| parts.into_iter().all(is_kebab)) {
        return Err(Invalid::new("is not the name of an interface", help));
    }
    match version.map(semver::Version::parse) {
        Some(Err(error)) => Err(Invalid::new(format!("has no valid version: {error}"), help)),
        _ => Ok(()),
    }
}

/// An interface whose calls are events.
pub(super) fn event(name: &str) -> Result<(), Invalid> {
    let help = "name an interface of your own, as in \"acme:stock/events@0.1.0\"";
    match name {
        name if name.starts_with("wasi:") => {
            Err(Invalid::new("is an interface of WASI, which the host itself serves", help))
        }
        name if name.starts_with("dovetail:") => {
            Err(Invalid::new("is one of Dovetail's own, which the host itself serves", help))
        }
        name => interface(name),
    }
}

/// Where the ordering key of an event is: `order.user-id`, or `order.0` in a tuple.
pub(super) fn event_key(path: &str) -> Result<(), Invalid> {
    let help = "write a parameter, then fields or positions, with dots between, as in \"order.user-id\"";
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    for (place, part) in path.split('.').enumerate() {
        match part {
            "" if path.is_empty() => return Err(Invalid::new("is empty", help)),
            "" => return Err(Invalid::new("has nothing beside a dot", help)),
            part if is_kebab(part) => {}
            part if place > 0 && is_number(part) => {}
            part => return Err(Invalid::new(format!("has {part:?}, which is no name in WIT"), help)),
        }
    }
    Ok(())
}

/// Whether one import may be meant by both of these interfaces: versions go together as
/// they do in links, and none means all.
pub(super) fn go_together(one: &str, other: &str) -> bool {
    let split = |name: &str| match name.split_once('@') {
        Some((path, version)) => Some((path.to_owned(), Some(semver::Version::parse(version).ok()?))),
        None => Some((name.to_owned(), None)),
    };
    let (Some((one, one_version)), Some((other, other_version))) = (split(one), split(other)) else { return false };
    let versions = one_version.zip(other_version);
    one == other && versions.is_none_or(|(one, other)| are_compatible(&one, &other))
}

/// As the component model has it: a pre-release goes with itself alone.
fn are_compatible(one: &semver::Version, other: &semver::Version) -> bool {
    match (one.major, one.minor) {
        _ if !(one.pre.is_empty() && other.pre.is_empty()) => one == other,
        (0, 0) => (one.major, one.minor, one.patch) == (other.major, other.minor, other.patch),
        (0, _) => (one.major, one.minor) == (other.major, other.minor),
        _ => one.major == other.major,
    }
}

/// Whether DNS may have this name, which is in lower case. One whose last part is a
/// number is left out: such are addresses in some older spelling (`127.1`), which
/// programs disagree on.
pub(super) fn is_host(name: &str) -> bool {
    let is_label = |label: &str| {
        let known = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        (1..=63).contains(&label.len()) && label.chars().all(known) && !label.starts_with('-')
    };
    let number = |label: &str| label.bytes().all(|b| b.is_ascii_digit()) || label.starts_with("0x");
    name.len() <= 253 && name.split('.').all(is_label) && !name.rsplit('.').next().is_some_and(number)
}

/// Words of letters and digits, a letter first, each in one case, joined by `-`.
pub(super) fn is_kebab(name: &str) -> bool {
    name.split('-').all(|word| {
        let lower = word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let upper = word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
        word.starts_with(|c: char| c.is_ascii_alphabetic()) && (lower || upper)
    })
}

fn length(name: &str, help: &str) -> Result<(), Invalid> {
    match name.chars().count() {
        0 => Err(Invalid::new("is empty", help)),
        long if long > LONGEST => Err(Invalid::new(format!("has {long} characters"), help)),
        _ => Ok(()),
    }
}

fn characters(name: &str, allowed: impl Fn(char) -> bool, help: &str) -> Result<(), Invalid> {
    match name.chars().find(|c| !allowed(*c)) {
        Some(other) => Err(Invalid::new(format!("has the character {other:?}"), help)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_or_refused() {
        assert!(app("Shop_2-eu").is_ok());
        assert!(service("item-2").is_ok());
        assert!(bucket("items.v1").is_ok());
        assert!(env("PATH").is_ok() && env("lower.dotted").is_ok());
        for name in ["", "a b", "größe", "a/b", "a.b", &"x".repeat(64)] {
            assert!(app(name).is_err(), "{name}");
        }
        for name in ["Item", "2item", "-item", "my_item", ""] {
            assert!(service(name).is_err(), "{name}");
        }
        assert!(bucket("a/b").is_err());
        assert!(env("").is_err() && env("A=B").is_err() && env("A\0").is_err());
    }

    #[test]
    fn interfaces_are_named_as_imports_are() {
        for name in ["acme:stock/shelf", "wasi:http/incoming-handler@0.2.0-rc.1", "a:b/C2-d@1.0.0"] {
            assert_eq!(interface(name), Ok(()), "{name}");
        }
        for name in ["shelf", "acme:stock", "acme/stock", "acme:stock/", "Acme:s_k/x", "a:b/c@1", "a:b/c@"] {
            assert!(interface(name).is_err(), "{name}");
        }
        assert!(event("acme:stock/events@0.1.0").is_ok());
        assert!(event("wasi:http/handler").is_err() && event("dovetail:events/delivery").is_err());
        assert!(event("events").is_err());
    }

    #[test]
    fn ordering_keys_are_paths() {
        for path in ["order", "order.user-id", "pair.0.URL", "order.items.12"] {
            assert_eq!(event_key(path), Ok(()), "{path}");
        }
        for path in ["", ".", "order.", ".order", "order..id", "0", "order.user_id", "order.-1", "order[0]", " order"] {
            assert!(event_key(path).is_err(), "{path}");
        }
    }

    #[test]
    fn interfaces_go_together_as_their_versions_do() {
        for (one, other) in [
            ("a:b/c", "a:b/c@0.1.0"),
            ("a:b/c@0.1.0", "a:b/c@0.1.9"),
            ("a:b/c@1.0.0", "a:b/c@1.2.0"),
            ("a:b/c@1.0.0-rc.1", "a:b/c@1.0.0-rc.1"),
        ] {
            assert!(go_together(one, other) && go_together(other, one), "{one} {other}");
        }
        for (one, other) in [
            ("a:b/c", "a:b/d"),
            ("a:b/c", "a:b/c@1"),
            ("a:b/c@0.1.0", "a:b/c@0.2.0"),
            ("a:b/c@0.0.1", "a:b/c@0.0.2"),
            ("a:b/c@1.0.0", "a:b/c@2.0.0"),
            ("a:b/c@1.0.0-rc.1", "a:b/c@1.0.0"),
        ] {
            assert!(!go_together(one, other) && !go_together(other, one), "{one} {other}");
        }
    }
}
