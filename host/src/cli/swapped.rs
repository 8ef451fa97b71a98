//! What the host did when it was asked for another revision, step by step.

use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::{
    client::{Client, printable},
    terminal::Terminal,
    time::{millis, took},
};
use crate::swap::Outcome;

/// The host's answer to a swap, a rollback or a promotion.
#[derive(Deserialize)]
pub struct Swapped {
    service: String,
    outcome: String,
    #[serde(default)]
    from: Option<Named>,
    #[serde(default)]
    to: Option<Named>,
    #[serde(default)]
    steps: Vec<Step>,
    #[serde(default)]
    no_more: Vec<String>,
}

/// A revision by its number and its component.
#[derive(Deserialize)]
struct Named {
    revision: u64,
    digest: String,
}

#[derive(Deserialize)]
struct Step {
    step: String,
    ms: f64,
    #[serde(default)]
    note: Option<String>,
}

/// Revisions that have no calls any more.
#[derive(Deserialize)]
struct Drained {
    drained: Vec<DrainedRevision>,
}

#[derive(Deserialize)]
struct DrainedRevision {
    revision: u64,
    ms: f64,
    #[serde(default)]
    stopped: u64,
}

/// A line for a thing that was done.
#[derive(Debug, PartialEq)]
pub struct Line {
    verb: String,
    what: String,
    took: Option<Duration>,
}

/// Show what was done with `subject`, and wait until a revision that answers no new
/// calls has none any more.
pub fn show(client: &Client, answer: &[u8], subject: &str, terminal: &Terminal) -> Result<Swapped> {
    let swapped: Swapped = client.values(answer)?;
    for line in swapped.lines(subject) {
        line.show(terminal);
    }
    if swapped.is_live() || swapped.outcome == "withdrawn" {
        let earlier = swapped.from.as_ref().map(|from| format!("revision {}", from.revision)).unwrap_or_default();
        let spinner = terminal.spin("Draining", &earlier);
        let answer = client.wait(&format!("/v1/services/{}/drained", swapped.service));
        drop(spinner);
        let told = "it is done, but how the calls of the earlier revision end is not known";
        let drained: Drained = answer.and_then(|answer| client.values(&answer)).context(told)?;
        for line in drained.lines() {
            line.show(terminal);
        }
    }
    Ok(swapped)
}

/// Whether the host says that all calls go to another revision now.
pub fn is_live(client: &Client, answer: &[u8]) -> Result<bool> {
    client.values(answer).map(|swapped: Swapped| swapped.is_live())
}

/// Show what this process itself did with `subject`.
pub fn show_own(outcome: &Outcome, subject: &str, terminal: &Terminal) -> Result<()> {
    let swapped: Swapped = serde_json::from_value(serde_json::to_value(outcome)?)?;
    swapped.lines(subject).iter().for_each(|line| line.show(terminal));
    Ok(())
}

/// How many calls were stopped, to be said after something else.
pub fn stopped_calls(stopped: u64) -> String {
    match stopped {
        0 => String::new(),
        1 => ", 1 call was stopped".to_owned(),
        calls => format!(", {calls} calls were stopped"),
    }
}

impl Swapped {
    /// Whether all calls go to the new revision.
    fn is_live(&self) -> bool {
        self.outcome == "live"
    }

    /// Whether only a share of the calls goes to the new revision.
    pub fn is_canary(&self) -> bool {
        self.outcome == "canary"
    }

    /// The number of the revision that was live before.
    pub fn before(&self) -> Option<u64> {
        self.from.as_ref().map(|from| from.revision)
    }

    fn lines(&self, subject: &str) -> Vec<Line> {
        let service = printable(&self.service);
        let (last, steps) = match self.steps.split_last() {
            Some((last, steps)) if last.step == self.outcome || last.step == "live" => (Some(last), steps),
            _ => (None, &self.steps[..]),
        };
        let steps = steps.iter().map(|step| {
            let what = if step.step == "read" { subject } else { &service };
            let note = step.note.as_ref().map(|note| format!(" ({})", printable(note))).unwrap_or_default();
            Line { verb: done(&step.step), what: format!("{what}{note}"), took: Some(millis(step.ms)) }
        });
        let named = |end: &Option<Named>| end.as_ref().map(Named::shown).unwrap_or_default();
        let to = named(&self.to);
        let what = match (self.outcome.as_str(), &self.to) {
            ("unchanged", _) => format!("{service}: {to} is live already"),
            ("withdrawn", Some(live)) => {
                format!("{service}, {}; revision {} answers all calls", named(&self.from), live.revision)
            }
            _ => format!("{service}, {to}"),
        };
        let outcome = Line { verb: capitalised(&self.outcome), what, took: last.map(|step| millis(step.ms)) };
        let no_more = self.no_more.iter().map(|what| Line {
            verb: "Note".into(),
            what: format!("{service} {}", printable(what)),
            took: None,
        });
        steps.chain([outcome]).chain(no_more).collect()
    }
}

impl Named {
    fn shown(&self) -> String {
        format!("revision {} (sha256 {})", self.revision, short(&self.digest))
    }
}

