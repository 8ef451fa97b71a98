//! A service that a manifest does not have.

use super::nearest::nearest;

/// So many services are named; of more the rest is counted.
const NAMED: usize = 8;

/// There is no service of this name, and what may have been meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no service `{name}` in {place}; {help}")]
pub struct NoService {
    /// As it was asked for.
    name: String,
    /// Where it was looked for.
    place: String,
    help: String,
}

impl NoService {
    /// Of a place with these services, at least one.
    pub fn new(name: &str, place: impl Into<String>, services: &[&str]) -> NoService {
        let help = match nearest(name, services.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if services.is_empty() => "there is none at all".to_owned(),
            None => format!("there {}", listed(services)),
        };
        NoService { name: name.to_owned(), place: place.into(), help }
    }
}

/// The names, or the first of them.
fn listed(services: &[&str]) -> String {
    let be = if services.len() == 1 { "is" } else { "are" };
    let named: Vec<_> = services.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
    match services.len().saturating_sub(NAMED) {
        0 => format!("{be} {}", named.join(", ")),
        more => format!("{be} {}, and {more} more", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_is_told_or_what_there_is() {
        let told = |name, services: &[&str]| NoService::new(name, "`dovetail.toml`", services).to_string();
        let none = "there is no service `usr` in `dovetail.toml`; ";
        assert_eq!(told("usr", &["order", "user"]), format!("{none}did you mean `user`?"));
        assert_eq!(told("usr", &["one"]), format!("{none}there is `one`"));
        assert_eq!(told("usr", &["one", "two"]), format!("{none}there are `one`, `two`"));
        let many = ["aa", "bb", "cc", "dd", "ee", "ff", "gg", "hh", "ii", "jj"];
        assert!(told("usr", &many).ends_with("`gg`, `hh`, and 2 more"), "{}", told("usr", &many));
    }
}
