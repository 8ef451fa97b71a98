//! `dovetail events`: what waits to be delivered to whom, and what is to become of it.

use std::{collections::BTreeMap, path::Path};

use anyhow::Result;
use clap::{Args, Subcommand};
use serde::Deserialize;

use self::{list::List, scheduled::Scheduled};
use super::{
    check::count,
    client::{Client, Target, printable},
    reader,
    stdout::print,
    table::{NOTHING, Table},
    time::{self, Seconds, ago, ahead, now},
};
use crate::{manifest::Invalid, message::MessageId};

mod export;
mod list;
mod pause;
mod scheduled;
mod show;
mod steer;

/// Show what events wait for whom, and steer their deliveries.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Events {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    look: Look,
}

#[derive(Subcommand)]
enum Verb {
    /// Show an event whole, for each subscriber that it waits for.
    Show(show::Show),
    /// Deliver events again that failed: one that waits for that now, a parked one anew.
    Retry(steer::Retry),
    /// Drop events: the subscriber is never delivered them.
    Drop(steer::Drop),
    /// Print what waits and what is parked, one a line, as JSON. It needs no host.
    Export(export::Export),
    /// Begin no delivery to a subscriber until resumed, over restarts.
    Pause(pause::Pause),
    /// Go on with deliveries to a subscriber.
    Resume(pause::Resume),
}

#[derive(Args)]
struct Look {
    /// Show the events of this subscriber one by one; without it, how each queue stands.
    #[arg(value_parser = reader)]
    subscriber: Option<String>,
    #[command(flatten)]
    list: List,
    /// Print the host's answer as it is.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// The host's answer. What a host does not tell is not known.
#[derive(Deserialize)]
pub struct Told {
    queues: Vec<Queue>,
    #[serde(default)]
    schedules: Vec<Scheduled>,
}

#[derive(Deserialize)]
struct Queue {
    event: String,
    subscriber: String,
    waiting: Option<u64>,
    oldest: Option<String>,
    running: Option<u64>,
    retrying: Option<u64>,
    later: Option<u64>,
    due: Option<String>,
    parked: Option<u64>,
    #[serde(default)]
    reasons: BTreeMap<String, u64>,
    #[serde(default)]
    paused: bool,
    broker: Option<String>,
    broken: Option<String>,
}

impl Events {
    /// Ask the host, and print what it says.
    pub fn run(self, manifest: &Path) -> Result<()> {
        match self.verb {
            None => self.look.run(manifest),
            Some(Verb::Show(show)) => show.run(manifest),
            Some(Verb::Retry(retry)) => retry.run(manifest),
            Some(Verb::Drop(drop)) => drop.run(manifest),
            Some(Verb::Export(export)) => export.run(manifest),
            Some(Verb::Pause(pause)) => pause.run(manifest),
            Some(Verb::Resume(resume)) => resume.run(manifest),
        }
    }
}

impl Look {
    fn run(self, manifest: &Path) -> Result<()> {
        let client = self.target.client(manifest)?;
        client.meet()?;
        if let Some(subscriber) = &self.subscriber {
            return self.list.run(&client, subscriber, self.json);
        }
        let answer = client.read("/v1/events")?;
        let told: Told = client.values(&answer)?;
        match self.json {
            true => print(&answer),
            false => told.print(),
        }
    }
}

/// Reads an event's id.
fn event_id(text: &str) -> Result<MessageId, Invalid> {
    text.parse().map_err(|no_id| Invalid {
        reason: format!("is no event's id: {no_id}"),
        help:
            "`dovetail events SUBSCRIBER` lists them; `retry --all-parked --of SUBSCRIBER` and `drop --all SUBSCRIBER` \
               take all of a subscriber"
                .to_owned(),
    })
}

impl Told {
    /// Those of a host.
    pub fn of(client: &Client) -> Result<Told> {
        client.values(&client.read("/v1/events")?)
    }

    /// Who is delivered events, each once.
    pub fn subscribers(&self) -> Vec<&str> {
        let mut subscribers: Vec<_> = self.queues.iter().map(|queue| queue.subscriber.as_str()).collect();
        subscribers.sort_unstable();
        subscribers.dedup();
        subscribers
    }

    /// How many are parked for a service.
    pub fn parked_for(&self, subscriber: &str) -> u64 {
        self.queues.iter().filter(|queue| queue.subscriber == subscriber).filter_map(|queue| queue.parked).sum()
    }

    fn print(&self) -> Result<()> {
        if self.queues.is_empty() {
            return print(b"nobody is delivered events: the manifest has no [event] table");
        }
        let now = now();
        self.table(now).print()?;
        let scheduled = self.schedules.iter().map(|schedule| schedule.sentence(now)).collect();
        let sentences = [self.parked(), self.later(), self.broken(), scheduled].concat();
        sentences.into_iter().try_for_each(|sentence| print(format!("\n{sentence}").as_bytes()))
    }

