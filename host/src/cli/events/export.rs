//! `dovetail events export`: what waits and what is parked, as lines, from the store.

use std::{
    collections::{BTreeSet, HashMap},
    io::{self, BufWriter, Write},
    path::Path,
    sync::Arc,
    time::Instant,
};

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use crate::{
    cli::{
        check::count,
        reader,
        stdout::{UNPRINTED, unread},
        terminal::Terminal,
        up,
    },
    event::{EventError, Record, State, raw},
    manifest::Manifest,
    message,
    store::{self, Page, Upkeep},
};

/// How many pages wait for whoever writes them.
const PAGES: usize = 4;

/// Print what waits and what is parked, one a line, as JSON.
#[derive(Args)]
pub struct Export {
    /// Only what is to be delivered to this service.
    #[arg(value_parser = reader)]
    subscriber: Option<String>,
    /// The store, instead of the one at store.url.
    #[arg(long, value_name = "URL", value_parser = up::store_argument)]
    store: Option<String>,
}

/// A message for a subscriber.
#[derive(Serialize)]
struct Line<'a> {
    event: &'a str,
    subscriber: &'a str,
    state: State,
    /// What came of it, if it was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<Record>,
    /// Its CloudEvent, as it is kept.
    message: Box<RawValue>,
}

/// An event and one of those who are delivered it.
struct Queue<'a> {
    event: &'a str,
    subscriber: &'a str,
    /// Of those that were tried: what came of it.
    tried: HashMap<String, (State, Record)>,
}

impl Export {
    /// Print them.
    pub fn run(self, manifest: &Path) -> Result<()> {
        let manifest = Manifest::load(manifest)?;
        self.refuse_unknown(&manifest)?;
        let url = up::store_url(&manifest, self.store.as_deref())?;
        let (terminal, began) = (Terminal::new(), Instant::now());
        let exported = up::runtime()?.block_on(async {
            let upkeep = store::upkeep(&url).await?;
            self.export(&manifest, &upkeep).await
        });
        let number = exported.map_err(unread)?;
        terminal.done("Exported", &count(number, "event"), began.elapsed());
        Ok(())
    }

    /// Nothing waits for somebody whom the manifest does not name, but by a slip of the pen.
    fn refuse_unknown(&self, manifest: &Manifest) -> Result<(), EventError> {
        let there_are: BTreeSet<&String> = manifest.events.iter().flat_map(|event| &event.subscribers).collect();
        match &self.subscriber {
            Some(name) if !there_are.contains(name) => {
                let there_are = there_are.into_iter().cloned().collect();
                Err(EventError::NoSubscriber { name: name.clone(), there_are })
            }
            _ => Ok(()),
        }
    }

    async fn export(&self, manifest: &Manifest, upkeep: &Arc<dyn Upkeep>) -> Result<u64> {
        let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
        let mut number = 0;
        for event in &manifest.events {
            let wanted = |subscriber: &&String| self.subscriber.as_ref().is_none_or(|wanted| wanted == *subscriber);
            for subscriber in event.subscribers.iter().filter(wanted) {
                let mut queue = Queue { event: &event.interface, subscriber, tried: HashMap::new() };
                queue.recall(upkeep).await?;
                for state in [State::Waiting, State::Parked] {
                    number += queue.export(upkeep, state, &mut out).await?;
                }
            }
        }
        out.flush().context(UNPRINTED)?;
        Ok(number)
    }
}

impl Queue<'_> {
    /// Read what came of attempts.
    async fn recall(&mut self, upkeep: &Arc<dyn Upkeep>) -> Result<()> {
        for state in [State::Retrying, State::Blocked] {
            let mut pages = self.pages(upkeep, state);
            while let Some(page) = pages.recv().await {
                let records = page?.entries.into_iter();
                let read = records.filter_map(|(key, kept)| Some((key, (state, Record::read(&kept).ok()?))));
                self.tried.extend(read);
            }
        }
        Ok(())
    }

    /// Write the messages of a bucket, and count them.
    async fn export(&mut self, upkeep: &Arc<dyn Upkeep>, state: State, out: &mut impl Write) -> Result<u64> {
        let (mut pages, mut number) = (self.pages(upkeep, state), 0);
        while let Some(page) = pages.recv().await {
            for (key, kept) in page?.entries {
                let Some(line) = self.line(&key, kept, state) else { continue };
                serde_json::to_writer(&mut *out, &line).map_err(io::Error::from).context(UNPRINTED)?;
                out.write_all(b"\n").context(UNPRINTED)?;
                number += 1;
            }
        }
        Ok(number)
    }

    fn line(&mut self, key: &str, kept: Vec<u8>, state: State) -> Option<Line<'_>> {
        let (state, record, message) = match (state, self.tried.remove(key)) {
            (State::Parked, _) => {
                let mut record = Record::read(&kept).ok()?;
                let message = record.message.take()?;
                (state, Some(record), message)
            }
            (_, Some((state, record))) => (state, Some(record), raw(kept)),
            (_, None) => (state, None, raw(kept)),
        };
        Some(Line { event: self.event, subscriber: self.subscriber, state, record, message })
    }

    /// The pages of a bucket, as they are read.
    fn pages(&self, upkeep: &Arc<dyn Upkeep>, state: State) -> mpsc::Receiver<Result<Page>> {
        let (sender, pages) = mpsc::channel(PAGES);
        let (upkeep, bucket) = (upkeep.clone(), state.bucket_of(&message::Queue::name_of(self.event, self.subscriber)));
        tokio::spawn(async move {
            let (to, mut read) = mpsc::channel(PAGES);
            let passing = async {
                while let Some(page) = read.recv().await {
                    if sender.send(Ok(page)).await.is_err() {
                        break;
                    }
                }
                // What receives goes away here, so that the store stops.
                drop(read);
            };
            let (exported, ()) = tokio::join!(upkeep.export(Some(&bucket), to), passing);
            if let Err(error) = exported {
                let _ = sender.send(Err(error.into())).await;
            }
        });
        pages
    }
}
