//! Counters. Spin's are signed, and each of its stores writes them in its own way.
//!
//! SQLite's is 8 bytes, the lowest first; Redis' is decimal text, which is what a
//! service may have `set`, too. A counter that is not there is made by Spin's
//! `increment`, one of 8 bytes is added to by it, and text by compare-and-swap.
//! (That cannot make a counter: on SQLite it lets two win where nothing was.)

use std::fmt;

/// What is under the key of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// Nothing, or what `increment` wrote.
    Spins(u64),
    /// Decimal text.
    Text(u64),
}

/// Why it cannot be added to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is no number.
    NotACounter,
    /// The sum does not fit.
    Overflow {
        /// What the counter holds.
        value: u64,
        /// What was to be added.
        delta: u64,
    },
}

/// The most that a counter of Spin's holds.
pub const MOST: u64 = i64::MAX as u64;

impl Counter {
    /// The counter in what is stored under its key.
    pub fn read(stored: Option<&[u8]>) -> Result<Self, Refused> {
        let Some(bytes) = stored else { return Ok(Self::Spins(0)) };
        // 8 digits as 8 bytes would be a number above 3,400,000,000,000,000,000.
        if let Some(value) = parse(bytes) {
            return Ok(Self::Text(value));
        }
        let value = <[u8; 8]>::try_from(bytes).ok().map(u64::from_le_bytes);
        value.filter(|value| *value <= MOST).map(Self::Spins).ok_or(Refused::NotACounter)
    }

    /// What it holds.
    pub fn value(self) -> u64 {
        match self {
            Self::Spins(value) | Self::Text(value) => value,
        }
    }

    /// What it becomes by adding `delta`.
    pub fn add(self, delta: u64) -> Result<u64, Refused> {
        let value = self.value();
        let sum = value.checked_add(delta).filter(|sum| *sum <= MOST);
        sum.ok_or(Refused::Overflow { value, delta })
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotACounter => {
                write!(f, "its value is no decimal number from 0 to {MOST}; set it to one, or count under another key")
            }
            Self::Overflow { value, delta } => {
                write!(f, "{value} and {delta} exceed {MOST}; set it to a lower number")
            }
        }
    }
}

/// Digits only: `u64::from_str` alone would take a plus sign.
fn parse(text: &[u8]) -> Option<u64> {
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_read_as_each_store_writes_them() {
        assert_eq!(Counter::read(None), Ok(Counter::Spins(0)));
        assert_eq!(Counter::read(Some(&42i64.to_le_bytes())), Ok(Counter::Spins(42)));
        assert_eq!(Counter::read(Some(&i64::MAX.to_le_bytes())), Ok(Counter::Spins(MOST)));
        assert_eq!(Counter::read(Some(b"42")), Ok(Counter::Text(42)));
        assert_eq!(Counter::read(Some(b"12345678")), Ok(Counter::Text(12_345_678)));
    }

    #[test]
    fn what_is_no_counter_is_refused() {
        let minus = (-1i64).to_le_bytes();
        for other in [&b""[..], b"x", b"-1", b"+1", b" 1", b"1.5", b"18446744073709551616", &minus] {
            assert_eq!(Counter::read(Some(other)), Err(Refused::NotACounter), "{other:?}");
        }
    }

    #[test]
    fn sums_stay_within_what_spin_counts() {
        assert_eq!(Counter::Spins(40).add(2), Ok(42));
        assert_eq!(Counter::Text(MOST - 1).add(1), Ok(MOST));
        for (value, delta) in [(MOST, 1), (0, MOST + 1), (1, MOST), (MOST, u64::MAX)] {
            assert_eq!(Counter::Spins(value).add(delta), Err(Refused::Overflow { value, delta }));
        }
        let said = Refused::Overflow { value: 1, delta: MOST }.to_string();
        assert_eq!(said, "1 and 9223372036854775807 exceed 9223372036854775807; set it to a lower number");
    }
}
