//! An element of `Forwarded` (RFC 7239, section 4): what one proxy says of who asked it.

use std::borrow::Cow;

/// What one proxy says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Element<'a> {
    /// Who asked it.
    pub client: Option<Cow<'a, str>>,
    /// The scheme that was asked for.
    pub proto: Option<Cow<'a, str>>,
    /// The host that was asked for.
    pub host: Option<Cow<'a, str>>,
}

impl<'a> Element<'a> {
    /// Read what is between two commas. None is what is malformed, a parameter that is there
    /// twice among it.
    pub fn read(text: &'a str) -> Option<Element<'a>> {
        let (mut element, mut others) = (Element::default(), Vec::new());
        let mut parts = Reversed { rest: Some(text), separator: b';' };
        parts.try_for_each(|part| {
            let (name, value) = part.split_once('=')?;
            let value = unquoted(value).filter(|_| is_token(name))?;
            let place = match name {
                name if name.eq_ignore_ascii_case("for") => &mut element.client,
                name if name.eq_ignore_ascii_case("proto") => &mut element.proto,
                name if name.eq_ignore_ascii_case("host") => &mut element.host,
                other => {
                    let is_new = !others.iter().any(|name: &&str| name.eq_ignore_ascii_case(other));
                    others.push(other);
                    return is_new.then_some(());
                }
            };
            place.replace(value).is_none().then_some(())
        })?;
        Some(element)
    }
}

/// The elements of a field from the right: the last is the nearest proxy's. However far
/// those to its left are from what they should be, it is found.
pub fn from_the_right(field: &str) -> impl Iterator<Item = &str> {
    Reversed { rest: Some(field), separator: b',' }.filter(|element| !element.is_empty())
}

/// The parts of a text from the right, without the spaces around them. What is in quotes
/// separates nothing.
struct Reversed<'a> {
    rest: Option<&'a str>,
    separator: u8,
}

impl<'a> Iterator for Reversed<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let text = self.rest?;
        let mut is_quoted = false;
        for (at, byte) in text.bytes().enumerate().rev() {
            match byte {
                b'"' if !is_escaped(&text.as_bytes()[..at]) => is_quoted = !is_quoted,
                byte if byte == self.separator && !is_quoted => {
                    self.rest = Some(&text[..at]);
                    return Some(trimmed(&text[at + 1..]));
                }
                _ => {}
            }
        }
        self.rest = None;
        Some(trimmed(text))
    }
}

/// Whether what follows this is escaped.
fn is_escaped(before: &[u8]) -> bool {
    before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// A value without its quotes; none if it is neither a token nor a whole string in them (RFC
/// 9110, section 5.6).
fn unquoted(value: &str) -> Option<Cow<'_, str>> {
    let Some(quoted) = value.strip_prefix('"') else { return is_token(value).then_some(Cow::Borrowed(value)) };
    let inner = quoted.strip_suffix('"')?;
    let (mut plain, mut bytes) = (String::new(), inner.chars());
    while let Some(next) = bytes.next() {
        match next {
            '"' => return None,
            '\\' => plain.push(bytes.next()?),
            other => plain.push(other),
        }
    }
    Some(Cow::Owned(plain))
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(client: &str, proto: &str, host: &str) -> Option<Element<'static>> {
        let some = |text: &str| (!text.is_empty()).then(|| Cow::Owned(text.to_owned()));
        Some(Element { client: some(client), proto: some(proto), host: some(host) })
    }

    #[test]
    fn elements_are_read() {
        for (text, expected) in [
            ("for=192.0.2.7", element("192.0.2.7", "", "")),
            ("For=192.0.2.7;PROTO=https;hOst=a.example", element("192.0.2.7", "https", "a.example")),
            ("for=192.0.2.7; proto=https ;\thost=a", element("192.0.2.7", "https", "a")),
            ("by=203.0.113.4;for=\"[2001:db8::7]:4711\"", element("[2001:db8::7]:4711", "", "")),
            ("for=\"_a;b, c\\\"d\\\\\"", element("_a;b, c\"d\\", "", "")),
            ("proto=https", element("", "https", "")),
            ("secret=x;host=\"a:80\"", element("", "", "a:80")),
        ] {
            assert_eq!(Element::read(text), expected, "{text}");
        }
        for text in [
            "",
            "for",
            "for=",
            "=x",
            "for=[::1]",
            "for=\"x",
            "for=x\"",
            "for=\"a\"b\"",
            "for=\"x\\\"",
            "for=a;for=b",
            "for=a;;proto=http",
            "for=a;",
            "for = a",
            "for=a b",
            "x=1;X=2",
            "for=192.0.2.7:80",
        ] {
            assert_eq!(Element::read(text), None, "{text}");
        }
    }

    #[test]
    fn the_last_element_is_the_nearest_proxys_whatever_is_before_it() {
        for (field, expected) in [
            ("for=a, for=b", &["for=b", "for=a"][..]),
            ("for=a,,for=b ,", &["for=b", "for=a"]),
            ("for=\"a, b\", for=c", &["for=c", "for=\"a, b\""]),
            ("for=\"x\\\", for=c\"", &["for=\"x\\\", for=c\""]),
            ("", &[]),
        ] {
            assert_eq!(from_the_right(field).collect::<Vec<_>>(), expected, "{field}");
        }
        for claim in ["for=\"", "for=\"x", "\\", "for=\"\\", "\"\"\"", "a=\",\"\",", ";;", "for=a\\\"", "\u{e4}\""] {
            for own in ["for=192.0.2.7;proto=http", "for=\"[2001:db8::7]:1\";by=\"_a,b\""] {
                let field = format!("{claim}, {own}");
                assert_eq!(from_the_right(&field).next(), Some(own), "{field}");
            }
        }
    }
}
