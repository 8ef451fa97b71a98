//! A pattern of paths.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::{
    Invalid, normalised,
    path::{spelled, without_dots},
};

/// What a pattern ends with where its paths may end with a slash or without.
const OPEN: &str = "{/}";

/// A path pattern: `/items` as it stands, `/items/{id}` with any one segment
/// for `{id}`, `/files/*` with anything after `/files/`, nothing included, and
/// `/items{/}` with a slash at the end or without.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern {
    pattern: String,
    /// Normalised, as paths are before they are compared.
    pub(crate) segments: Vec<Segment>,
    pub(crate) end: End,
}

/// What stands between two slashes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Segment {
    Exact(Box<str>),
    /// Any one segment that is not empty. Its name means nothing here.
    Parameter,
}

/// Where paths end that match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum End {
    /// After the segments.
    Here,
    /// After the segments, or after a slash more.
    HereOrSlash,
    /// Anywhere after the segments and a slash.
    Below,
}

impl Pattern {
    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.pattern
    }

    /// Whether some path matches both, and neither goes before the other.
    pub fn conflicts(&self, other: &Pattern) -> bool {
        let forms = other.forms();
        self.forms().any(|one| forms.clone().any(|other| one == other))
    }

    /// Whether the two are one pattern, however it is spelled.
    pub fn is_same(&self, other: &Pattern) -> bool {
        self.names() == other.names() && (&self.segments, self.end) == (&other.segments, other.end)
    }

    /// The names of its parameters, in order, and `*` at the end if it ends with that.
    pub fn parameters(&self) -> Vec<&str> {
        let names = self.names().into_iter().map(|name| name.trim_matches(['{', '}']));
        names.chain((self.end == End::Below).then_some("*")).collect()
    }

    /// What its [parameters](Self::parameters) stand for in a normalised path that matches, each
    /// as it is there: percent-encoded.
    pub fn parts<'a>(&self, path: &'a str) -> Vec<&'a str> {
        let (mut parts, mut rest) = (Vec::new(), path.strip_prefix('/').unwrap_or(path));
        for segment in &self.segments {
            let (part, deeper) = rest.split_once('/').unwrap_or((rest, ""));
            if *segment == Segment::Parameter {
                parts.push(part);
            }
            rest = deeper;
        }
        parts.extend((self.end == End::Below).then_some(rest));
        parts
    }

    /// The segments before each end that it may have.
    fn forms(&self) -> impl Iterator<Item = (Vec<Segment>, End)> + Clone {
        let slash = [self.segments.clone(), vec![Segment::Exact("".into())]].concat();
        let (end, more) = match self.end {
            End::HereOrSlash => (End::Here, Some((slash, End::Here))),
            end => (end, None),
        };
        [(self.segments.clone(), end)].into_iter().chain(more)
    }

    /// Its parameters, in order.
    fn names(&self) -> Vec<&str> {
        let pattern = self.pattern.strip_suffix(OPEN).unwrap_or(&self.pattern);
        pattern.split('/').filter(|segment| segment.starts_with('{') && segment.ends_with('}')).collect()
    }
}

impl FromStr for Pattern {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let Some(path) = text.strip_prefix('/') else {
            let help = format!("write \"/{}\"", text.trim_start_matches('*').trim_start());
            return Err(Invalid::new("does not begin with `/`", help));
        };
        let (path, end) = end(path)?;
        let (mut segments, mut parameters) = (Vec::new(), BTreeSet::new());
        for segment in path.into_iter().flat_map(|path| path.split('/')) {
            segments.push(read(segment, text, &mut parameters)?);
        }
        // Only what ends with a slash ends with one that is empty.
        let whole = segments.len().saturating_sub(usize::from(end != End::Below));
        if segments[..whole].contains(&Segment::Exact("".into())) {
            return Err(Invalid::new("has an empty segment", "write one `/` between segments"));
        }
        Ok(Self { pattern: text.to_owned(), segments, end })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.pattern)
    }
}

/// What stands before the end of a pattern, if anything does, and the end.
fn end(path: &str) -> Result<(Option<&str>, End), Invalid> {
    let last = |path: &str| path.rsplit('/').next().map(str::to_owned).unwrap_or_default();
    let (path, end) = match path.strip_suffix(OPEN) {
        Some(open) => (open, End::HereOrSlash),
        None => (path, End::Here),
    };
    if path.contains(OPEN) {
        return Err(Invalid::new("has `{/}` before its end", "let `{/}` come last, as in \"/items{/}\""));
    }
    match (&*last(path), end) {
        ("*", End::HereOrSlash) => {
            Err(Invalid::new("has `{/}` after `*`", "leave `{/}` out: `*` matches what ends with `/` as well"))
        }
        ("", End::HereOrSlash) => {
            let help = match path {
                "" => "write \"/\"".to_owned(),
                _ => format!("write \"/{}{OPEN}\"", path.trim_end_matches('/')),
            };
            Err(Invalid::new("has `{/}` after `/`", help))
        }
        ("*", _) => Ok((path.strip_suffix("/*"), End::Below)),
        _ => Ok((Some(path), end)),
    }
}

