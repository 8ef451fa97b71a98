//! `dovetail store stats`: the buckets, and how much room they take.

use anyhow::Result;
use clap::Args;

use super::{grouped, is_hosts};
use crate::{
    cli::{
        stdout::{print, print_with},
        table::Table,
        terminal::{FAINT, STRONG},
    },
    manifest::StoreUrl,
    store,
};

/// The bytes of a log that is longer than one that is folded into its database in time.
const LONG: u64 = 64 << 20;

/// What is said of buckets that no service has.
const HOSTS: &str =
    "buckets with a colon are the host's own: what `dovetail events` shows, and how far schedules have come";

/// Show the buckets, and how much room they take.
#[derive(Args)]
pub struct Stats {
    /// Print it as JSON, in bytes.
    #[arg(long)]
    json: bool,
}

impl Stats {
    /// Look and print it.
    pub async fn run(self, url: &StoreUrl) -> Result<()> {
        let stats = store::upkeep(url).await?.stats().await?;
        if self.json {
            return print(&serde_json::to_vec(&stats)?);
        }
        let mut table = Table::new(["bucket", ">keys", ">bytes"]);
        for bucket in &stats.buckets {
            table.push([bucket.name.clone(), grouped(bucket.keys), grouped(bucket.bytes)]);
        }
        let log = stats.log.map(|bytes| format!(", and {} of log", size(bytes))).unwrap_or_default();
        let store::Stats { engine, version, place, size: bytes, .. } = &stats;
        print_with(|out| {
            writeln!(out, "{STRONG}{place}{STRONG:#}: {engine} {version}, {}{log}", size(*bytes))?;
            if stats.log.is_some_and(|bytes| bytes > LONG) {
                let why = "a log of this length grows while somebody reads: see that no sqlite3 has a transaction open";
                writeln!(out, "{FAINT}{why}{FAINT:#}")?;
            }
            match stats.buckets.is_empty() {
                true => writeln!(out, "{FAINT}no bucket has a key{FAINT:#}"),
                false => Ok(()),
            }
        })?;
        if stats.buckets.is_empty() {
            return Ok(());
        }
        table.print()?;
        match stats.buckets.iter().any(|bucket| is_hosts(&bucket.name)) {
            true => print_with(|out| writeln!(out, "\n{FAINT}{HOSTS}{FAINT:#}")),
            false => Ok(()),
        }
    }
}

/// Bytes as people read them: `0 B`, `4.0 KiB`, `1.2 MiB`.
fn size(bytes: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    match units.iter().find(|(_, bits)| bytes >> bits > 0) {
        Some((unit, bits)) => format!("{:.1} {unit}", bytes as f64 / (1_u64 << bits) as f64),
        None => format!("{bytes} B"),
    }
}
