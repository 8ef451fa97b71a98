//! One route: which requests it is for.

use std::{collections::BTreeMap, fmt, str::FromStr};

use crate::{Host, Invalid, Methods, Pattern};

/// A route, as a manifest has it: `/orders`, `POST /orders`, `GET,PUT shop.example/orders/{id}`
/// or `*.example.com/*`. Without methods it is for all, without a host for every host.
///
/// It may ask for [fields](Self::with_field) of the request as well, which have no place in
/// that text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route {
    text: String,
    pub(crate) methods: Methods,
    pub(crate) host: Option<Host>,
    pub(crate) path: Pattern,
    pub(crate) fields: Fields,
}

/// By name in lower case the value that a header field must have, or none for any value.
pub(crate) type Fields = BTreeMap<Box<str>, Option<Box<str>>>;

impl Route {
    /// The route as it was written, without its fields.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The pattern of its paths.
    pub fn path(&self) -> &Pattern {
        &self.path
    }

    /// The same route for every host, which asks for no header fields.
    pub fn anywhere(&self) -> Route {
        Route { host: None, fields: Fields::new(), ..self.clone() }
    }

    /// The header fields that it asks for: their names in lower case, and the value that each
    /// must have, or none for any.
    pub fn fields(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.fields.iter().map(|(name, value)| (&**name, value.as_deref()))
    }

    /// The same route, for requests alone that have a header field of this name with this
    /// value; `*` is any value.
    ///
    /// # Errors
    ///
    /// What is no name of a field, and what no value can be.
    pub fn with_field(mut self, name: &str, value: &str) -> Result<Route, Invalid> {
        if name.is_empty() || !name.bytes().all(is_token) {
            let help = "a header's name has letters, digits and `-`, as in \"x-version\"";
            return Err(Invalid::new("has a name that no header has", help));
        }
        if value.trim() != value || value.bytes().any(|byte| !(byte == b'\t' || (b' '..=b'~').contains(&byte))) {
            let help = "write visible ASCII, without a space at either end, or \"*\" for any value";
            return Err(Invalid::new("has a value that no header has", help));
        }
        self.fields.insert(name.to_ascii_lowercase().into(), (value != "*").then(|| value.into()));
        Ok(self)
    }

    /// The route with its fields, a line each, as [`from_lines`](Self::from_lines) reads them.
    pub fn to_lines(&self) -> String {
        let fields = self.fields().map(|(name, value)| format!("\n{name}:{}", value.unwrap_or("*")));
        fields.fold(self.text.clone(), |lines, line| lines + &line)
    }

    /// What [`to_lines`](Self::to_lines) has written.
    ///
    /// # Errors
    ///
    /// What that did not write.
    pub fn from_lines(lines: &str) -> Result<Route, Invalid> {
        let mut lines = lines.split('\n');
        let route: Route = lines.next().unwrap_or_default().parse()?;
        lines.try_fold(route, |route, line| {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            route.with_field(name, value)
        })
    }

    /// Whether some request matches both, and neither goes before the other.
    pub fn conflicts(&self, other: &Route) -> bool {
        self.host == other.host
            && self.path.conflicts(&other.path)
            && self.methods.conflicts(&other.methods)
            && self.fields.len() == other.fields.len()
            && self.fields.iter().all(|(name, value)| match (value, other.fields.get(name)) {
                (Some(one), Some(Some(other))) => one == other,
                _ => true,
            })
    }

    /// Whether the two are one route, however it is spelled.
    pub fn is_same(&self, other: &Route) -> bool {
        (&self.methods, &self.host, &self.fields) == (&other.methods, &other.host, &other.fields)
            && self.path.is_same(&other.path)
    }
}

impl FromStr for Route {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (methods, place) = match text.split_once(' ') {
            Some((methods, place)) if !methods.contains('/') => (methods.parse()?, place),
            _ => (Methods::default(), text),
        };
        if place.contains("://") {
            return Err(Invalid::new("has a scheme", help_without_scheme(place)));
        }
        let (host, path) = match place.find('/') {
            Some(slash) if slash > 0 => (Some(host(place, slash)?), &place[slash..]),
            _ => (None, place),
        };
        Ok(Self { text: text.to_owned(), methods, host, path: path.parse()?, fields: Fields::new() })
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        for (name, value) in self.fields() {
            write!(f, " {name}={}", value.unwrap_or("*"))?;
        }
        Ok(())
    }
}

/// The host before the slash of a `place`. A first segment whose own slash was forgotten would be
/// taken for one, so that it must have a dot.
fn host(place: &str, slash: usize) -> Result<Host, Invalid> {
    let host = &place[..slash];
    if host.contains(['.', '[', ':']) || host == "localhost" {
        return host.parse();
    }
    let path = place.trim_start_matches(['*', ' ']).trim_start_matches('/');
    let mut help = format!("write \"/{path}\"");
    if host.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        help = format!("{help}, or for a host of this name \"{host}.{}\"", &place[slash..]);
    }
    Err(Invalid::new("does not begin with `/`", help))
}

