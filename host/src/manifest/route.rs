//! Which requests go to a service.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::Invalid;

/// A path pattern: `/items` as it stands, `/items/{id}` with any one segment
/// for `{id}`, `/files/*` with anything after `/files/`, nothing included.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route {
    pattern: String,
}

impl Route {
    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.pattern
    }

    /// The patterns to insert into a `matchit::Router` for this route. There
    /// a catch-all takes at least one character, so `/files/*` needs two.
    pub fn patterns_for_matchit(&self) -> Vec<String> {
        match self.pattern.strip_suffix('*') {
            Some(folder) => vec![folder.to_owned(), format!("{folder}{{*rest}}")],
            None => vec![self.pattern.clone()],
        }
    }

    /// Whether a router could not hold both, since some path would match
    /// both and neither is the more exact.
    pub(super) fn conflicts(&self, other: &Route) -> bool {
        let mut router = matchit::Router::new();
        let mut patterns = self.patterns_for_matchit();
        patterns.extend(other.patterns_for_matchit());
        patterns.into_iter().any(|pattern| router.insert(pattern, ()).is_err())
    }
}

impl FromStr for Route {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let Some(path) = text.strip_prefix('/') else {
            let help = format!("write \"/{}\"", text.trim_start_matches('*'));
            return Err(Invalid::new("does not begin with `/`", help));
        };
        let mut parameters = BTreeSet::new();
        let count = path.split('/').count();
        for (index, segment) in path.split('/').enumerate() {
            let last = index + 1 == count;
            match segment {
                "" if !last => {
                    return Err(Invalid::new("has an empty segment", "write one `/` between segments"));
                }
                "*" if !last => {
                    return Err(Invalid::new(
                        "has `*` before its end",
                        "let `*` come last, or write a parameter, as in \"/items/{id}/parts\"",
                    ));
                }
                "*" | "" => {}
                _ => check_segment(segment, &mut parameters)?,
            }
        }
        Ok(Self { pattern: text.to_owned() })
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.pattern)
    }
}

fn check_segment<'a>(segment: &'a str, seen: &mut BTreeSet<&'a str>) -> Result<(), Invalid> {
    if segment.contains(['{', '}']) {
        return check_parameter(segment, seen);
    }
    // As other routers write parameters.
    if segment.starts_with([':', '<']) {
        let name = segment.trim_matches([':', '<', '>']).rsplit(':').next().unwrap_or_default();
        let help = format!("write \"{{{name}}}\" for a parameter");
        return Err(Invalid::new(format!("has the segment `{segment}`"), help));
    }
    if segment == "." || segment == ".." {
        return Err(Invalid::new(
            format!("has the segment `{segment}`"),
            "clients resolve it before they ask; leave it out",
        ));
    }
    match segment.chars().find(|c| !is_path(*c)) {
        None => Ok(()),
        Some('*') => {
            Err(Invalid::new("has `*` within a segment", "let `*` be all of the last segment, as in \"/files/*\""))
        }
        Some('?' | '#') => Err(Invalid::new(
            "has more than a path",
            "leave out `?` or `#` and what follows; a route is matched by path alone",
        )),
        Some(other) => Err(Invalid::new(
            format!("has the character {other:?}"),
            "write it as it comes in a request, percent-encoded",
        )),
    }
}

fn check_parameter<'a>(segment: &'a str, seen: &mut BTreeSet<&'a str>) -> Result<(), Invalid> {
    let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let help = "a parameter is a whole segment, named with letters, digits and `_`, as in \"/items/{id}\"";
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match name.filter(|name| is_name(name)) {
        None => Err(Invalid::new(format!("has the segment `{segment}`, which is no parameter"), help)),
        Some(name) if !seen.insert(name) => {
            Err(Invalid::new(format!("has the parameter `{segment}` twice"), "give each its own name"))
        }
        Some(_) => Ok(()),
    }
}

/// What a path may hold between slashes (RFC 3986, `pchar`), but for `*`,
/// which means something here.
fn is_path(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~%!$&'()+,;=:@".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(text: &str) -> Route {
        Route { pattern: text.to_owned() }
    }

    #[test]
    fn patterns_are_taken() {
        for text in ["/", "/items", "/items/", "/items/{id}/parts/{part_2}", "/*", "/files/*", "/a%20b", "/@me:x"] {
            assert_eq!(text.parse(), Ok(route(text)));
        }
    }

    #[test]
    fn other_patterns_are_refused() {
        for text in [
            "",
            "items",
            "*",
            "//",
            "/a//b",
            "/a*",
            "/*/a",
            "/{}",
            "/{id",
            "/img-{id}",
            "/{a}{b}",
            "/{*rest}",
            "/{id}/{id}",
            "/a b",
            "/ä",
            "/a?b=c",
            "/a/../b",
            "/:id",
            "/<int:id>",
        ] {
            assert!(text.parse::<Route>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_star_matches_everything_below_its_folder() {
        let mut router = matchit::Router::new();
        for pattern in route("/files/*").patterns_for_matchit() {
            assert!(router.insert(pattern, ()).is_ok());
        }
        for path in ["/files/", "/files/a", "/files/a/b"] {
            assert!(router.at(path).is_ok(), "{path}");
        }
        assert!(router.at("/files").is_err());
    }

    #[test]
    fn routes_conflict_where_neither_is_the_more_exact() {
        for (one, other) in [("/a", "/a"), ("/a/{x}", "/a/{y}"), ("/a/{x}", "/a/*"), ("/a/", "/a/*")] {
            assert!(route(one).conflicts(&route(other)), "{one} {other}");
            assert!(route(other).conflicts(&route(one)), "{other} {one}");
        }
        for (one, other) in
            [("/a", "/a/"), ("/a/me", "/a/{x}"), ("/a/me", "/a/*"), ("/a/{x}", "/a/{y}/b"), ("/a/*", "/*")]
        {
            assert!(!route(one).conflicts(&route(other)), "{one} {other}");
        }
    }
}
