//! Durations, as people write them.

use std::time::Duration;

use super::Invalid;

/// By name, so many milliseconds.
const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// The longest, in milliseconds, that nothing else bounds: 1,000 hours.
const MOST: u64 = 3_600_000_000;

/// Reads `10s`, `500ms`, `1m`, `1h` or `1d`, up to 1,000 hours.
pub fn duration(text: &str) -> Result<Duration, Invalid> {
    match parse(text)? {
        long if long > Duration::from_millis(MOST) => Err(Invalid::new("is too long", "write at most 1000h")),
        duration => Ok(duration),
    }
}

/// The same for who has a bound of their own, and says which.
pub(super) fn parse(text: &str) -> Result<Duration, Invalid> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = UNITS.iter().find(|(name, _)| *name == unit);
    let Some((_, scale)) = unit.filter(|_| !number.is_empty()) else {
        let help = "write a whole number with ms, s, m, h or d, as in \"10s\" or \"500ms\"";
        return Err(Invalid::new("is not a duration", help));
    };
    let number = number.parse().unwrap_or(u64::MAX);
    Ok(Duration::from_millis(number.saturating_mul(*scale)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("1m"), Ok(Duration::from_secs(60)));
        assert_eq!(duration("1h"), Ok(Duration::from_secs(3600)));
        assert_eq!(duration("7d"), Ok(Duration::from_secs(7 * 86_400)));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "s", "10", "1.5s", "10 s", "10S", "-1s", "1m30s"] {
            assert!(duration(text).is_err(), "{text}");
        }
        for text in ["1001h", "99999999999999999999s"] {
            let refused = duration(text).map_err(|invalid| invalid.help);
            assert_eq!(refused, Err("write at most 1000h".to_owned()), "{text}");
        }
    }
}
