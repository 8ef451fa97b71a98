//! Moments, to the second.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The last second of the year 9999: what comes after it has no form in RFC 3339.
const LAST: u64 = 253_402_300_799;

/// A moment, shown and kept as RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    /// Since 1970.
    seconds: u64,
}

impl Timestamp {
    /// What the clock says. One that is set to before 1970 says 1970.
    pub fn now() -> Timestamp {
        Timestamp::from(SystemTime::now())
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp { seconds: since.as_secs().min(LAST) }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(self.seconds)).fmt(f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_rfc3339(&text).map(Timestamp::from).map_err(de::Error::custom)
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_kept_as_it_is_shown() {
        let at = |seconds| Timestamp::from(UNIX_EPOCH + Duration::from_secs(seconds));
        for (seconds, shown) in
            [(0, "1970-01-01T00:00:00Z"), (1_795_435_200, "2026-11-23T12:00:00Z"), (LAST, "9999-12-31T23:59:59Z")]
        {
            let moment = at(seconds);
            assert_eq!(moment.to_string(), shown);
            let kept = serde_json::to_string(&moment).expect("it has a form");
            assert_eq!(kept, format!("{shown:?}"));
            assert_eq!(serde_json::from_str::<Timestamp>(&kept).expect("it is read"), moment);
        }
        assert!(Timestamp::now() > at(0));
    }

    #[test]
    fn a_clock_that_is_wrong_gives_the_nearest_moment() {
        let before = Timestamp::from(UNIX_EPOCH - Duration::from_secs(1));
        assert_eq!(before.to_string(), "1970-01-01T00:00:00Z");
        let after = Timestamp::from(UNIX_EPOCH + Duration::from_secs(LAST + 1));
        assert_eq!(after.to_string(), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in
            ["\"\"", "\"yesterday\"", "\"2026-11-23\"", "\"2026-13-23T12:00:00Z\"", "\"2026-é1-23T12:00:00Z\"", "7"]
        {
            assert!(serde_json::from_str::<Timestamp>(text).is_err(), "{text}");
        }
    }
}
