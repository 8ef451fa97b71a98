//! When something is to be done, again and again.

use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use jiff::{Timestamp, Zoned, tz::TimeZone};

use super::Invalid;

/// Minutes that a cron expression names, by the clocks of a time zone.
///
/// Where those clocks go forward, times that are left out are made up for at the end of the
/// gap if minute and hour are one number each, and are not there otherwise. Where they go
/// back, such a time is there once, and others as often as the clocks show them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Times {
    cron: Cron,
    zone: TimeZone,
}

impl Times {
    /// Those of a cron expression in a zone.
    pub(super) fn new(cron: Cron, zone: TimeZone) -> Times {
        Times { cron, zone }
    }

    /// The first one after this moment.
    pub fn after(&self, moment: SystemTime) -> Option<SystemTime> {
        system_time(&self.cron.find_next_occurrence(&self.zoned(moment)?, false).ok()?)
    }

    /// The last one that has come by this moment.
    pub fn latest(&self, moment: SystemTime) -> Option<SystemTime> {
        system_time(&self.cron.find_previous_occurrence(&self.zoned(moment)?, true).ok()?)
    }

    fn zoned(&self, moment: SystemTime) -> Option<Zoned> {
        let seconds = moment.duration_since(UNIX_EPOCH).ok()?.as_secs();
        Some(Timestamp::from_second(seconds.try_into().ok()?).ok()?.to_zoned(self.zone.clone()))
    }
}

/// What a field of a cron expression may have.
struct Field {
    name: &'static str,
    range: RangeInclusive<u32>,
    /// Words that stand for numbers.
    words: &'static [&'static str],
    /// Letters that stand for something else.
    letters: &'static str,
}

const FIELDS: [Field; 5] = [
    Field { name: "minute", range: 0..=59, words: &[], letters: "" },
    Field { name: "hour", range: 0..=23, words: &[], letters: "" },
    Field { name: "day of the month", range: 1..=31, words: &[], letters: "LW" },
    Field { name: "month", range: 1..=12, words: &MONTHS, letters: "" },
    Field { name: "day of the week", range: 0..=7, words: &DAYS, letters: "L" },
];

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

impl Field {
    /// What is wrong with a value or a word in it. The parser takes any word anywhere, and
    /// does not say which number it means.
    fn wrong(&self, text: &str) -> Option<String> {
        let Field { name, range, words, letters } = self;
        // What comes after a slash is how many steps, and after a `#` which week.
        let values = text.split([',', '-']).map(|part| part.split(['/', '#']).next().unwrap_or_default());
        values.filter(|value| !value.is_empty()).find_map(|value| {
            let number = value.trim_end_matches(|letter| letters.contains(letter));
            let is_word = words.contains(&number.to_ascii_uppercase().as_str());
            match number.parse::<u32>() {
                Ok(number) if range.contains(&number) => None,
                Err(_) if is_word || ["*", "?", ""].contains(&number) => None,
                _ => {
                    let (least, most) = (range.start(), range.end());
                    Some(format!("has {value:?} for the {name}, which goes from {least} to {most}"))
                }
            }
        })
    }
}

/// Reads `0 3 * * *`: minute, hour, day of the month, month and day of the week.
pub(super) fn cron(text: &str) -> Result<Cron, Invalid> {
    let help = "write a minute, an hour, a day of the month, a month and a day of the week, as in \"0 3 * * *\" for 3 \
                o'clock each day";
    let fields: Vec<_> = text.split_whitespace().collect();
    match fields.len() {
        5 => {}
        1 => return Err(Invalid::new("has one field and not five", help)),
        count => return Err(Invalid::new(format!("has {count} fields and not five"), help)),
    }
    if let Some(wrong) = FIELDS.iter().zip(&fields).find_map(|(field, text)| field.wrong(text)) {
        return Err(Invalid::new(wrong, help));
    }
    // A field without a value would be looked for in all the years there are, minute by minute.
    if fields.iter().any(|field| field.split(',').any(str::is_empty)) {
        return Err(Invalid::new("has nothing beside a comma", help));
    }
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    let cron = parser.parse(text).map_err(|error| {
        // It is a sentence, with the expression in capitals.
        let said = error.to_string().trim_end_matches('.').to_lowercase();
        Invalid::new(format!("is no cron expression: {said}"), help)
    })?;
    let begin = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
    match cron.find_next_occurrence(&begin, false) {
        Ok(_) => Ok(cron),
        Err(_) => Err(Invalid::new("is a time that never comes", help)),
    }
}

/// Reads the name of a zone, as the database of IANA has it: `Europe/Berlin`.
pub(super) fn zone(name: &str) -> Result<TimeZone, Invalid> {
    TimeZone::get(name).map_err(|_| {
        Invalid::new(
            format!("is {name:?}, which is no time zone"),
            "write a name of IANA's database, as in \"Europe/Berlin\", or \"UTC\"",
        )
    })
}

fn system_time(zoned: &Zoned) -> Option<SystemTime> {
    let seconds = zoned.timestamp().as_second().try_into().ok()?;
    Some(UNIX_EPOCH + Duration::from_secs(seconds))
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use super::*;

    fn times(cron_text: &str) -> Times {
        Times::new(cron(cron_text).expect("a cron expression"), zone("Europe/Berlin").expect("a zone"))
    }

    fn moment(text: &str) -> SystemTime {
        humantime::parse_rfc3339(text).expect("a time")
    }

    /// The next ones after a time, as many as are expected.
    fn assert_next(cron: &str, after: &str, expected: &[&str]) {
        let (times, mut at) = (times(cron), moment(after));
        for next in expected {
            let before = at;
            at = times.after(at).expect("there is another");
            assert_eq!(humantime::format_rfc3339_seconds(at).to_string(), *next, "{cron}");
            // And seen from behind.
            assert_eq!(times.latest(at), Some(at), "{cron}");
            assert!(times.latest(at - Duration::from_secs(1)) <= Some(before), "{cron}");
        }
    }

    #[test]
    fn times_are_those_of_the_zones_clocks() {
        assert_next("0 3 * * *", "2026-01-31T12:00:00Z", &["2026-02-01T02:00:00Z", "2026-02-02T02:00:00Z"]);
        assert_next("0 3 * * *", "2026-07-01T01:00:00Z", &["2026-07-02T01:00:00Z"]);
        assert_next("*/20 9-10 * * 1", "2026-11-30T08:30:00Z", &["2026-11-30T08:40:00Z", "2026-11-30T09:00:00Z"]);
    }

    #[test]
    fn what_clocks_leave_out_is_made_up_for_and_what_they_repeat_is_there_once() {
        // On 29 March 02:00 is 03:00, and on 25 October 03:00 is 02:00.
        assert_next("30 2 * * *", "2026-03-28T12:00:00Z", &["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]);
        assert_next("30 2 * * *", "2026-10-24T12:00:00Z", &["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
        // What is each hour stays each hour.
        assert_next("0 * * * *", "2026-03-29T00:10:00Z", &["2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"]);
        assert_next("0 * * * *", "2026-10-25T00:10:00Z", &["2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"]);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "@daily",
            "0 3 * *",
            "0 3 * * * *",
            "60 * * * *",
            "MON * * * *",
            "0 0 * MON *",
            "0 0 30 2 *",
            ", * * * *",
            "1,,2 * * * *",
        ] {
            assert!(cron(text).is_err(), "{text}");
        }
        for text in ["", "Europe", "Europe/Bonn", "../etc/passwd", "+01:00"] {
            assert!(zone(text).is_err(), "{text}");
        }
    }
}