/// What was meant by a URL: its host and its path.
fn help_without_scheme(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or(rest);
    let (host, path) = rest.split_once('/').unwrap_or((rest, "*"));
    let host = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let meant = format!("{host}/{path}");
    match meant.parse::<Route>() {
        Ok(_) => format!("write \"{meant}\", or \"/{path}\" for every host"),
        Err(_) => format!("write \"/{path}\""),
    }
}

/// Whether a byte may stand in a method's or a field's name (RFC 9110, section 5.6.2).
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(text: &str) -> Result<Route, Invalid> {
        let (text, fields) = text.split_once(" ~ ").unwrap_or((text, ""));
        let fields = fields.split(' ').filter_map(|field| field.split_once('='));
        fields.fold(text.parse(), |route: Result<Route, _>, (name, value)| route?.with_field(name, value))
    }

    #[test]
    fn methods_and_hosts_are_told_from_paths() -> Result<(), Invalid> {
        for (text, methods, host, path) in [
            ("/a", "", None, "/a"),
            ("GET /a", "GET", None, "/a"),
            ("PUT,GET a.example/b/{c}", "GET,PUT", Some("a.example"), "/b/{c}"),
            ("A.Example./b", "", Some("a.example"), "/b"),
            ("*.example.com/*", "", Some("*.example.com"), "/*"),
            ("localhost/", "", Some("localhost"), "/"),
            ("shop./a", "", Some("shop"), "/a"),
            ("[::1]/a", "", Some("[::1]"), "/a"),
            ("127.0.0.1/a", "", Some("127.0.0.1"), "/a"),
            ("PROPFIND /a", "PROPFIND", None, "/a"),
        ] {
            let route = route(text)?;
            assert_eq!(route.as_str(), text);
            assert_eq!(route.methods.to_string(), methods, "{text}");
            assert_eq!(route.host.as_ref().map(ToString::to_string).as_deref(), host, "{text}");
            assert_eq!(route.path().as_str(), path, "{text}");
        }
        Ok(())
    }

    #[test]
    fn what_is_none_is_told_as_it_was_meant() {
        for (text, help) in [
            ("get /a", "write \"GET\""),
            ("GET,,PUT /a", "write methods as in"),
            ("GET, PUT /a", "write methods as in"),
            ("GET,GET /a", "leave one of the two out"),
            ("CONNECT /a", "leave it out"),
            ("TRACE /a", "leave it out"),
            ("GET  /a", "write \"/"),
            ("GET a", "write \"/a\""),
            ("/a b", "write \"/a%20b\""),
            ("items/a", "write \"/items/a\""),
            ("a.example:8080/b", "leave the port out"),
            ("a..b/c", "write a name"),
            ("a.*.b/c", "let `*` be the first"),
            ("*a.b/c", "let `*` be the first"),
            ("*/a", "write \"/a\""),
            ("https://a.example/b?c", "write \"a.example/b\", or \"/b\" for every host"),
            ("http://a.example:80", "write \"a.example/*\", or \"/*\" for every host"),
            ("GET http://localhost/b", "write \"localhost/b\""),
            ("http://a/b", "write \"/b\""),
        ] {
            let told = text.parse::<Route>().map_err(|invalid| invalid.help);
            assert!(told.as_ref().is_err_and(|told| told.starts_with(help)), "{text}: {told:?}");
        }
    }

    #[test]
    fn routes_conflict_where_neither_goes_before_the_other() -> Result<(), Invalid> {
        for (one, other) in [
            ("GET /a", "GET /a"),
            ("GET,PUT /a", "PUT,POST /a"),
            ("a.example/b", "A.example./b"),
            ("/a ~ x=1", "/a ~ y=1"),
            ("/a ~ x=1", "/a ~ x=*"),
            ("/a ~ x=1 y=2", "/a ~ X=1 y=*"),
        ] {
            assert!(route(one)?.conflicts(&route(other)?), "{one} {other}");
            assert!(route(other)?.conflicts(&route(one)?), "{other} {one}");
        }
        for (one, other) in [
            ("GET /a", "/a"),
            ("GET /a", "POST /a"),
            ("GET /a", "HEAD /a"),
            ("a.example/b", "/b"),
            ("a.example/b", "*.example/b"),
            ("a.example/b", "b.example/b"),
            ("/a ~ x=1", "/a"),
            ("/a ~ x=1", "/a ~ x=2"),
            ("/a ~ x=1", "/a ~ x=1 y=2"),
        ] {
            assert!(!route(one)?.conflicts(&route(other)?), "{one} {other}");
            assert!(!route(other)?.conflicts(&route(one)?), "{other} {one}");
        }
        Ok(())
    }

    #[test]
    fn fields_are_shown_and_others_refused() -> Result<(), Invalid> {
        let with = route("GET /a")?.with_field("X-Version", "2")?.with_field("x-beta", "*")?;
        assert_eq!((with.as_str(), &*with.to_string()), ("GET /a", "GET /a x-beta=* x-version=2"));
        assert_eq!(Route::from_lines(&with.to_lines()), Ok(with));
        for (name, value) in [("", "a"), ("a b", "a"), ("x:", "a"), ("ä", "a"), ("x", " a"), ("x", "a\n"), ("x", "ä")]
        {
            assert!(route("/a")?.with_field(name, value).is_err(), "{name:?} {value:?}");
        }
        Ok(())
    }
}
