//! Times as people read them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::client::printable;

/// Unix time, in seconds.
pub type Seconds = i64;

/// How long something took: `0.2 ms`, `103 ms`, `1.25 s`, `2 min 5 s`.
pub fn took(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1000.0;
    match time.as_secs() {
        _ if millis < 9.95 => format!("{millis:.1} ms"),
        _ if millis < 999.5 => format!("{millis:.0} ms"),
        0..60 => format!("{:.2} s", millis / 1000.0),
        seconds if seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

/// Milliseconds as others tell them.
pub fn millis(millis: f64) -> Duration {
    Duration::try_from_secs_f64(millis / 1000.0).unwrap_or_default()
}

/// How long ago something was: `12 s ago`, `3 h ago`. Clocks may differ a little.
pub fn ago(then: Seconds, now: Seconds) -> String {
    format!("{} ago", span(now.saturating_sub(then).max(0)))
}

/// When something is to be: `in 12 s`, `now`.
pub fn ahead(then: Seconds, now: Seconds) -> String {
    match then.saturating_sub(now) {
        ..=0 => "now".to_owned(),
        seconds => format!("in {}", span(seconds)),
    }
}

/// What the clock says.
pub fn now() -> Seconds {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Seconds::try_from(now).unwrap_or_default()
}

fn span(seconds: Seconds) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A time of RFC 3339 in UTC, as people write it; any other as it is.
pub fn date(text: &str) -> String {
    let text = printable(text);
    match (text.get(..10), text.get(10..11), text.get(11..19), text.ends_with('Z')) {
        (Some(day), Some("T"), Some(time), true) => format!("{day} {time}"),
        _ => text,
    }
}

/// A time of RFC 3339: `2026-11-23T12:00:00Z`.
pub fn parse(text: &str) -> Option<Seconds> {
    let number = |range: std::ops::Range<usize>| {
        let digits = text.get(range).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        digits.parse::<i64>().ok()
    };
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let zone = text.get(19..)?.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let offset = match (zone, zone.split_at_checked(1)) {
        ("Z", _) => 0,
        (_, Some((sign @ ("+" | "-"), rest))) => {
            let (hours, minutes) = rest.split_once(':')?;
            let offset = hours.parse::<u8>().ok()? as i64 * 3600 + minutes.parse::<u8>().ok()? as i64 * 60;
            if sign == "+" { offset } else { -offset }
        }
        _ => return None,
    };
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    Some(days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset)
}

/// Days from 1970-01-01. Years are counted from March, so that a leap day is
/// their last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_took_is_told_in_three_digits() {
        let told = |ms| took(millis(ms));
        assert_eq!(
            [0.0, 0.16, 2.0, 12.5, 103.1, 999.4].map(told),
            ["0.0 ms", "0.2 ms", "2.0 ms", "12 ms", "103 ms", "999 ms"]
        );
        assert_eq!([999.6, 1254.0, 59_000.0].map(told), ["1.00 s", "1.25 s", "59.00 s"]);
        assert_eq!([60_000.0, 125_000.0].map(told), ["1 min", "2 min 5 s"]);
        assert_eq!([-1.0, f64::NAN].map(told), ["0.0 ms", "0.0 ms"]);
    }

    #[test]
    fn what_is_past_is_told_in_one_unit() {
        assert_eq!(ago(100, 100), "0 s ago");
        assert_eq!(ago(105, 100), "0 s ago");
        assert_eq!(ago(0, 59), "59 s ago");
        assert_eq!(ago(0, 3599), "59 min ago");
        assert_eq!(ago(0, 172_799), "47 h ago");
        assert_eq!(ago(0, 172_800), "2 days ago");
        assert_eq!([(0, 0), (0, 1), (12, 0)].map(|(then, now)| ahead(then, now)), ["now", "now", "in 12 s"]);
    }

    #[test]
    fn times_are_read() {
        assert_eq!(parse("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(parse("2000-02-29T12:00:00Z"), Some(951_825_600));
        assert_eq!(parse("2026-11-23T12:00:00Z"), Some(1_795_435_200));
        assert_eq!(parse("2026-11-23T13:30:00.125+01:30"), Some(1_795_435_200));
        assert_eq!(parse("2026-11-23T11:00:00-01:00"), Some(1_795_435_200));
        for text in
            ["", "now", "2026-11-23", "2026-11-23T12:00:00", "2026-13-23T12:00:00Z", "+026-11-23T12:00:00Z", "é"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