/// One segment of the pattern `text`.
fn read<'a>(segment: &'a str, text: &str, seen: &mut BTreeSet<&'a str>) -> Result<Segment, Invalid> {
    match segment {
        "" => Ok(Segment::Exact("".into())),
        "*" => Err(Invalid::new(
            "has `*` before its end",
            "let `*` come last, or write a parameter, as in \"/items/{id}/parts\"",
        )),
        _ if segment.contains(['{', '}']) => parameter(segment, seen),
        _ => exact(segment, text),
    }
}

fn exact(segment: &str, text: &str) -> Result<Segment, Invalid> {
    // As other routers write parameters.
    if segment.starts_with([':', '<']) {
        let name = segment.trim_matches([':', '<', '>']).rsplit(':').next().unwrap_or_default();
        let help = format!("write \"{{{name}}}\" for a parameter");
        return Err(Invalid::new(format!("has the segment `{segment}`"), help));
    }
    match segment.chars().find(|c| !is_path(*c)) {
        None => {}
        Some('*') => {
            return Err(Invalid::new(
                "has `*` within a segment",
                "let `*` be all of the last segment, as in \"/files/*\"",
            ));
        }
        Some('?' | '#') => {
            return Err(Invalid::new(
                "has more than a path",
                "leave out `?` or `#` and what follows; a route is matched by path alone",
            ));
        }
        Some(other) => {
            let what = meant(text).map_or("it".into(), |text| format!("{text:?}"));
            let help = format!("write {what}: a request has it percent-encoded");
            return Err(Invalid::new(format!("has the character {other:?}"), help));
        }
    }
    let path = format!("/{segment}");
    let normal = normalised(&path).map_err(|_| {
        Invalid::new(
            format!("has the segment `{segment}`, which no request can have"),
            "write a `%` as `%25`, and leave out `%00`",
        )
    })?;
    match normal.strip_prefix('/') {
        None | Some("") => {
            let what = meant(text).map_or("where it leads".into(), |text| format!("{text:?}"));
            let help = format!("write {what}: `.` and `..` are followed before a path is compared, and reach no route");
            Err(Invalid::new(format!("has the segment `{segment}`"), help))
        }
        Some(normal) => Ok(Segment::Exact(normal.into())),
    }
}

/// The pattern that is meant by one that no path can match, if that can be told: with
/// escapes, and without dots and what is no path.
fn meant(text: &str) -> Option<String> {
    let text = text.split(['?', '#']).next()?;
    let (path, open) = text.strip_suffix(OPEN).map_or((text, ""), |path| (path, OPEN));
    let segments = path.split('/').map(|segment| match segment {
        _ if segment == "*" || segment.contains(['{', '}']) => Some(segment.to_owned()),
        _ => spelled(segment).ok(),
    });
    let path = without_dots(&segments.collect::<Option<Vec<_>>>()?.join("/"));
    let path = if open.is_empty() { path } else { format!("{}{open}", path.trim_end_matches('/')) };
    path.parse::<Pattern>().is_ok().then_some(path)
}

