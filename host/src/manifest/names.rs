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
fn is_kebab(name: &str) -> bool {
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
    }
}
