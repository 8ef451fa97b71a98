//! Which resource a path means.

/// What a path means in a collection of resources.
#[derive(Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// The collection itself.
    Collection,
    /// One of it, by what stands for its id. That may be no id at all.
    Item(&'a str),
}

/// What `path` means in the collection at `root`; `None` if it is elsewhere.
/// Paths match byte by byte: no slash is added or left out, nothing decoded.
pub fn target<'a>(path: &'a str, root: &str) -> Option<Target<'a>> {
    match path.strip_prefix(root)?.strip_prefix('/') {
        None if path.len() == root.len() => Some(Target::Collection),
        Some(item) if !item.is_empty() && !item.contains('/') => Some(Target::Item(item)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Target, target};

    #[test]
    fn paths_match_exactly() {
        for (path, expected) in [
            ("/users", Some(Target::Collection)),
            ("/users/1", Some(Target::Item("1"))),
            ("/users/x", Some(Target::Item("x"))),
            ("/users/", None),
            ("/users/1/", None),
            ("/users/1/2", None),
            ("/usersandmore", None),
            ("/Users", None),
            ("//users", None),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(target(path, "/users"), expected, "{path}");
        }
    }
}
