//! How long to wait before something is tried again.

use std::time::Duration;

use super::{Invalid, duration};

/// The waits between attempts, from the first to the longest. They grow between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The first; at least 1 ms.
    pub first: Duration,
    /// The longest; at least the first, and up to 1,000 hours.
    pub most: Duration,
}

impl Backoff {
    /// Reads `1s..10m`.
    pub(super) fn parse(text: &str) -> Result<Backoff, Invalid> {
        let Some((shorter, longer)) = text.split_once("..") else {
            let help = "write the first wait and the longest, as in \"1s..10m\"";
            return Err(Invalid::new("is not from one duration to another", help));
        };
        let (first, most) = (wait(shorter)?, wait(longer)?);
        if first > most {
            return Err(Invalid::new("has the longer wait first", format!("write \"{longer}..{shorter}\"")));
        }
        Ok(Backoff { first, most })
    }
}

fn wait(text: &str) -> Result<Duration, Invalid> {
    let wait = duration(text).map_err(|Invalid { reason, help }| {
        let reason = format!("has {text:?}, which {reason}");
        Invalid { reason, help }
    })?;
    if wait.is_zero() {
        return Err(Invalid::new(format!("has {text:?}, which is no wait"), "write at least 1ms"));
    }
    Ok(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_durations_are_read() {
        let (first, most) = (Duration::from_secs(1), Duration::from_secs(600));
        assert_eq!(Backoff::parse("1s..10m"), Ok(Backoff { first, most }));
        assert_eq!(Backoff::parse("1s..1s"), Ok(Backoff { first, most: first }));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "1s", "..", "1s..", "..10m", "1s...10m", "1s..10m..1h", "1s .. 10m", "0s..1s", "1s..1001h"] {
            assert!(Backoff::parse(text).is_err(), "{text}");
        }
        let swapped = Backoff::parse("10m..1s").map_err(|invalid| invalid.help);
        assert_eq!(swapped, Err("write \"1s..10m\"".to_owned()));
    }
}
