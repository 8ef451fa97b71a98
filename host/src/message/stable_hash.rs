//! A short name for a text, the same in every version and on every machine.

use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};

/// The first 64 bits of a text's SHA-256, shown as 16 hexadecimal digits.
///
/// It is kept with messages, so it must never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StableHash(u64);

impl StableHash {
    /// That of this text.
    pub fn of(text: &str) -> StableHash {
        let digest = Sha256::digest(text);
        StableHash(digest.iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte)))
    }

    /// As a number: equal hashes are equal numbers, spread evenly.
    pub fn bits(self) -> u64 {
        self.0
    }
}

impl fmt::Display for StableHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Exactly as it is shown.
impl FromStr for StableHash {
    type Err = NoHash;

    fn from_str(text: &str) -> Result<Self, NoHash> {
        let is_digit = |digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 16 || !text.bytes().all(is_digit) {
            return Err(NoHash);
        }
        u64::from_str_radix(text, 16).map(StableHash).map_err(|_| NoHash)
    }
}

/// Not a hash.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a hash has 16 hexadecimal digits in lower case")]
pub struct NoHash;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_the_same_forever() {
        // The first digits of what `printf %s … | sha256sum` prints.
        for (text, hash) in [("", "e3b0c44298fc1c14"), ("abc", "ba7816bf8f01cfea")] {
            assert_eq!(StableHash::of(text).to_string(), hash);
            assert_eq!(hash.parse(), Ok(StableHash::of(text)));
        }
    }

    #[test]
    fn only_what_it_shows_is_read() {
        assert_eq!("000000000000000a".parse(), Ok(StableHash(10)));
        for text in ["", "a", "000000000000000A", "+00000000000000a", "000000000000000aa", "0000000000000é"] {
            assert_eq!(text.parse::<StableHash>(), Err(NoHash), "{text}");
        }
    }
}
