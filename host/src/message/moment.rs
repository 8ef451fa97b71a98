//! Moments, to the millisecond.

use std::{
    fmt,
    str::FromStr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The last millisecond of the year 9999: what comes after it has no form in
/// RFC 3339.
const LAST: u64 = 253_402_300_799_999;

/// A moment, shown as RFC 3339 in UTC. What is not between 1970 and 9999 is taken
/// for the nearest moment that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Moment {
    /// Since 1970.
    millis: u64,
}

impl Moment {
    /// What the clock says.
    pub fn now() -> Moment {
        SystemTime::now().into()
    }

    /// So many milliseconds after 1970 began.
    pub fn from_millis(millis: u64) -> Moment {
        Moment { millis: millis.min(LAST) }
    }

    /// How many milliseconds after 1970 began.
    pub fn millis(self) -> u64 {
        self.millis
    }
}

impl From<SystemTime> for Moment {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment::from_millis(since.as_millis().try_into().unwrap_or(LAST))
    }
}

impl From<Moment> for SystemTime {
    fn from(moment: Moment) -> Self {
        UNIX_EPOCH + Duration::from_millis(moment.millis)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_rfc3339_millis((*self).into()).fmt(f)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

/// Any form of RFC 3339, with any offset, since others write local time. What is
/// finer than a millisecond is cut off.
impl FromStr for Moment {
    type Err = NoMoment;

    fn from_str(text: &str) -> Result<Self, NoMoment> {
        let (local, east) = split_offset(text).ok_or(NoMoment)?;
        let local = humantime::parse_rfc3339(&format!("{local}Z")).map_err(|_| NoMoment)?;
        let local = Moment::from(local).millis;
        Ok(Moment::from_millis(local.saturating_add_signed(-east)))
    }
}

/// Not a moment.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time has the form of RFC 3339, 2026-11-23T12:00:00.000Z")]
pub struct NoMoment;

/// A time without its offset, and how many milliseconds that is ahead of UTC.
fn split_offset(text: &str) -> Option<(&str, i64)> {
    if let Some(local) = text.strip_suffix(['Z', 'z']) {
        return Some((local, 0));
    }
    let (local, offset) = text.split_at_checked(text.len().checked_sub("+00:00".len())?)?;
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    let number = |digits: &str, below: i64| {
        let are_digits = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_digit());
        digits.parse().ok().filter(|number: &i64| are_digits && *number < below)
    };
    let offset_millis = (number(hours, 24)? * 60 + number(minutes, 60)?) * 60_000;
    match offset.as_bytes().first()? {
        b'+' => Some((local, offset_millis)),
        b'-' => Some((local, -offset_millis)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_as_it_is_shown() {
        for (millis, shown) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_795_435_200_007, "2026-11-23T12:00:00.007Z"),
            (LAST, "9999-12-31T23:59:59.999Z"),
        ] {
            let moment = Moment::from_millis(millis);
            assert_eq!(moment.to_string(), shown);
            assert_eq!(shown.parse(), Ok(moment));
        }
        assert!(Moment::now() > Moment::from_millis(0));
        assert_eq!(Moment::from(UNIX_EPOCH - Duration::from_secs(1)), Moment::from_millis(0));
        assert_eq!(Moment::from_millis(u64::MAX), Moment::from_millis(LAST));
    }

    #[test]
    fn others_write_their_own_forms() {
        for text in [
            "2026-11-23T12:00:00Z",
            "2026-11-23T12:00:00+00:00",
            "2026-11-23T12:00:00.000999-00:00",
            "2026-11-23T17:30:00.000000+05:30",
            "2026-11-22T23:00:00-13:00",
        ] {
            assert_eq!(text.parse(), Ok(Moment::from_millis(1_795_435_200_000)), "{text}");
        }
        assert_eq!("1970-01-01T00:00:00+01:00".parse(), Ok(Moment::from_millis(0)));
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "Z",
            "yesterday",
            "2026-11-23",
            "2026-11-23T12:00:00",
            "2026-13-23T12:00:00Z",
            "2026-11-23T12:00:00+0100",
            "2026-11-23T12:00:00+24:00",
            "2026-11-23T12:00:00++1:00",
            "2026-11-23T12:00:00é01:0",
            "2026-11-23T12:00:00+01:00Z",
        ] {
            assert_eq!(text.parse::<Moment>(), Err(NoMoment), "{text}");
        }
    }
}
