//! What one call may carry: as much as on Dovetail's own host.

use crate::Error;

/// The most bytes, of keys and values together, that one call sets or gets.
pub const MOST_BYTES: usize = 16 * 1024 * 1024;

/// A bucket's name is the name of a folder, which may have 255 bytes, and each of
/// its own becomes three there.
const LONGEST_BUCKET: usize = 80;
const LONGEST_KEY: usize = 1024;
const LARGEST_VALUE: usize = 1024 * 1024;
const MOST_KEYS: usize = 10_000;

/// Checks the name of a bucket.
pub fn bucket(name: &str) -> Result<(), Error> {
    check("a bucket's name", name.len(), LONGEST_BUCKET)
}

/// Checks the key of a call.
pub fn key(key: &str) -> Result<(), Error> {
    check("a key", key.len(), LONGEST_KEY)
}

/// Checks the keys of a call.
pub fn keys(keys: &[String]) -> Result<(), Error> {
    check("a list of keys", keys.len(), MOST_KEYS)?;
    keys.iter().try_for_each(|key| self::key(key))
}

/// Checks all that a call sets.
pub fn entries(entries: &[(String, Vec<u8>)]) -> Result<(), Error> {
    check("a list of keys", entries.len(), MOST_KEYS)?;
    for (key, value) in entries {
        self::key(key)?;
        check("a value", value.len(), LARGEST_VALUE)?;
    }
    bytes(entries.iter().map(|(key, value)| key.len() + value.len()).sum())
}

/// Checks how much a call sets or gets.
pub fn bytes(bytes: usize) -> Result<(), Error> {
    check("a set of keys and values", bytes, MOST_BYTES)
}

fn check(what: &'static str, count: usize, most: usize) -> Result<(), Error> {
    if count > most { Err(Error::OutOfBounds { what, count, most }) } else { Ok(()) }
}