    /// A sentence for each queue of which some wait for their time.
    fn later(&self) -> Vec<String> {
        let later = self.queues.iter().filter_map(|queue| Some((queue, queue.later.filter(|later| *later > 0)?)));
        let sentences = later.map(|(queue, later)| {
            let (subscriber, wait) = (printable(&queue.subscriber), if later == 1 { "waits" } else { "wait" });
            format!(
                "{} for {subscriber} {wait} for the time before which it is not to be delivered.",
                count(later, "event")
            )
        });
        sentences.collect()
    }

    /// A sentence for each that a broker is away from.
    fn broken(&self) -> Vec<String> {
        let broken =
            self.queues.iter().filter_map(|queue| Some((queue, queue.broker.as_ref()?, queue.broken.as_ref()?)));
        let sentences = broken.map(|(Queue { event, subscriber, .. }, broker, why)| {
            let [event, subscriber, broker, why] = [event, subscriber, broker, why].map(|text| printable(text));
            match subscriber.starts_with('@') {
                true => format!("{event} is not sent to {broker}, and waits: {why}."),
                false => format!("{event} does not come from {broker} for {subscriber}: {why}."),
            }
        });
        sentences.collect()
    }

    fn table(&self, now: Seconds) -> Table<9> {
        let head =
            ["event", "subscriber", ">waiting", "oldest", ">running", ">retried", "next", ">parked", "deliveries"];
        let mut table = Table::new(head);
        for queue in &self.queues {
            let number = |number: Option<u64>| number.map_or(NOTHING.into(), |number| number.to_string());
            let time = |time: &Option<String>, told: fn(Seconds, Seconds) -> String| {
                let told = |text: &str| time::parse(text).map_or(printable(text), |then| told(then, now));
                time.as_deref().map_or(NOTHING.into(), told)
            };
            table.push([
                printable(&queue.event),
                printable(&queue.subscriber),
                number(queue.waiting),
                time(&queue.oldest, ago),
                number(queue.running),
                number(queue.retrying),
                time(&queue.due, ahead),
                number(queue.parked),
                queue.state().into(),
            ]);
        }
        table
    }

    /// A sentence for each queue that waits for a person.
    fn parked(&self) -> Vec<String> {
        let parked = self.queues.iter().filter_map(|queue| Some((queue, queue.parked.filter(|parked| *parked > 0)?)));
        let sentences = parked.map(|(queue, parked)| {
            let subscriber = printable(&queue.subscriber);
            let reasons = queue.reasons.iter().map(|(why, number)| format!("{number} {}", printable(why)));
            let (reasons, be) = (reasons.collect::<Vec<_>>().join(", "), if parked == 1 { "is" } else { "are" });
            format!(
                "{} for {subscriber} {be} parked ({reasons}); see `dovetail events {subscriber} --parked`.",
                count(parked, "event")
            )
        });
        sentences.collect()
    }
}

impl Queue {
    /// Whether deliveries go on.
    fn state(&self) -> &'static str {
        match (self.paused, &self.broken) {
            (true, _) => "paused",
            (false, Some(_)) => "cut off",
            (false, None) => "go on",
        }
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn queues_are_a_table_with_a_sentence_for_those_that_wait_for_a_person() {
        let told = json!({ "queues": [
            {
                "event": "shop:orders/events@0.1.0", "subscriber": "notices", "waiting": 12,
                "oldest": "2026-11-23T11:59:48.250Z", "running": 1, "retrying": 2, "later": 1, "due": "2026-11-23T12:01:30.000Z",
                "behind": 3, "parked": 3, "reasons": { "trap": 2, "deadline": 1 }, "paused": true,
            },
            { "event": "a:b/c", "subscriber": "x\u{1b}", "waiting": 0, "oldest": null, "parked": 0 },
        ] });
        let told: Told = serde_json::from_value(told).expect("an answer of the host");
        assert_eq!(
            told.table(time::parse("2026-11-23T12:00:00Z").expect("a time")).lines(),
            [
                "event                     subscriber  waiting  oldest    running  retried  next      parked  deliveries",
                "shop:orders/events@0.1.0  notices          12  12 s ago        1        2  in 1 min       3  paused",
                "a:b/c                     x\u{fffd}                0  -               -        -  -              0  go on",
            ]
        );
        assert_eq!(
            told.parked(),
            ["3 events for notices are parked (1 deadline, 2 trap); see `dovetail events notices --parked`."]
        );
    }
}
