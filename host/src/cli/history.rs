//! `dovetail history`: the revisions that a service had.

use std::path::Path;

use anyhow::Result;
use clap::Args;
use serde::Deserialize;

use super::{
    client::{Target, printable},
    service,
    stdout::print,
    swapped::short,
    table::{NOTHING, Table},
    time::date,
};

/// Show the revisions of a service, the newest first.
#[derive(Args)]
pub struct History {
    /// The service.
    #[arg(value_parser = service)]
    service: String,
    /// Print the host's answer as it is.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Deserialize)]
struct Told {
    history: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    revision: u64,
    digest: String,
    size: Option<u64>,
    since: Option<String>,
    how: Option<String>,
    by: Option<String>,
    #[serde(default)]
    live: bool,
}

impl History {
    /// Ask for it and print it.
    pub fn run(self, manifest: &Path) -> Result<()> {
        let client = self.target.client(manifest)?;
        client.meet()?;
        let answer = client.read(&format!("/v1/services/{}/history", self.service))?;
        let told: Told = client.values(&answer)?;
        match self.json {
            true => print(&answer),
            false => table(&told).print(),
        }
    }
}

fn table(told: &Told) -> Table<7> {
    let mut table = Table::new([">revision", "digest", ">size", "since (UTC)", "how", "by", ""]);
    for entry in &told.history {
        let told = |text: &Option<String>| text.as_deref().map_or(NOTHING.into(), printable);
        table.push([
            entry.revision.to_string(),
            short(&entry.digest),
            entry.size.map_or(NOTHING.into(), |size| format!("{} KiB", size.div_ceil(1024))),
            entry.since.as_deref().map_or(NOTHING.into(), date),
            told(&entry.how),
            told(&entry.by),
            if entry.live { "live".into() } else { String::new() },
        ]);
    }
    table
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_history_is_a_table() {
        let told = json!({ "service": "user", "history": [
            {
                "revision": 3, "digest": "0123456789abcdef", "size": 181_248, "since": "2026-11-23T12:00:00Z",
                "by": "dovetail/0.1.0 (anna@laptop)", "how": "rollback", "live": true,
            },
            {
                "revision": 2, "digest": "fedcba9876543210", "size": 1_025, "since": "2026-11-23T11:59:00.250Z",
                "by": "curl/8\u{1b}[2J", "how": "swap", "live": false,
            },
            { "revision": 1, "digest": "0123456789abcdef", "since": "2026-11-22T12:00:00+01:00", "how": "manifest" },
        ] });
        assert_eq!(
            table(&serde_json::from_value(told).expect("an answer of the host")).lines(),
            [
                "revision  digest           size  since (UTC)                how       by",
                "       3  0123456789ab  177 KiB  2026-11-23 12:00:00        rollback  dovetail/0.1.0 (anna@laptop)  live",
                "       2  fedcba987654    2 KiB  2026-11-23 11:59:00        swap      curl/8\u{fffd}[2J",
                "       1  0123456789ab        -  2026-11-22T12:00:00+01:00  manifest  -",
            ]
        );
    }
}
