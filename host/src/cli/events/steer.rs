//! `dovetail events retry` and `drop`: what is to become of an event.

use std::path::Path;

use anyhow::{Result, bail};
use bytes::Bytes;
use clap::Args;
use http::Method;

use super::{
    Told, event_id,
    list::{Message, parked},
};
use crate::{
    cli::{
        check::count,
        client::{Client, Refused, Target, printable},
        reader,
        store::subject::Subject,
        terminal::Terminal,
        up,
    },
    event::Cleared,
    manifest::StoreUrl,
    message::MessageId,
    store::{self, StoreError},
};

/// Deliver events again that failed.
#[derive(Args)]
pub struct Retry {
    /// The events' ids.
    #[arg(value_name = "ID", value_parser = event_id, required_unless_present = "all_parked", conflicts_with = "all_parked")]
    ids: Vec<MessageId>,
    /// All that are parked.
    #[arg(long)]
    all_parked: bool,
    /// Only for this subscriber.
    #[arg(long, value_name = "SUBSCRIBER", value_parser = reader)]
    of: Option<String>,
    #[command(flatten)]
    target: Target,
}

/// Drop events.
#[derive(Args)]
pub struct Drop {
    /// The events' ids.
    #[arg(value_name = "ID", value_parser = event_id, required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<MessageId>,
    /// Only for this subscriber.
    #[arg(long, value_name = "SUBSCRIBER", value_parser = reader, conflicts_with = "all")]
    of: Option<String>,
    /// All that wait for this subscriber or are parked, also if it subscribes no more. Where
    /// no host runs they are dropped in its store.
    #[arg(long, value_name = "SUBSCRIBER", value_parser = reader)]
    all: Option<String>,
    /// With --all: drop them in this store, and ask no host.
    #[arg(long, value_name = "URL", value_parser = up::store_argument, requires = "all")]
    store: Option<String>,
    #[command(flatten)]
    target: Target,
}

/// What is done, and for whom.
struct Deed<'a> {
    client: &'a Client,
    subscribers: Vec<String>,
    method: Method,
    /// What the path has behind the id.
    suffix: &'static str,
    done: &'static str,
}

impl Retry {
    /// Have it done, and say for whom.
    pub fn run(self, manifest: &Path) -> Result<()> {
        let (client, terminal) = (self.target.client(manifest)?, Terminal::new());
        let deed = Deed {
            client: &client,
            subscribers: subscribers(&client, self.of)?,
            method: Method::POST,
            suffix: "/retry",
            done: "Retried",
        };
        if self.all_parked { deed.to_all_parked(&terminal) } else { deed.to(&self.ids, &terminal) }
    }
}

impl Drop {
    /// Have it done, and say for whom.
    pub fn run(self, manifest: &Path) -> Result<()> {
        let terminal = Terminal::new();
        if let Some(subscriber) = &self.all {
            let cleared = match self.store {
                Some(url) => clear_store(manifest, Some(&url), subscriber)?,
                None => clear(self.target, manifest, subscriber)?,
            };
            terminal.say("Dropped", &format!("{} for {subscriber}", count(cleared.dropped, "event")));
            if cleared.on_delivery > 0 {
                let left = count(cleared.on_delivery, "event");
                terminal.say("Left", &format!("{left} for {subscriber}, being delivered"));
            }
            return Ok(());
        }
        let client = self.target.client(manifest)?;
        let subscribers = subscribers(&client, self.of)?;
        let deed = Deed { client: &client, subscribers, method: Method::DELETE, suffix: "", done: "Dropped" };
        deed.to(&self.ids, &terminal)
    }
}

/// Have a host drop all for a subscriber, or do it in the store where none runs.
fn clear(target: Target, manifest: &Path, subscriber: &str) -> Result<Cleared> {
    let is_named = target.is_named();
    let client = target.client(manifest)?;
    let is_up = match is_named {
        true => client.meet().map(|()| true)?,
        false => client.meet_if_up()?,
    };
    match is_up {
        true => client.values(&client.act(Method::DELETE, &format!("/v1/events/{subscriber}"), Bytes::new())?),
        false => clear_store(manifest, None, subscriber),
    }
}

/// Drop all for a subscriber that the manifest's store has, or another.
fn clear_store(manifest: &Path, instead: Option<&str>, subscriber: &str) -> Result<Cleared> {
    let url = Subject::of(manifest, instead)?.url;
    if url == StoreUrl::Memory {
        return Err(StoreError::NotKept.into());
    }
    up::runtime()?.block_on(async {
        let store = store::open(&url).await?;
        let cleared = Cleared::in_store(&*store, subscriber).await;
        store.close().await?;
        Ok(cleared?)
    })
}

/// The one that was asked for, or all.
fn subscribers(client: &Client, of: Option<String>) -> Result<Vec<String>> {
    client.meet()?;
    match of {
        Some(subscriber) => Ok(vec![subscriber]),
        None => Ok(Told::of(client)?.subscribers().into_iter().map(ToOwned::to_owned).collect()),
    }
}

impl Deed<'_> {
    /// Do it to each for every subscriber that it waits for, and fail at the end of one for
    /// whom it was refused. It is no failure that one of them has nothing to try again, if
    /// another has.
    fn to(&self, ids: &[MessageId], terminal: &Terminal) -> Result<()> {
        for id in ids {
            let (mut done, mut refused) = (false, None);
            for subscriber in &self.subscribers {
                match self.to_one(&id.to_string(), subscriber) {
                    Ok(Some(was)) => {
                        let was = printable(&was.state);
                        terminal.say(self.done, &format!("{id} for {subscriber}, which was {was}"));
                        done = true;
                    }
                    Ok(None) => {}
                    Err(error) if error.is::<Refused>() => refused = Some(error),
                    Err(error) => return Err(error),
                }
            }
            match (done, refused) {
                (true, Some(refused)) if self.method == Method::DELETE => return Err(refused),
                (true, _) => {}
                (false, Some(refused)) => return Err(refused),
                (false, None) => bail!("no event {id} waits for anybody: it was delivered or dropped, or never was"),
            }
        }
        Ok(())
    }

    /// Do it to those that are parked now, and not to those that are again meanwhile.
    fn to_all_parked(&self, terminal: &Terminal) -> Result<()> {
        let mut refused = None;
        for subscriber in &self.subscribers {
            let mut number = 0;
            for id in parked(self.client, subscriber)? {
                match self.to_one(&id, subscriber) {
                    Ok(told) => number += u64::from(told.is_some()),
                    // Somebody else was faster with this one.
                    Err(error) if error.is::<Refused>() => refused = Some(error),
                    Err(error) => return Err(error),
                }
            }
            terminal.say(self.done, &format!("{} for {subscriber}", count(number, "parked event")));
        }
        refused.map_or(Ok(()), Err)
    }

    /// What it was before; none if it is there no more.
    fn to_one(&self, id: &str, subscriber: &str) -> Result<Option<Message>> {
        let path = format!("/v1/events/{subscriber}/{id}{}", self.suffix);
        let answer = self.client.if_there(self.method.clone(), &path)?;
        answer.map(|answer| self.client.values(&answer)).transpose()
    }
}
