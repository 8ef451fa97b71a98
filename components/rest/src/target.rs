//! Which resource a path means.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// What a path means in a collection of resources.
#[derive(Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// The collection itself.
    Collection,
    /// One of it, by what stands for its id, decoded. That may be no id at all.
    Item(Cow<'a, str>),
}

/// What `path` means in the collection `name`; `None` if it is elsewhere.
///
/// A component is handed the path as it came, so what is another spelling of it (RFC
/// 3986, section 6.2.2) has to be told here, or `/users/%31` would be another user than
/// `/users/1`. No slash is added or left out, and an encoded one parts no segments.
pub fn target<'a>(path: &'a str, name: &str) -> Option<Target<'a>> {
    if path.contains('%') || path.contains("/.") {
        return spelled_otherwise(path, name);
    }
    let rest = path.strip_prefix('/')?.strip_prefix(name)?;
    match rest.strip_prefix('/') {
        None if rest.is_empty() => Some(Target::Collection),
        Some(item) if !item.contains('/') => self::item(item.into()),
        _ => None,
    }
}

fn spelled_otherwise<'a>(path: &'a str, name: &str) -> Option<Target<'a>> {
    let mut segments = segments(path).into_iter();
    let collection = segments.next().filter(|first| first == name)?;
    match (collection, segments.next(), segments.next()) {
        (_, None, _) => Some(Target::Collection),
        (_, Some(item), None) => self::item(item),
        _ => None,
    }
}

fn item(item: Cow<'_, str>) -> Option<Target<'_>> {
    (!item.is_empty()).then_some(Target::Item(item))
}

/// The segments, each decoded once; `.` and `..` are gone, with what they lead out of.
fn segments(path: &str) -> Vec<Cow<'_, str>> {
    let (mut kept, mut is_folder) = (Vec::new(), false);
    for segment in path.split('/').skip(1) {
        let segment = percent_decode_str(segment).decode_utf8_lossy();
        is_folder = matches!(&*segment, "." | "..");
        match &*segment {
            "." => {}
            ".." => drop(kept.pop()),
            _ => kept.push(segment),
        }
    }
    if is_folder {
        kept.push("".into());
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::{Target, target};

    fn item(text: &str) -> Option<Target<'_>> {
        Some(Target::Item(text.into()))
    }

    #[test]
    fn paths_match_exactly() {
        for (path, expected) in [
            ("/users", Some(Target::Collection)),
            ("/users/1", item("1")),
            ("/users/x", item("x")),
            ("/users/", None),
            ("/users/1/", None),
            ("/users/1/2", None),
            ("/usersandmore", None),
            ("/Users", None),
            ("//users", None),
            ("users", None),
            ("*", None),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(target(path, "users"), expected, "{path}");
        }
    }

    #[test]
    fn what_is_spelled_otherwise_is_the_same() {
        for (path, expected) in [
            ("/%75sers", Some(Target::Collection)),
            ("/users/%31", item("1")),
            ("/%75sers/1%20x", item("1 x")),
            ("/users/a%2fb", item("a/b")),
            ("/users/%252e", item("%2e")),
            ("/users/caf%C3%a9", item("café")),
            // What is no escape, or no UTF-8, is no id either.
            ("/users/%zz", item("%zz")),
            ("/users/%FF", item("\u{fffd}")),
            ("/x/../users/./1", item("1")),
            ("/x/%2e%2E/users/1", item("1")),
            ("/../users", Some(Target::Collection)),
            ("/users/1/..", None),
            ("/users/1/../2", item("2")),
            ("/users/.", None),
            ("/users/1/.", None),
            ("/users/.1", item(".1")),
            ("/users%2F1", None),
            ("/users/..%2f1", item("../1")),
            ("/users//%31", None),
            ("/%2e%2e", None),
            ("/%", None),
        ] {
            assert_eq!(target(path, "users"), expected, "{path}");
        }
    }
}
