//! What pages of other origins may ask, as browsers keep it (Fetch, section 3.3).

use std::time::Duration;

use http::{HeaderName, Method, Uri};

use super::Invalid;

/// The `cors` of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cors {
    /// Those that may read answers.
    pub origins: Origins,
    /// By which methods they may ask.
    pub methods: Names<Method>,
    /// Which header fields their requests may have, beside those of every page.
    pub headers: Names<HeaderName>,
    /// Which header fields of answers they may read, beside those of every page.
    pub expose: Names<HeaderName>,
    /// Whether requests may bring the cookies and logins that a browser has for this host.
    pub credentials: bool,
    /// For how long a browser may remember what it was allowed; up to a day.
    pub max_age: Option<Duration>,
}

/// Origins, as browsers write them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// Every one, without credentials.
    Any,
    /// These.
    These(Vec<String>),
}

/// Names of methods or of header fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Names<T> {
    /// All, without credentials.
    Any,
    /// These.
    These(Vec<T>),
}

/// What stands for all.
pub(super) const ANY: &str = "*";

/// The origin of pages that have none: files, and frames that are shut off.
pub(super) const NULL: &str = "null";

/// Reads an origin: `https://app.example`, `http://localhost:3000`, `null`.
pub(super) fn origin(text: &str) -> Result<String, Invalid> {
    if text == NULL {
        return Ok(text.to_owned());
    }
    let Some((scheme, host)) = text.split_once("://") else {
        let help = format!("write a scheme as well, as in \"https://{}\"", text.trim_matches('/'));
        return Err(Invalid::new("is no origin", help));
    };
    if text.contains('*') {
        return Err(Invalid::new(
            "has a `*`: origins are compared whole",
            "write each origin that there is, or \"*\" alone",
        ));
    }
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let authority = host.split(['/', '?', '#']).next().unwrap_or_default();
    let usual = [("http", ":80"), ("https", ":443")].into_iter().find(|(of, _)| scheme.eq_ignore_ascii_case(of));
    let bare = usual.and_then(|(_, port)| authority.strip_suffix(port)).unwrap_or(authority);
    let meant = format!("{scheme}://{bare}").to_ascii_lowercase();
    let is_host = !bare.is_empty() && !bare.contains('@') && format!("http://{bare}/").parse::<Uri>().is_ok();
    match () {
        () if !is_scheme || !is_host => {
            Err(Invalid::new("is no origin", "write a scheme, a host and a port if it is not the usual one"))
        }
        () if meant != text => Err(Invalid::new("is not as a browser writes it", format!("write \"{meant}\""))),
        () => Ok(meant),
    }
}

/// Reads a method.
pub(super) fn method(text: &str) -> Result<Method, Invalid> {
    let upper = text.to_ascii_uppercase();
    let method =
        Method::from_bytes(text.as_bytes()).map_err(|_| Invalid::new("is no method", "write one as in \"PUT\""))?;
    match &*upper {
        _ if upper != text => {
            Err(Invalid::new("is not in capitals", format!("write \"{upper}\": methods have a case")))
        }
        "CONNECT" | "TRACE" => Err(Invalid::new("is a method that browsers let no page ask by", "leave it out")),
        _ => Ok(method),
    }
}

/// Reads the name of a header field.
pub(super) fn header(text: &str) -> Result<HeaderName, Invalid> {
    let help = "a header's name has letters, digits and `-`, as in \"x-version\"";
    HeaderName::from_bytes(text.as_bytes()).map_err(|_| Invalid::new("is no name of a header", help))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_taken_as_browsers_write_them() {
        for text in [
            "https://app.example",
            "http://localhost:3000",
            "http://[::1]:8080",
            "null",
            "chrome-extension://abc",
            "https://a.example:8443",
        ] {
            assert_eq!(origin(text).as_deref(), Ok(text));
        }
        for (text, help) in [
            ("app.example", "write a scheme as well, as in \"https://app.example\""),
            ("https://app.example/", "write \"https://app.example\""),
            ("https://App.Example", "write \"https://app.example\""),
            ("https://app.example:443", "write \"https://app.example\""),
            ("http://app.example:80/a?b", "write \"http://app.example\""),
            ("https://*.example", "write each origin"),
            ("https://", "write a scheme, a host"),
            ("https://a@app.example", "write a scheme, a host"),
            ("://app.example", "write a scheme, a host"),
            ("https://a b", "write a scheme, a host"),
        ] {
            let told = origin(text).map_err(|invalid| invalid.help);
            assert!(told.as_ref().is_err_and(|told| told.starts_with(help)), "{text}: {told:?}");
        }
    }
}
