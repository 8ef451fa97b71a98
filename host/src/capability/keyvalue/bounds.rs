//! What one call of `wasi:keyvalue` may carry.
//!
//! The host gathers an answer whole before a byte of it is in the component's
//! memory, whose limit therefore bounds nothing here: to get one key a hundred
//! thousand times is a short question with a long answer.

use thiserror::Error;

use crate::store::Entry;

/// The most bytes of a key, which is UTF-8.
pub const LONGEST_KEY: usize = 1024;

/// The most keys that one call names.
pub const MOST_KEYS: usize = 10_000;

/// The most bytes, of keys and values together, that one call sets or gets. All
/// instances of a service with the default limits, of which there are 64 with
/// one call each, so take at most 1 GiB of the host.
pub const MOST_BYTES: usize = 16 * 1024 * 1024;

/// A call that carries more than it may.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OutOfBounds {
    /// See [`LONGEST_KEY`].
    #[error("a key of {0} bytes is too long: it may have at most {LONGEST_KEY}")]
    Key(usize),
    /// It is larger than the service's `limits.value`.
    #[error("a value of {0} bytes is too large: it may have at most {1} (limits.value)")]
    Value(usize, usize),
    /// See [`MOST_KEYS`].
    #[error("{0} keys are too many for one call: it may name at most {MOST_KEYS}")]
    Keys(usize),
    /// See [`MOST_BYTES`].
    #[error("keys and values of {0} bytes are too much for one call: it may set at most {MOST_BYTES}")]
    Bytes(usize),
}

/// Checks the key of a call.
pub fn key(key: &str) -> Result<(), OutOfBounds> {
    if key.len() > LONGEST_KEY { Err(OutOfBounds::Key(key.len())) } else { Ok(()) }
}

/// Checks what a call sets, whose value has at most `largest` bytes.
pub fn entry(key: &str, value: &[u8], largest: usize) -> Result<(), OutOfBounds> {
    self::key(key)?;
    if value.len() > largest { Err(OutOfBounds::Value(value.len(), largest)) } else { Ok(()) }
}

/// Checks the keys of a call.
pub fn keys(keys: &[String]) -> Result<(), OutOfBounds> {
    count(keys.len())?;
    keys.iter().try_for_each(|key| self::key(key))
}

/// Checks all that a call sets.
pub fn entries(entries: &[Entry], largest: usize) -> Result<(), OutOfBounds> {
    count(entries.len())?;
    entries.iter().try_for_each(|(key, value)| entry(key, value, largest))?;
    let bytes = entries.iter().map(|(key, value)| key.len() + value.len()).sum();
    if bytes > MOST_BYTES { Err(OutOfBounds::Bytes(bytes)) } else { Ok(()) }
}

fn count(keys: usize) -> Result<(), OutOfBounds> {
    if keys > MOST_KEYS { Err(OutOfBounds::Keys(keys)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_call_may_carry_is_taken_and_one_more_is_not() {
        let key_of = |bytes: usize| "é".repeat(bytes / 2) + &"k".repeat(bytes % 2);
        assert_eq!(key(&key_of(1024)), Ok(()));
        assert_eq!(key(&key_of(1025)), Err(OutOfBounds::Key(1025)));
        for largest in [0, 7, 1 << 20] {
            assert_eq!(entry("k", &vec![0; largest], largest), Ok(()));
            assert_eq!(entry("k", &vec![0; largest + 1], largest), Err(OutOfBounds::Value(largest + 1, largest)));
        }
        assert_eq!(entry(&key_of(1025), b"", 0), Err(OutOfBounds::Key(1025)));
        assert_eq!(keys(&vec![key_of(1024); 10_000]), Ok(()));
        assert_eq!(keys(&vec![String::new(); 10_001]), Err(OutOfBounds::Keys(10_001)));
        assert_eq!(keys(&["k".to_owned(), key_of(1026)]), Err(OutOfBounds::Key(1026)));
    }

    #[test]
    fn what_is_set_at_once_is_bounded_as_a_whole() {
        let entry = |key: &str, bytes| (key.to_owned(), vec![0; bytes]);
        let largest = 1 << 20;
        let mut set = vec![entry("", 1 << 20); 16];
        assert_eq!(entries(&set, largest), Ok(()));
        set.push(entry("k", 0));
        assert_eq!(entries(&set, largest), Err(OutOfBounds::Bytes((16 << 20) + 1)));
        assert_eq!(entries(&[entry("k", largest + 1)], largest), Err(OutOfBounds::Value(largest + 1, largest)));
        assert_eq!(entries(&vec![entry("k", 0); 10_001], largest), Err(OutOfBounds::Keys(10_001)));
    }
}
