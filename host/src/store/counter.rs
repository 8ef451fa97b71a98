//! Counters, which are stored as decimal ASCII text: people read them with any
//! tool, and a component may `set` or `get` one as a plain value.

use super::StoreError;

/// What a counter that holds `stored` becomes by adding `delta`.
pub fn add(bucket: &str, key: &str, stored: Option<&[u8]>, delta: u64) -> Result<u64, StoreError> {
    let value = match stored {
        None => 0,
        Some(text) => {
            parse(text).ok_or_else(|| StoreError::NotACounter { bucket: bucket.to_owned(), key: key.to_owned() })?
        }
    };
    value.checked_add(delta).ok_or_else(|| StoreError::CounterOverflow {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        value,
        delta,
    })
}

/// Digits only: `u64::from_str` alone would take a plus sign.
fn parse(text: &[u8]) -> Option<u64> {
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(text).ok()?.parse().ok()
}
