//! Whole numbers of 0 or more, as ids and parameters are. Each has one spelling, or
//! `/users/01` would be another user than `/users/1` to whatever goes by paths, such as a
//! cache.

use crate::Error;

/// The id a path segment spells, if it spells one: decimal digits, no sign,
/// no zero before others.
pub fn id(segment: &str) -> Option<u64> {
    is_whole(segment).then(|| segment.parse().ok())?
}

/// The number a parameter spells; the error names the parameter.
pub(crate) fn parameter(name: &str, text: &str) -> Result<u64, Error> {
    if !is_whole(text) {
        return Err(not_whole(name));
    }
    text.parse().map_err(|_| too_large(name))
}

pub(crate) fn not_whole(name: &str) -> Error {
    Error::bad_request(format!("{name} must be a whole number of 0 or more"))
}

pub(crate) fn too_large(name: &str) -> Error {
    Error::bad_request(format!("{name} must be at most {}", u64::MAX))
}

/// `u64::from_str` takes a leading `+` or 0 as well, which no id has.
fn is_whole(text: &str) -> bool {
    let is_plain = text == "0" || !text.starts_with('0');
    is_plain && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::id;

    #[test]
    fn ids_are_plain_digits_that_fit() {
        assert_eq!(id("0"), Some(0));
        assert_eq!(id("18446744073709551615"), Some(u64::MAX));
        for not in ["", "+1", "-1", "1.0", " 1", "x", "%31", "01", "00", "18446744073709551616"] {
            assert_eq!(id(not), None, "{not}");
        }
    }
}
