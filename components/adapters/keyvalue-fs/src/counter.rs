//! Counters, which are kept as decimal text, as on Dovetail's own host.

use crate::Error;

/// What a counter that holds `stored` becomes by adding `delta`.
pub fn add(key: &str, stored: Option<&[u8]>, delta: u64) -> Result<u64, Error> {
    let value = match stored {
        None => 0,
        Some(text) => parse(text).ok_or_else(|| Error::NotACounter { key: key.to_owned() })?,
    };
    value.checked_add(delta).ok_or_else(|| Error::Overflow { key: key.to_owned(), value, delta })
}

/// Digits only: `u64::from_str` alone would take a plus sign.
pub fn parse(text: &[u8]) -> Option<u64> {
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(text).ok()?.parse().ok()
}
