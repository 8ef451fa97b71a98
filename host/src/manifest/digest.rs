//! What bytes are known by in registries.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// A SHA-256, as registries write it: `sha256:` and 64 digits. It is safe in a URL
/// and in the name of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest(String);

impl Digest {
    /// That of these bytes.
    pub fn of(bytes: &[u8]) -> Digest {
        let digits: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Digest(format!("sha256:{digits}"))
    }

    /// Reads one, in lower case.
    pub fn parse(text: &str) -> Option<Digest> {
        let digits = text.strip_prefix("sha256:")?;
        let is_digit = |digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
        (digits.len() == 64 && digits.bytes().all(is_digit)).then(|| Digest(text.to_owned()))
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its first twelve digits, for people.
    pub fn short(&self) -> &str {
        &self.0["sha256:".len()..][..12]
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