fn parameter<'a>(segment: &'a str, seen: &mut BTreeSet<&'a str>) -> Result<Segment, Invalid> {
    let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let help = "a parameter is a whole segment, named with letters, digits and `_`, as in \"/items/{id}\"";
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match name.filter(|name| is_name(name)) {
        None => Err(Invalid::new(format!("has the segment `{segment}`, which is no parameter"), help)),
        Some(name) if !seen.insert(name) => {
            Err(Invalid::new(format!("has the parameter `{segment}` twice"), "give each its own name"))
        }
        Some(_) => Ok(Segment::Parameter),
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

    fn pattern(text: &str) -> Result<Pattern, Invalid> {
        text.parse()
    }

    #[test]
    fn patterns_are_taken_and_shown_as_they_were_written() -> Result<(), Invalid> {
        for text in [
            "/",
            "/items",
            "/items/",
            "/items{/}",
            "/items/{id}/parts/{part_2}",
            "/items/{id}{/}",
            "/*",
            "/files/*",
            "/a%20b",
            "/%7euser",
            "/@me:x",
            "/.well-known/a",
        ] {
            assert_eq!(pattern(text)?.as_str(), text);
        }
        Ok(())
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
            "/a/%2e%2E/b",
            "/%2e",
            "/a%",
            "/a%zz",
            "/a%00",
            "/:id",
            "/<int:id>",
            "{/}",
            "/{/}",
            "/a/{/}",
            "/a/*{/}",
            "/*{/}",
            "/a{/}/b",
            "/a{/}{/}",
            "/a//",
            "//*",
            "/a//*",
        ] {
            assert!(text.parse::<Pattern>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_no_path_can_match_is_told_as_it_was_meant() {
        for (text, meant) in [
            ("/café", "write \"/caf%C3%A9\""),
            ("/{id}/Füße und mehr/*", "write \"/{id}/F%C3%BC%C3%9Fe%20und%20mehr/*\""),
            ("/ä/%7eb{/}", "write \"/%C3%A4/~b{/}\""),
            ("/ä?b=c", "write \"/%C3%A4\""),
            ("/ä/b*", "write it: "),
            ("/ä/%zz", "write it: "),
            ("/a/../b", "write \"/b\""),
            ("/a/./{id}/%2e%2E/b", "write \"/a/b\""),
            ("/../../a/.", "write \"/a/\""),
            ("/a/b/..{/}", "write \"/a{/}\""),
            ("/..", "write \"/\""),
            ("/a//../b", "write \"/a/b\""),
            ("/./a//b", "write where it leads: "),
        ] {
            let help = pattern(text).map_err(|invalid| invalid.help);
            assert!(help.as_ref().is_err_and(|help| help.starts_with(meant)), "{text}: {help:?}");
        }
    }

    #[test]
    fn patterns_conflict_where_neither_goes_before_the_other() -> Result<(), Invalid> {
        for (one, other) in [
            ("/a", "/a"),
            ("/a/{x}", "/a/{y}"),
            ("/a/*", "/a/*"),
            ("/~a", "/%7ea"),
            ("/a{/}", "/a"),
            ("/a{/}", "/a/"),
            ("/a/{x}{/}", "/a/{y}/"),
            ("/a{/}", "/a{/}"),
        ] {
            assert!(pattern(one)?.conflicts(&pattern(other)?), "{one} {other}");
            assert!(pattern(other)?.conflicts(&pattern(one)?), "{other} {one}");
        }
        for (one, other) in [
            ("/a", "/a/"),
            ("/a/me", "/a/{x}"),
            ("/a/me", "/a/*"),
            ("/a/{x}", "/a/*"),
            ("/a/", "/a/*"),
            ("/a{/}", "/a/*"),
            ("/a{/}", "/a/{x}{/}"),
            ("/a/{x}", "/a/{y}/b"),
            ("/a/*", "/*"),
            ("/a%2Fb", "/a/b"),
        ] {
            assert!(!pattern(one)?.conflicts(&pattern(other)?), "{one} {other}");
            assert!(!pattern(other)?.conflicts(&pattern(one)?), "{other} {one}");
        }
        Ok(())
    }

    #[test]
    fn parameters_stand_for_parts_of_a_path() -> Result<(), Invalid> {
        for (text, path, parts) in [
            ("/a", "/a", &[][..]),
            ("/a/{x}", "/a/b%2Fc", &[("x", "b%2Fc")]),
            ("/{x}/b/{y}{/}", "/a/b/c/", &[("x", "a"), ("y", "c")]),
            ("/{x}/*", "/a/", &[("x", "a"), ("*", "")]),
            ("/{x}/*", "/a//b/c/", &[("x", "a"), ("*", "/b/c/")]),
            ("/*", "/", &[("*", "")]),
            ("/*", "//a", &[("*", "/a")]),
        ] {
            let pattern = pattern(text)?;
            let seen: Vec<_> = pattern.parameters().into_iter().zip(pattern.parts(path)).collect();
            assert_eq!((&*seen, pattern.parameters().len()), (parts, parts.len()), "{text} {path}");
        }
        Ok(())
    }

    #[test]
    fn patterns_are_the_same_however_they_are_spelled() -> Result<(), Invalid> {
        assert!(pattern("/%7ea/{x}")?.is_same(&pattern("/~a/{x}")?));
        for (one, other) in
            [("/a/{x}", "/a/{y}"), ("/a/{x}{/}", "/a/{y}{/}"), ("/a{/}", "/a"), ("/a", "/a/*"), ("/a", "/A")]
        {
            assert!(!pattern(one)?.is_same(&pattern(other)?), "{one} {other}");
        }
        Ok(())
    }
}
