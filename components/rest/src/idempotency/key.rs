//! The key of a request.

use wasip2::http::types::Fields;

use crate::Error;

/// The longest key, in characters. A store takes keys of 1 KiB.
const LONGEST: usize = 255;

/// The key of a request.
#[derive(Debug, PartialEq, Eq)]
pub struct IdempotencyKey(pub(super) String);

impl IdempotencyKey {
    /// The key in the header; `None` where there is no such header.
    pub(crate) fn of(headers: &Fields) -> Result<Option<Self>, Error> {
        match headers.get("idempotency-key").as_slice() {
            [] => Ok(None),
            [value] => str::from_utf8(value).ok().and_then(Self::parse).map(Some).ok_or_else(malformed),
            _ => Err(Error::bad_request("Idempotency-Key is there more than once")),
        }
    }

    /// The draft has a String of Structured Fields, which is in quotes; most clients
    /// send the bare key. Both mean the same one.
    fn parse(value: &str) -> Option<Self> {
        let value = value.trim_matches(' ');
        let key = match value.strip_prefix('"') {
            Some(quoted) => unquoted(quoted.strip_suffix('"')?)?,
            None => value.bytes().all(is_bare).then(|| value.to_owned())?,
        };
        (1..=LONGEST).contains(&key.len()).then_some(Self(key))
    }
}

/// What is in the quotes (RFC 9651, section 3.3.3): visible ASCII and spaces, with `\"`
/// and `\\` for those two.
fn unquoted(quoted: &str) -> Option<String> {
    let mut key = String::with_capacity(quoted.len());
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        key.push(match character {
            '\\' => characters.next().filter(|escaped| matches!(escaped, '"' | '\\'))?,
            ' ' | '!' | '#'..='~' => character,
            _ => return None,
        });
    }
    Some(key)
}

/// Visible ASCII that makes no two keys of one, no parameters, and no quotes.
fn is_bare(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\"'\\,;".contains(&byte)
}

fn malformed() -> Error {
    Error::bad_request(format!(
        "Idempotency-Key must be one key of 1 to {LONGEST} characters of ASCII, as in 8e03978e-40d5; \
         one with spaces, commas, semicolons, quotes or backslashes must be a string in double quotes"
    ))
}

#[cfg(test)]
mod tests {
    use super::{IdempotencyKey, LONGEST};

    #[test]
    fn keys_are_strings_of_structured_fields_or_bare() {
        let longest = "x".repeat(LONGEST);
        for (value, key) in [
            (r#""8e03978e-40d5-43dd-bc93-6894a57f9324""#, "8e03978e-40d5-43dd-bc93-6894a57f9324"),
            ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
            (r#"  "a b" "#, "a b"),
            ("  a  ", "a"),
            (r#""\"\\/""#, r#""\/"#),
            ("1", "1"),
            ("key_1:2/3+4=", "key_1:2/3+4="),
            ("?1", "?1"),
            (&format!("\"{longest}\""), &longest),
            (&longest, &longest),
        ] {
            assert_eq!(IdempotencyKey::parse(value), Some(IdempotencyKey(key.to_owned())), "{value}");
        }
        let too_long = format!("{longest}x");
        for value in [
            "",
            " ",
            "\"",
            "\"\"",
            "\"a",
            "a\"",
            "'a'",
            "a b",
            "a,b",
            "a, a",
            "a;b=c",
            "a\\b",
            "a\tb",
            "\"a\"b\"",
            "\"a\", \"a\"",
            "\"a\";b=c",
            "\"\\a\"",
            "\"a\\\"",
            "\"\u{7f}\"",
            "\u{7f}",
            "\"ä\"",
            "ä",
            &too_long,
            &format!("\"{too_long}\""),
        ] {
            assert_eq!(IdempotencyKey::parse(value), None, "{value}");
        }
    }
}