impl Drained {
    fn lines(&self) -> Vec<Line> {
        let lines = self.drained.iter().map(|drained| {
            let (revision, time) = (drained.revision, took(millis(drained.ms)));
            let stopped = stopped_calls(drained.stopped);
            Line { verb: "Drained".into(), what: format!("revision {revision} in {time}{stopped}"), took: None }
        });
        lines.collect()
    }
}

impl Line {
    fn show(&self, terminal: &Terminal) {
        match self.took {
            Some(took) => terminal.done(&self.verb, &self.what, took),
            None => terminal.say(&self.verb, &self.what),
        }
    }
}

/// As many characters of a digest as tell components apart.
pub fn short(digest: &str) -> String {
    printable(digest).chars().take(12).collect()
}

/// The word for a step that is done.
fn done(step: &str) -> String {
    match step {
        "read" => "Read".into(),
        "compile" => "Compiled".into(),
        "check" => "Checked".into(),
        "probe" => "Probed".into(),
        other => capitalised(other),
    }
}

fn capitalised(word: &str) -> String {
    let word = printable(word);
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// As they are on a screen.
    fn shown(lines: Vec<Line>) -> Vec<String> {
        let shown = |line: Line| {
            let time = line.took.map(|time| format!(" in {}", took(time))).unwrap_or_default();
            format!("{:>10} {}{time}", line.verb, line.what)
        };
        lines.into_iter().map(shown).collect()
    }

    fn lines(answer: Value) -> Vec<String> {
        let swapped: Swapped = serde_json::from_value(answer).expect("an answer of the host");
        shown(swapped.lines("new.wasm (177 KiB)"))
    }

    fn named(revision: u64) -> Value {
        json!({ "revision": revision, "digest": format!("{revision}123456789abcdef") })
    }

    #[test]
    fn a_swap_is_shown_with_the_time_of_each_step() {
        let answer = json!({
            "service": "user", "outcome": "live", "from": named(1), "to": named(2),
            "steps": [
                { "step": "read", "ms": 0.2 },
                { "step": "compile", "ms": 103.1, "note": "from the cache" },
                { "step": "check", "ms": 1.0 },
                { "step": "probe", "ms": 2.0 },
                { "step": "live", "ms": 0.1 },
            ],
        });
        assert_eq!(
            lines(answer),
            [
                "      Read new.wasm (177 KiB) in 0.2 ms",
                "  Compiled user (from the cache) in 103 ms",
                "   Checked user in 1.0 ms",
                "    Probed user in 2.0 ms",
                "      Live user, revision 2 (sha256 2123456789ab) in 0.1 ms",
            ]
        );
    }

    #[test]
    fn what_a_component_does_no_more_is_told() {
        let no_more = ["does not call `a:b/c` of `user` any more", "does not emit `a:b/d` any more"];
        let answer =
            json!({ "service": "order", "outcome": "live", "from": named(1), "to": named(2), "no_more": no_more });
        assert_eq!(
            lines(answer),
            [
                "      Live order, revision 2 (sha256 2123456789ab)",
                "      Note order does not call `a:b/c` of `user` any more",
                "      Note order does not emit `a:b/d` any more",
            ]
        );
    }

    #[test]
    fn what_is_live_already_is_told() {
        let answer =
            json!({ "service": "user", "outcome": "unchanged", "from": named(2), "to": named(2), "steps": [] });
        assert_eq!(lines(answer), [" Unchanged user: revision 2 (sha256 2123456789ab) is live already"]);
    }

    #[test]
    fn a_canary_and_what_a_later_host_may_say_are_shown() {
        let steps = json!([{ "step": "warm", "ms": 1500 }, { "step": "canary", "ms": 0.3 }]);
        let answer = json!({ "service": "user", "outcome": "canary", "from": null, "to": named(3), "steps": steps });
        assert_eq!(
            lines(answer),
            ["      Warm user in 1.50 s", "    Canary user, revision 3 (sha256 3123456789ab) in 0.3 ms"]
        );
        let answer = json!({ "service": "user", "outcome": "withdrawn", "from": named(3), "to": named(2) });
        assert_eq!(lines(answer), [" Withdrawn user, revision 3 (sha256 3123456789ab); revision 2 answers all calls"]);
    }

    #[test]
    fn drained_revisions_are_shown_with_the_calls_that_were_stopped() {
        let answer = json!({ "service": "user", "drained": [
            { "revision": 1, "ms": 12.5, "stopped": 0 },
            { "revision": 2, "ms": 30_000, "stopped": 1 },
            { "revision": 3, "ms": 30_000, "stopped": 3 },
        ] });
        let drained: Drained = serde_json::from_value(answer).expect("an answer of the host");
        assert_eq!(
            shown(drained.lines()),
            [
                "   Drained revision 1 in 12 ms",
                "   Drained revision 2 in 30.00 s, 1 call was stopped",
                "   Drained revision 3 in 30.00 s, 3 calls were stopped",
            ]
        );
    }
}
