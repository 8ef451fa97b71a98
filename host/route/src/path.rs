//! The path of a request, in the one form in which all that are alike agree.

use std::borrow::Cow;

use crate::Answer;

/// The path that a request of this method is for, normalised; or how the request is
/// answered, if it is for none. `target` is the request's target without its query.
///
/// # Errors
///
/// Methods that no service is asked by, and targets that are no path.
pub fn path<'a>(method: &str, target: &'a str) -> Result<Cow<'a, str>, Answer> {
    match (method, target) {
        ("CONNECT", _) => Err(Answer::CONNECT),
        ("TRACE", _) => Err(Answer::TRACE),
        ("OPTIONS", "*") => Err(Answer::OPTIONS),
        (_, "*") => Err(Answer::STAR),
        _ => normalised(target),
    }
}

/// The path as RFC 3986, section 6.2.2, has it:
///
/// - the escape of a letter, a digit, `-`, `.`, `_` or `~` is the character, since it
///   means no more;
/// - any other escape stays one, in capitals: `%2f` is `%2F`, and neither is a `/`;
/// - `.` and `..` are gone, with what they lead out of, and nothing leads above the root.
///
/// What a path may not hold, and clients send all the same (`"`, `\`, `{`, an `ö` in
/// UTF-8), is taken for its escape, which clients that know the rule send. Empty
/// segments stay. No more than a look is taken at a path that is in this form already.
///
/// # Errors
///
/// What does not begin with `/`, has a `%` that begins no escape, or a NUL.
pub fn normalised(path: &str) -> Result<Cow<'_, str>, Answer> {
    if !path.starts_with('/') {
        return Err(Answer::NO_PATH);
    }
    if is_normalised(path) {
        return Ok(Cow::Borrowed(path));
    }
    let spelled = spelled(path)?;
    Ok(Cow::Owned(if spelled.contains("/.") { without_dots(&spelled) } else { spelled }))
}

/// Whether the path has nothing that another spelling could have. Some that have not
/// are denied it, as `/.hidden` is.
fn is_normalised(path: &str) -> bool {
    let mut before = 0;
    path.bytes().all(|byte| {
        let slash_and_dot = before == b'/' && byte == b'.';
        before = byte;
        STAYS[usize::from(byte)] && !slash_and_dot
    })
}

/// The path with each character in its one spelling.
pub(crate) fn spelled(path: &str) -> Result<String, Answer> {
    let mut text = String::with_capacity(path.len() + 16);
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let (high, low) = (hex(bytes.next()), hex(bytes.next()));
                let byte = high.zip(low).map(|(high, low)| high << 4 | low).ok_or(Answer::NO_ESCAPE)?;
                match byte {
                    0 => return Err(Answer::NUL),
                    _ if is_unreserved(byte) => text.push(byte.into()),
                    _ => escape(byte, &mut text),
                }
            }
            _ if STAYS[usize::from(byte)] => text.push(byte.into()),
            _ => escape(byte, &mut text),
        }
    }
    Ok(text)
}

/// The path without `.` and `..` (RFC 3986, section 5.2.4).
pub(crate) fn without_dots(path: &str) -> String {
    let mut kept = Vec::new();
    for segment in path.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            _ => kept.push(segment),
        }
    }
    // What they name is a folder, as what ends with a slash is.
    if path.ends_with("/.") || path.ends_with("/..") {
        kept.push("");
    }
    format!("/{}", kept.join("/"))
}

fn hex(digit: Option<u8>) -> Option<u8> {
    let value = char::from(digit?).to_digit(16)?;
    u8::try_from(value).ok()
}

