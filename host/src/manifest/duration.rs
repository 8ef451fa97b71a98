//! Durations, as people write them.

use std::time::Duration;

use super::Invalid;

/// By name, so many milliseconds.
const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

/// Reads `10s`, `500ms`, `1m` or `1h`.
pub fn duration(text: &str) -> Result<Duration, Invalid> {
    let invalid = |reason| Invalid::new(reason, "write a whole number with ms, s, m or h, as in \"10s\" or \"500ms\"");
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = UNITS.iter().find(|(name, _)| *name == unit);
    let Some((_, scale)) = unit.filter(|_| !number.is_empty()) else {
        return Err(invalid("is not a duration"));
    };
    let number: Option<u64> = number.parse().ok();
    let millis = number.and_then(|number| number.checked_mul(*scale));
    millis.map(Duration::from_millis).ok_or_else(|| invalid("is too large"))
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
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "s", "10", "1.5s", "10 s", "10S", "-1s", "1m30s", "99999999999999999999s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
