//! The events of one subscriber, one by one.

use anyhow::Result;
use clap::Args;
use serde::Deserialize;

use crate::cli::{
    client::{Client, printable},
    stdout::print,
    table::{NOTHING, Table},
    terminal::Terminal,
    time::{self, Seconds, ago, ahead, now},
};

/// So much of an error is in a table.
const LONGEST_ERROR: usize = 100;

/// Which of them.
#[derive(Args)]
pub struct List {
    /// Only those of this event, by its interface as the manifest has it.
    #[arg(long, value_name = "INTERFACE", requires = "subscriber")]
    event: Option<String>,
    /// Only those that are parked.
    #[arg(long, requires = "subscriber")]
    parked: bool,
    /// Go on where the last page ended.
    #[arg(long, value_name = "PLACE", requires = "subscriber")]
    after: Option<String>,
}

/// A page of the host's answer. What a host does not tell is not known.
#[derive(Deserialize)]
pub struct Told {
    /// The events.
    pub messages: Vec<Message>,
    /// Where there are more.
    pub next: Option<String>,
}

/// One of them.
#[derive(Deserialize)]
pub struct Message {
    /// By which it is found.
    pub id: String,
    /// What it waits for.
    pub state: String,
    kind: Option<String>,
    key: Option<String>,
    time: Option<String>,
    attempts: Option<u64>,
    why: Option<String>,
    error: Option<String>,
    due: Option<String>,
    behind: Option<String>,
}

impl List {
    /// Ask for a page and print it.
    pub fn run(&self, client: &Client, subscriber: &str, json: bool) -> Result<()> {
        let answer = client.read(&self.path(subscriber))?;
        let told: Told = client.values(&answer)?;
        if json {
            return print(&answer);
        }
        if told.messages.is_empty() {
            return print(format!("no event waits for {subscriber}").as_bytes());
        }
        told.table(now()).print()?;
        if let Some(next) = &told.next {
            // A place is one among what was asked for.
            let event = self.event.iter().map(|event| format!(" --event {event}"));
            let asked: String = event.chain(self.parked.then(|| " --parked".to_owned())).collect();
            let more = format!("are shown with `dovetail events {subscriber}{asked} --after {}`", printable(next));
            Terminal::new().say("More", &more);
        }
        Ok(())
    }

    fn path(&self, subscriber: &str) -> String {
        path(subscriber, self.event.as_deref(), self.parked, self.after.as_deref())
    }
}

/// All that are parked for a subscriber, however many pages they are.
pub fn parked(client: &Client, subscriber: &str) -> Result<Vec<String>> {
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let told: Told = client.values(&client.read(&path(subscriber, None, true, after.as_deref()))?)?;
        ids.extend(told.messages.into_iter().map(|message| message.id));
        after = told.next;
        if after.is_none() {
            return Ok(ids);
        }
    }
}

fn path(subscriber: &str, event: Option<&str>, parked: bool, after: Option<&str>) -> String {
    let mut path = format!("/v1/events/{subscriber}?");
    for (key, value) in [("event", event), ("only", parked.then_some("parked")), ("after", after)] {
        if let Some(value) = value {
            path += &format!("{key}={}&", crate::manifest::percent_encoded(value));
        }
    }
    path
}

impl Told {
    fn table(&self, now: Seconds) -> Table<7> {
        let mut table = Table::new(["id", "event", "key", "emitted", ">attempts", "state", "error"]);
        for message in &self.messages {
            let text = |text: &Option<String>| text.as_deref().map_or(NOTHING.into(), printable);
            let time = message.time.as_deref();
            let emitted = |text| time::parse(text).map_or(printable(text), |then| ago(then, now));
            table.push([
                printable(&message.id),
                text(&message.kind),
                text(&message.key),
                time.map_or(NOTHING.into(), emitted),
                message.attempts.map_or(NOTHING.into(), |attempts| attempts.to_string()),
                message.state(now),
                message.error(),
            ]);
        }
        table
    }
}

impl Message {
    fn state(&self, now: Seconds) -> String {
        let state = printable(&self.state);
        match (&self.due, &self.behind) {
            (Some(due), _) => match time::parse(due) {
                // It has not been tried, and is not to be before.
                Some(due) if state == "waiting" => format!("waiting for its time, {}", ahead(due, now)),
                Some(due) => format!("{state}, {}", ahead(due, now)),
                None => state,
            },
            (None, Some(parked)) => format!("{state} behind {}", printable(parked)),
            (None, None) => state,
        }
    }

    fn error(&self) -> String {
        let Some(error) = &self.error else { return NOTHING.into() };
        let why = self.why.as_deref().map(|why| format!("{}: ", printable(why))).unwrap_or_default();
        let line = printable(error).replace(['\n', '\t'], " ");
        let mut cut: String = line.chars().take(LONGEST_ERROR).collect();
        if cut.len() < line.len() {
            cut.push('…');
        }
        why + &cut
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_are_a_table() {
        let told = json!({ "subscriber": "notices", "next": null, "messages": [
            {
                "id": "1", "event": "a:b/c", "state": "blocked", "kind": "a:b/c#d", "key": "7",
                "time": "2026-11-23T11:00:00.000Z", "attempts": 8, "why": "trap", "error": "its call failed:\nx\u{1b}",
            },
            { "id": "2", "event": "a:b/c", "state": "waiting", "kind": "a:b/c#d", "key": "7", "attempts": 0, "behind": "1" },
            { "id": "3", "event": "a:b/c", "state": "retrying", "attempts": 1, "due": "2026-11-23T12:00:05.000Z" },
            { "id": "4", "event": "a:b/c", "state": "waiting", "attempts": 0, "due": "2026-11-23T12:00:05.000Z" },
        ] });
        let told: Told = serde_json::from_value(told).expect("an answer of the host");
        assert_eq!(
            told.table(time::parse("2026-11-23T12:00:00Z").expect("a time")).lines(),
            [
                "id  event    key  emitted  attempts  state                         error",
                "1   a:b/c#d  7    1 h ago         8  blocked                       trap: its call failed: x\u{fffd}",
                "2   a:b/c#d  7    -               0  waiting behind 1              -",
                "3   -        -    -               1  retrying, in 5 s              -",
                "4   -        -    -               0  waiting for its time, in 5 s  -",
            ]
        );
    }

    #[test]
    fn what_is_asked_for_is_encoded() {
        assert_eq!(path("x", None, false, None), "/v1/events/x?");
        let asked = path("x", Some("a:b/c@0.1.0"), true, Some("2.5"));
        assert_eq!(asked, "/v1/events/x?event=a%3Ab%2Fc%400.1.0&only=parked&after=2.5&");
    }
}
