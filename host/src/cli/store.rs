//! `dovetail store`: what people do with an app's data. It needs no host, and does
//! not disturb one that serves.

use std::path::Path;

use anyhow::Result;
use clap::{Args, Subcommand};

use self::subject::Subject;
use super::up;

mod backup;
mod export;
mod import;
mod line;
mod stats;
pub mod subject;

/// Look at the app's data, take it out, put it in, keep a copy.
#[derive(Args)]
pub struct Store {
    /// The store, instead of the one at store.url; without a manifest, too.
    #[arg(long, global = true, value_name = "URL", value_parser = up::store_argument)]
    store: Option<String>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Show the buckets, and how much room they take.
    ///
    /// Those with a colon in their names are the host's own, for events: queues: says who
    /// subscribes, event: has the messages that wait, retry:, blocked: and parked: what
    /// became of them, paused: who is delivered none, tenure: which host delivers, and
    /// schedule: up to when a schedule has emitted.
    Stats(stats::Stats),
    /// Print entries, one a line, as JSON.
    ///
    /// Of SQLite and PostgreSQL they are all from one moment.
    Export(export::Export),
    /// Set what export printed.
    ///
    /// A thousand lines at a time are set, all or none of them. A file is read to its
    /// end before anything is set, so one with a malformed line changes nothing. Into
    /// SQLite while no host has it open.
    Import(import::Import),
    /// Write the store, as it is at one moment, into a file.
    ///
    /// Of SQLite this is a database, of PostgreSQL what export prints. A host may serve
    /// meanwhile.
    Backup(backup::Backup),
}

impl Store {
    /// Find the store and do it.
    pub fn run(self, manifest: &Path) -> Result<()> {
        let subject = Subject::of(manifest, self.store.as_deref())?;
        if let Some(warning) = subject.warning() {
            tracing::warn!("{warning}");
        }
        up::runtime()?.block_on(self.verb.run(&subject))
    }
}

impl Verb {
    async fn run(self, subject: &Subject) -> Result<()> {
        match self {
            Verb::Stats(stats) => stats.run(&subject.url).await,
            Verb::Export(export) => export.run(subject).await,
            Verb::Import(import) => import.run(subject).await,
            Verb::Backup(backup) => backup.run(subject).await,
        }
    }
}

/// Reads the name of a bucket.
fn bucket(name: &str) -> Result<String, crate::manifest::Invalid> {
    match is_hosts(name) {
        true => Ok(name.to_owned()),
        false => crate::manifest::bucket_name(name).map(|()| name.to_owned()),
    }
}

/// Whether it is a bucket of the host's own, such as those of events that wait. They begin
/// with what they are for and a colon, so that no service can be granted them.
fn is_hosts(bucket: &str) -> bool {
    let purpose = bucket.split_once(':').map_or("", |(purpose, _)| purpose);
    !purpose.is_empty() && purpose.bytes().all(|letter| letter.is_ascii_lowercase())
}

/// Whether this Dovetail reads a bucket of the host's own.
fn is_read(bucket: &str) -> bool {
    const PURPOSES: [&str; 10] =
        ["blocked", "event", "had", "parked", "paused", "place", "queues", "retry", "schedule", "tenure"];
    let purpose = bucket.split_once(':').map_or("", |(purpose, _)| purpose);
    PURPOSES.contains(&purpose)
}

/// A number of entries: `1,204 entries`.
fn entries(number: u64) -> String {
    let noun = if number == 1 { "entry" } else { "entries" };
    format!("{} {noun}", grouped(number))
}

/// A number with a comma after each thousand.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_a_comma_after_each_thousand() {
        for (number, shown) in [
            (0, "0 entries"),
            (1, "1 entry"),
            (999, "999 entries"),
            (1000, "1,000 entries"),
            (1_234_567, "1,234,567 entries"),
        ] {
            assert_eq!(entries(number), shown);
        }
    }
}
