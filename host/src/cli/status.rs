//! `dovetail status`: what a running host serves.

use std::path::Path;

use anyhow::Result;
use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use self::{canary::Canary, upstream::Upstream};
use super::{
    client::{Target, printable},
    stdout::print,
    table::{NOTHING, Table},
    time::{self, Seconds, ago},
};

mod canary;
mod upstream;

/// Show the services of a running host, and what they have in hand.
#[derive(Args)]
pub struct Status {
    /// Print the host's answer as it is.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// The host's answer. What a host does not tell is not known.
#[derive(Deserialize)]
struct Told {
    services: Vec<Service>,
    #[serde(default)]
    upstreams: Vec<Upstream>,
}

#[derive(Deserialize)]
struct Service {
    name: String,
    revision: Option<u64>,
    since: Option<String>,
    live_calls: Option<u64>,
    errors: Option<u64>,
    instances: Option<Instances>,
    draining: Option<Vec<Value>>,
    canary: Option<Canary>,
}

#[derive(Deserialize)]
struct Instances {
    idle: u64,
    busy: u64,
    max: u64,
}

impl Status {
    /// Ask for it and print it.
    pub fn run(self, manifest: &Path) -> Result<()> {
        let client = self.target.client(manifest)?;
        let answer = client.services()?;
        let told: Told = client.values(&answer)?;
        if self.json {
            return print(&answer);
        }
        table(&told, time::now()).print()?;
        if !told.upstreams.is_empty() {
            super::print(b"")?;
            upstream::table(&told.upstreams).print()?;
        }
        let canaries = told.services.iter().filter_map(|service| Some((service.canary.as_ref()?, &service.name)));
        canaries
            .map(|(canary, name)| canary.what_becomes_of_it(&printable(name)))
            .try_for_each(|sentence| super::print(format!("\n{sentence}").as_bytes()))
    }
}

fn table(told: &Told, now: Seconds) -> Table<7> {
    let head = ["service", ">revision", "since", ">calls", ">errors", "busy/idle", "draining"];
    let mut table = Table::new(head);
    for service in &told.services {
        let since = |since: &Option<String>| {
            let told = |text: &str| time::parse(text).map_or(printable(text), |then| ago(then, now));
            since.as_deref().map_or(NOTHING.into(), told)
        };
        table.push([
            printable(&service.name),
            number(service.revision),
            since(&service.since),
            number(service.live_calls),
            number(service.errors),
            service.instances.as_ref().map_or(NOTHING.into(), |i| format!("{}/{} of {}", i.busy, i.idle, i.max)),
            service.draining.as_deref().map_or(NOTHING.into(), draining),
        ]);
        if let Some(canary) = &service.canary {
            let share = canary.share.as_ref().map_or(NOTHING.into(), |share| format!("{share}%"));
            table.push([
                format!("  canary, {share}"),
                number(canary.revision),
                since(&canary.since),
                number(canary.calls),
                number(canary.errors),
                NOTHING.into(),
                NOTHING.into(),
            ]);
        }
    }
    table
}

fn number(number: Option<u64>) -> String {
    number.map_or(NOTHING.into(), |number| number.to_string())
}

/// The numbers of the revisions that still have calls.
fn draining(revisions: &[Value]) -> String {
    let revision = |entry: &Value| printable(&entry.get("revision").unwrap_or(entry).to_string());
    match revisions {
        [] => "none".into(),
        revisions => revisions.iter().map(revision).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use serde_json::json;

    use super::*;

    fn lines(told: Value) -> Vec<String> {
        let told = serde_json::from_value(told).expect("an answer of the host");
        table(&told, time::parse("2026-11-23T12:00:00Z").expect("a time")).lines()
    }

    #[test]
    fn services_are_a_table_with_canaries_in_rows_of_their_own() {
        let told = json!({ "app": "shop", "services": [
            {
                "name": "order", "digest": "01", "revision": 1, "since": "2026-11-23T09:00:00Z", "live_calls": 1042,
                "errors": 0, "instances": { "idle": 3, "busy": 0, "max": 64 }, "draining": [], "canary": null,
            },
            {
                "name": "user", "digest": "02", "revision": 4, "since": "2026-11-23T11:59:48Z", "live_calls": 20_831,
                "errors": 2, "instances": { "idle": 2, "busy": 1, "max": 64 }, "draining": [2, { "revision": 3 }],
                "canary": { "revision": 5, "digest": "03", "share": 10, "calls": 208, "errors": 1 },
            },
        ] });
        assert_eq!(
            lines(told),
            [
                "service        revision  since     calls  errors  busy/idle  draining",
                "order                 1  3 h ago    1042       0  0/3 of 64  none",
                "user                  4  12 s ago  20831       2  1/2 of 64  2, 3",
                "  canary, 10%         5  -           208       1  -          -",
            ]
        );
    }

    #[test]
    fn what_a_host_does_not_tell_is_left_open() {
        let told = json!({ "app": "shop", "services": [
            { "name": "user", "digest": "02", "instances": { "idle": 1, "busy": 0, "max": 8 }, "errors": 7, "traps": 1 },
        ] });
        assert_eq!(
            lines(told),
            [
                "service  revision  since  calls  errors  busy/idle  draining",
                "user            -  -          -       7  0/1 of 8   -",
            ]
        );
    }
}
