//! What time is to emit, and when next.

use serde::Deserialize;

use crate::cli::{
    client::printable,
    time::{self, Seconds, ahead},
};

/// A schedule, as the host tells of it.
#[derive(Deserialize)]
pub struct Scheduled {
    name: String,
    event: String,
    function: String,
    /// None if no time is to come.
    next: Option<String>,
}

impl Scheduled {
    /// The same in a sentence.
    pub fn sentence(&self, now: Seconds) -> String {
        let [name, event, function] = [&self.name, &self.event, &self.function].map(|text| printable(text));
        let next = self.next.as_deref().map(|next| time::parse(next).map_or(printable(next), |then| ahead(then, now)));
        match next {
            Some(next) => format!("schedule {name} emits {event}#{function} {next}."),
            None => format!("schedule {name} emits {event}#{function} at no time that is to come."),
        }
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schedule_is_told_with_its_next_time() {
        let now = time::parse("2026-11-23T12:00:00Z").expect("a time");
        for (next, told) in [
            (json!("2026-11-23T12:01:30.000Z"), "schedule nightly emits a:b/c#at in 1 min."),
            (json!(null), "schedule nightly emits a:b/c#at at no time that is to come."),
        ] {
            let scheduled = json!({ "name": "nightly", "event": "a:b/c", "function": "at", "next": next });
            let scheduled: Scheduled = serde_json::from_value(scheduled).expect("an answer of the host");
            assert_eq!(scheduled.sentence(now), told);
        }
    }
}
