//! Which file a path is for.

use crate::manifest::percent_decoded;

/// The one folder that is served although its name begins with a dot (RFC 8615).
const WELL_KNOWN: &str = ".well-known";

/// A place in a folder, below it and never hidden.
#[derive(Debug, PartialEq, Eq)]
pub struct Place {
    /// Without a slash at either end; empty for the folder itself.
    pub path: String,
    /// Whether a folder is meant, by a slash at the end.
    pub is_folder: bool,
}

impl Place {
    /// The place that the `rest` of a normalised path means; none if it can be none. A segment
    /// is decoded once, and then is a name: one with a slash or a backslash in it names nothing.
    pub fn of(rest: &str) -> Option<Place> {
        let (names, is_folder) = match rest.strip_suffix('/') {
            Some(names) => (names, true),
            None => (rest, rest.is_empty()),
        };
        // No more than a slash.
        if names.is_empty() {
            return rest.is_empty().then(|| Place { path: String::new(), is_folder });
        }
        let names: Option<Vec<String>> = names.split('/').enumerate().map(|(at, name)| named(at, name)).collect();
        Some(Place { path: names?.join("/"), is_folder })
    }

    /// The path of a name in it.
    pub fn join(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}/{name}", self.path) }
    }

    /// Whether it may be what a program in a browser calls a page. What has a dot in its last
    /// name is a file, and if it is not there the program is told so.
    pub fn may_be_a_page(&self) -> bool {
        !self.path.rsplit('/').next().unwrap_or_default().contains('.')
    }
}

fn named(at: usize, segment: &str) -> Option<String> {
    let name = percent_decoded(segment)?;
    let is_hidden = name.starts_with('.') && !(at == 0 && name == WELL_KNOWN);
    (!name.is_empty() && !is_hidden && !name.contains(['/', '\\'])).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_place_below_the_folder() {
        for (rest, path, is_folder) in [
            ("", "", true),
            ("a", "a", false),
            ("a/b.js", "a/b.js", false),
            ("a/", "a", true),
            ("%C3%A9%20%25", "é %", false),
            ("%2525", "%25", false),
            (".well-known/security.txt", ".well-known/security.txt", false),
            ("a..b", "a..b", false),
            ("c:/d", "c:/d", false),
            ("~", "~", false),
        ] {
            assert_eq!(Place::of(rest), Some(Place { path: path.to_owned(), is_folder }), "{rest}");
        }
        for rest in [
            "/",
            "//",
            "/a",
            "a//b",
            "a//",
            ".",
            "..",
            "../a",
            "a/..",
            ".env",
            "a/.git/config",
            "a/.well-known/b",
            "..%2Fa",
            "%2Fetc",
            "a%5Cb",
            "..%5Ca",
            "%2E%2E",
            "a%00",
            "a%0A",
            "%7F",
            "%FF",
            "%",
            "a%zz",
        ] {
            assert_eq!(Place::of(rest), None, "{rest}");
        }
    }
}
