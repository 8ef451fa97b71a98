//! Where a route sends its requests on.

use std::fmt;

use http::StatusCode;

use super::Invalid;

/// A redirect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Where to.
    pub to: Target,
    /// 301, 302, 303, 307 or 308.
    pub status: StatusCode,
}

/// A path, or a URL, in which parts of the request's path may stand. Whatever these are, the
/// host is what was written, or the one that was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// What the route's pattern has for the parameter of this name, or for `*`.
    Part(String),
}

impl Target {
    /// The target of a route whose pattern has these parameters, with `*` if it ends so.
    ///
    /// # Errors
    ///
    /// What is neither a path nor a URL of HTTP, what names another parameter, and what would
    /// let a request say which host it is sent to.
    pub fn parse(text: &str, parameters: &[&str]) -> Result<Target, Invalid> {
        check_host(text)?;
        if let Some(other) = text.chars().find(|c| !c.is_ascii_graphic() || "\"<>\\^`|#".contains(*c)) {
            let help = "write it as in a URL, percent-encoded, and leave out `#` and what follows";
            return Err(Invalid::new(format!("has the character {other:?}"), help));
        }
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some((before, inner)) = rest.split_once('{') {
            let Some((name, after)) = inner.split_once('}') else {
                return Err(Invalid::new("has a `{` without `}`", "write parameters as in \"/items/{id}\""));
            };
            if !parameters.contains(&name) {
                return Err(unknown(name, parameters));
            }
            pieces.extend([Piece::Text(before.to_owned()), Piece::Part(name.to_owned())]);
            rest = after;
        }
        if rest.contains('}') {
            return Err(Invalid::new("has a `}` without `{`", "write parameters as in \"/items/{id}\""));
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Target { text: text.to_owned(), pieces })
    }

    /// The location for a request: its query is kept, unless the target has one of its own.
    /// `part` is what the pattern had for a name, normalised and percent-encoded as it is in a
    /// path.
    pub fn location<'p>(&self, part: impl Fn(&str) -> Option<&'p str>, query: Option<&str>) -> String {
        let mut location = String::with_capacity(self.text.len() + 32);
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => location.push_str(text),
                Piece::Part(name) if location.contains('?') => {
                    part(name).into_iter().for_each(|part| push_in_query(&mut location, part));
                }
                Piece::Part(name) => location.push_str(part(name).unwrap_or_default()),
            }
        }
        // Two slashes would begin the name of a host.
        if location.starts_with("//") {
            location = format!("/{}", location.trim_start_matches('/'));
        }
        match query {
            Some(query) if !location.contains('?') => location + "?" + query,
            _ => location,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status.as_str(), self.to)
    }
}

/// Reads a redirect's status.
pub(super) fn status(number: i64) -> Result<StatusCode, Invalid> {
    let status = u16::try_from(number).ok().filter(|number| matches!(number, 301 | 302 | 303 | 307 | 308));
    let status = status.and_then(|number| StatusCode::from_u16(number).ok());
    let help = "write 308, or 307 for a while; 301 and 302 let POST become GET, and 303 makes it so";
    status.ok_or_else(|| Invalid::new("is no status that sends a client on", help))
}

/// The host has to stand there, or to be that of the request.
fn check_host(text: &str) -> Result<(), Invalid> {
    let url = ["https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    match url {
        None if text.starts_with("//") || text.starts_with("/\\") => {
            let help = "write \"/\" once for a path of the same host, or \"https://\" and the host";
            Err(Invalid::new("begins with two slashes, which browsers take for a host's name", help))
        }
        None if text.starts_with('/') => Ok(()),
        None if text.contains("://") => {
            Err(Invalid::new("has another scheme than http and https", "write a path, or a URL of one of these"))
        }
        None => {
            let help = format!("write \"/{text}\", or a URL as in \"https://new.example/\"");
            Err(Invalid::new("is neither a path nor a URL", help))
        }
        Some(rest) => {
            let authority = &rest[..rest.find(['/', '?']).unwrap_or(rest.len())];
            if authority.contains(['{', '}']) {
                let help = "write the host, and a `/` behind it before the first parameter";
                return Err(Invalid::new("lets a request say to which host it is sent", help));
            }
            match authority.parse::<http::uri::Authority>() {
                Ok(authority) if !authority.as_str().contains('@') && !authority.host().is_empty() => Ok(()),
                _ => Err(Invalid::new("has no host", "write a URL as in \"https://new.example/\"")),
            }
        }
    }
}

fn unknown(name: &str, parameters: &[&str]) -> Invalid {
    let known: Vec<String> = parameters.iter().map(|name| format!("`{{{name}}}`")).collect();
    let help = match known.is_empty() {
        true => "the route has neither a parameter nor `*`: leave it out".to_owned(),
        false => format!("the route has {}", known.join(", ")),
    };
    Invalid::new(format!("has `{{{name}}}`, which the route has not"), help)
}

/// What parts a query is escaped, so that no path adds a parameter to it.
fn push_in_query(query: &mut String, part: &str) {
    for c in part.chars() {
        match c {
            '&' => query.push_str("%26"),
            '+' => query.push_str("%2B"),
            ';' => query.push_str("%3B"),
            '=' => query.push_str("%3D"),
            c => query.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMETERS: [&str; 2] = ["id", "*"];

    #[test]
    fn parts_of_the_path_stand_where_they_are_named() -> Result<(), Invalid> {
        for (target, id, rest, query, location) in [
            ("/new/{id}", "1", "", None, "/new/1"),
            ("/new/{id}", "a%2Fb", "", Some("c=d"), "/new/a%2Fb?c=d"),
            ("/new/{*}", "", "a/b/", Some(""), "/new/a/b/?"),
            ("/{*}", "", "/evil.example/", None, "/evil.example/"),
            ("/{*}", "", "///evil.example", Some("a"), "/evil.example?a"),
            ("/{id}{*}", "a", "/b", None, "/a/b"),
            ("https://new.example/{*}", "", "/a", None, "https://new.example//a"),
            ("https://new.example", "", "", Some("a=b"), "https://new.example?a=b"),
            ("/find?q={id}", "a&b=c;d+e", "", Some("x=y"), "/find?q=a%26b%3Dc%3Bd%2Be"),
        ] {
            let part = |name: &str| Some(if name == "id" { id } else { rest });
            assert_eq!(Target::parse(target, &PARAMETERS)?.location(part, query), location, "{target}");
        }
        Ok(())
    }

    #[test]
    fn no_request_says_which_host_it_is_sent_to() {
        for target in [
            "//evil.example/",
            "/\\evil.example",
            "https://{id}/",
            "https://new.example{*}",
            "https://new.example:{id}/",
            "https://{id}@new.example/",
            "https://new.example@evil.example/",
            "https:///a",
            "https://",
            "javascript://a",
            "new",
            "{*}",
            "",
            "/a\\b",
            "/a#b",
            "/ä",
            "/a b",
            "/{id",
            "/id}",
            "/{other}",
            "/a\r\nb",
        ] {
            assert!(Target::parse(target, &PARAMETERS).is_err(), "{target}");
        }
    }
}
