//! Sizes in bytes, as people write them.

use std::fmt;
use std::str::FromStr;

use super::Invalid;

/// A number of bytes. Read from `64MiB` and the like, more than there are numbers for as
/// the largest of them; shown in the largest unit that says it exactly, so what is shown
/// can be read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);

/// Binary units before decimal ones of the same order.
const UNITS: [(&str, u64); 6] =
    [("GiB", 1 << 30), ("GB", 1_000_000_000), ("MiB", 1 << 20), ("MB", 1_000_000), ("KiB", 1 << 10), ("KB", 1_000)];

/// Read as well, mostly to be told that it is too large.
const LARGER: [(&str, u64); 4] =
    [("TiB", 1 << 40), ("TB", 1_000_000_000_000), ("PiB", 1 << 50), ("PB", 1_000_000_000_000_000)];

const HELP: &str = "write a whole number with KiB, MiB, GiB, KB, MB or GB, as in \"64MiB\", or bytes as an integer";

impl ByteSize {
    /// So many KiB.
    pub const fn kib(count: u64) -> Self {
        Self(count << 10)
    }

    /// So many MiB.
    pub const fn mib(count: u64) -> Self {
        Self(count << 20)
    }
}

impl FromStr for ByteSize {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let unit = unit.strip_prefix(' ').unwrap_or(unit);
        let scale = match UNITS.iter().chain(&LARGER).find(|(name, _)| *name == unit) {
            Some((_, scale)) => *scale,
            None if unit.is_empty() || unit == "B" => 1,
            None => return Err(Invalid::new("is not a size in bytes", HELP)),
        };
        if number.is_empty() {
            return Err(Invalid::new("is not a size in bytes", HELP));
        }
        // Whoever has a bound refuses it, and says which.
        let number = number.parse().unwrap_or(u64::MAX);
        Ok(ByteSize(number.saturating_mul(scale)))
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = |(_, scale): &&(&str, u64)| self.0 != 0 && self.0.is_multiple_of(*scale);
        match UNITS.iter().find(exact) {
            Some((unit, scale)) => write!(f, "{}{unit}", self.0 / scale),
            None => write!(f, "{}B", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_and_shown_as_written() {
        for (text, bytes) in [
            ("64MiB", 64 << 20),
            ("4GiB", 4 << 30),
            ("10KB", 10_000),
            ("3MB", 3_000_000),
            ("2GB", 2_000_000_000),
            ("1500B", 1500),
            ("1KiB", 1024),
            ("0B", 0),
        ] {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)));
            assert_eq!(ByteSize(bytes).to_string(), text);
        }
        assert_eq!("64 MiB".parse(), Ok(ByteSize::mib(64)));
        assert_eq!("1TiB".parse(), Ok(ByteSize::mib(1 << 20)));
        assert_eq!("65536".parse(), Ok(ByteSize::kib(64)));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "MiB", "64M", "64T", "64mib", "1.5GiB", "-1", "64  MiB", "MiB64"] {
            let refused = text.parse::<ByteSize>().map_err(|e| e.reason);
            assert_eq!(refused, Err("is not a size in bytes".to_owned()), "{text}");
        }
        for text in ["99999999999999GiB", "99999999TiB", "99999PB", "99999999999999999999"] {
            assert_eq!(text.parse(), Ok(ByteSize(u64::MAX)), "{text}");
        }
    }
}
