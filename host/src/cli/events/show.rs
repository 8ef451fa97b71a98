//! `dovetail events show`: an event whole.

use std::{collections::BTreeMap, fmt::Write, path::Path};

use anyhow::{Result, bail};
use clap::Args;
use http::Method;
use serde::Deserialize;
use serde_json::Value;

use super::{Told, event_id};
use crate::{
    cli::{
        client::{Target, printable},
        stdout::print,
        time::date,
    },
    message::MessageId,
};

/// Show an event whole, for each subscriber that it waits for.
#[derive(Args)]
pub struct Show {
    /// The event's id.
    #[arg(value_parser = event_id)]
    id: MessageId,
    /// Print the host's answer as it is, one line for each subscriber.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// The host's answer. What a host does not tell is not known.
#[derive(Deserialize)]
struct Shown {
    subscriber: String,
    state: String,
    record: Option<Record>,
    message: Value,
}

#[derive(Deserialize)]
struct Record {
    #[serde(default)]
    attempts: BTreeMap<String, u64>,
    why: Option<String>,
    error: Option<String>,
    at: Option<String>,
    due: Option<String>,
}

impl Show {
    /// Ask for it and print it.
    pub fn run(self, manifest: &Path) -> Result<()> {
        let client = self.target.client(manifest)?;
        client.meet()?;
        let mut texts = Vec::new();
        for subscriber in Told::of(&client)?.subscribers() {
            let path = format!("/v1/events/{subscriber}/{}", self.id);
            let Some(answer) = client.if_there(Method::GET, &path)? else { continue };
            let shown: Shown = client.values(&answer)?;
            texts.push(if self.json { answer.to_vec() } else { shown.text()?.into_bytes() });
        }
        if texts.is_empty() {
            bail!("no event {} waits for anybody: it was delivered or dropped, or never was", self.id);
        }
        print(&texts.join(if self.json { &b"\n"[..] } else { b"\n\n" }))
    }
}

impl Shown {
    fn text(&self) -> Result<String> {
        let mut text = String::new();
        writeln!(text, "for       {}", printable(&self.subscriber))?;
        writeln!(text, "state     {}", printable(&self.state))?;
        if let Some(record) = &self.record {
            let by = record.attempts.iter().map(|(revision, number)| format!("{number} on revision {revision}"));
            let by = by.collect::<Vec<_>>().join(", ");
            writeln!(text, "attempts  {}", if by.is_empty() { "none".to_owned() } else { printable(&by) })?;
            let times = [("failed at", &record.at), ("next at  ", &record.due)];
            for (name, time) in times.into_iter().filter_map(|(name, time)| Some((name, time.as_deref()?))) {
                writeln!(text, "{name} {} UTC", date(time))?;
            }
            for (name, told) in [("why      ", &record.why), ("error    ", &record.error)] {
                if let Some(told) = told {
                    writeln!(text, "{name} {}", printable(told))?;
                }
            }
        }
        write!(text, "{}", printable(&format!("{:#}", self.message)))?;
        Ok(text)
    }
}