fn escape(byte: u8, text: &mut String) {
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    text.push('%');
    text.extend([byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)])));
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// The bytes of a path that are no part of an escape and need none: `pchar`, and `/`.
static STAYS: [bool; 256] = {
    let mut stays = [false; 256];
    let mut byte = 0u8;
    while byte < 128 {
        stays[byte as usize] = is_unreserved(byte)
            || matches!(byte, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':')
            || matches!(byte, b'@' | b'/');
        byte += 1;
    }
    stays
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_alike_is_spelled_alike() {
        for (path, normal) in [
            ("/", "/"),
            ("/users/1", "/users/1"),
            ("/e%78act", "/exact"),
            ("/%65%78%61%63%74", "/exact"),
            ("/%7Euser", "/~user"),
            ("/%7euser", "/~user"),
            ("/%2D%2e%5F", "/-._"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/café", "/caf%C3%A9"),
            ("/a%2fb", "/a%2Fb"),
            ("/a%2Fb", "/a%2Fb"),
            ("/%2f%2F", "/%2F%2F"),
            ("/%25%32%35", "/%2525"),
            ("/%20%0a%7f%ff", "/%20%0A%7F%FF"),
            // What is reserved means something else than its escape (section 2.2).
            ("/%40a;b=c", "/%40a;b=c"),
            ("/@a%3bb%3Dc", "/@a%3Bb%3Dc"),
            ("/a!$&'()*+,;=:@z", "/a!$&'()*+,;=:@z"),
            ("/{id}", "/%7Bid%7D"),
            ("/%7bid%7d", "/%7Bid%7D"),
            ("/a\\b|c^d[e]\"f\"", "/a%5Cb%7Cc%5Ed%5Be%5D%22f%22"),
        ] {
            assert_eq!(normalised(path).as_deref(), Ok(normal), "{path}");
            assert_eq!(normalised(normal), Ok(Cow::Borrowed(normal)), "{path}, once more");
        }
    }

    #[test]
    fn dot_segments_lead_where_they_say_and_never_above_the_root() {
        for (path, normal) in [
            ("/a/b/c/./../../g", "/a/g"),
            ("/a/../b", "/b"),
            ("/a/%2e%2E/b", "/b"),
            ("/a/%2e./b", "/b"),
            ("/a/./b", "/a/b"),
            ("/a/..", "/"),
            ("/a/b/..", "/a/"),
            ("/a/b/.", "/a/b/"),
            ("/..", "/"),
            ("/../../a", "/a"),
            ("/%2e%2e/%2e%2e/etc/passwd", "/etc/passwd"),
            ("/a//../b", "/a/b"),
            ("//a//b/", "//a//b/"),
            ("/./", "/"),
            ("//..", "/"),
            // These are names.
            ("/...", "/..."),
            ("/.a/..b/c.", "/.a/..b/c."),
            ("/a..", "/a.."),
            // So is what has a slash in it that is none.
            ("/a/..%2fb", "/a/..%2Fb"),
            ("/a/%2e%2e%2Fb", "/a/..%2Fb"),
        ] {
            assert_eq!(normalised(path).as_deref(), Ok(normal), "{path}");
            assert_eq!(normalised(normal).as_deref(), Ok(normal), "{path}, once more");
        }
    }

    #[test]
    fn what_nothing_can_be_made_of_is_refused() {
        for path in ["/%", "/%z", "/%zz", "/%4", "/a%2", "/%%41", "/%-1", "/%+1", "/%é", "/ok/%4g"] {
            assert_eq!(normalised(path), Err(Answer::NO_ESCAPE), "{path}");
        }
        for path in ["/%00", "/a%00b", "/users/1%00"] {
            assert_eq!(normalised(path), Err(Answer::NUL), "{path}");
        }
        for path in ["", "users", "*", "a/b", "http://a/"] {
            assert_eq!(normalised(path), Err(Answer::NO_PATH), "{path}");
        }
    }

    #[test]
    fn each_method_has_its_answer() {
        for (method, target, answer) in [
            ("GET", "/a", Ok("/a")),
            ("HEAD", "/a", Ok("/a")),
            ("OPTIONS", "/a", Ok("/a")),
            ("PROPFIND", "/%61", Ok("/a")),
            ("QUERY", "/a", Ok("/a")),
            // Methods differ by case (RFC 9110, section 9.1): these two are others.
            ("connect", "/a", Ok("/a")),
            ("trace", "/a", Ok("/a")),
            ("CONNECT", "", Err(Answer::CONNECT)),
            ("CONNECT", "/a", Err(Answer::CONNECT)),
            ("TRACE", "/a", Err(Answer::TRACE)),
            ("TRACE", "*", Err(Answer::TRACE)),
            ("OPTIONS", "*", Err(Answer::OPTIONS)),
            ("GET", "*", Err(Answer::STAR)),
            ("GET", "", Err(Answer::NO_PATH)),
        ] {
            assert_eq!(path(method, target).as_deref(), answer.as_ref().copied(), "{method} {target}");
        }
    }

    #[test]
    fn a_plain_path_is_only_looked_at() -> Result<(), Answer> {
        for plain in ["/", "/users/1", "/a.b/~c/d-e_f", "//", "/a;b=c/@d"] {
            assert!(matches!(normalised(plain)?, Cow::Borrowed(_)), "{plain}");
        }
        Ok(())
    }
}
