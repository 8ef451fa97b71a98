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
    app::Accepted,
    cli::{
        check::count,
        reader,
        stdout::{UNPRINTED, unread},
        terminal::Terminal,
        up,
    },
    event::{EventError, Record, State, raw},
    manifest::{EventManifest, Manifest},
    message::Queue,
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

/// An event and one of those who are delivered it, or were.
struct Subscribed {
    event: String,
    subscriber: String,
    /// Of those that were tried: what came of it.
    tried: HashMap<String, (State, Record)>,
}

impl Export {
    /// Print them.
    pub fn run(self, manifest: &Path) -> Result<()> {
        let manifest = Manifest::load(manifest)?;
        let url = up::store_url(&manifest, self.store.as_deref())?;
        let (terminal, began) = (Terminal::new(), Instant::now());
        let exported = up::runtime()?.block_on(async {
            let mut queues = of_manifest(&manifest);
            let opened = store::upkeep(&url).await;
            if let Ok(upkeep) = &opened {
                add_kept(&mut queues, upkeep).await?;
            }
            self.refuse_unknown(&queues)?;
            self.export(queues, &opened?).await
        });
        let number = exported.map_err(unread)?;
        terminal.done("Exported", &count(number, "event"), began.elapsed());
        Ok(())
    }

    /// Nothing waits for somebody whom neither the manifest nor the store names, but by a slip
    /// of the pen.
    fn refuse_unknown(&self, queues: &[Subscribed]) -> Result<(), EventError> {
        let there_are: BTreeSet<&String> = queues.iter().map(|queue| &queue.subscriber).collect();
        match &self.subscriber {
            Some(name) if !there_are.contains(name) => {
                let there_are = there_are.into_iter().cloned().collect();
                Err(EventError::NoSubscriber { name: name.clone(), there_are })
            }
            _ => Ok(()),
        }
    }

    async fn export(&self, queues: Vec<Subscribed>, upkeep: &Arc<dyn Upkeep>) -> Result<u64> {
        let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
        let mut number = 0;
        let wanted = |queue: &Subscribed| self.subscriber.as_ref().is_none_or(|wanted| *wanted == queue.subscriber);
        for mut queue in queues.into_iter().filter(wanted) {
            queue.recall(upkeep).await?;
            for state in [State::Waiting, State::Parked] {
                number += queue.export(upkeep, state, &mut out).await?;
            }
        }
        out.flush().context(UNPRINTED)?;
        Ok(number)
    }
}

/// The queues of the manifest, in its order.
fn of_manifest(manifest: &Manifest) -> Vec<Subscribed> {
    let of_event = |event: &EventManifest| {
        let interface = event.interface.clone();
        event.subscribers.clone().into_iter().map(move |subscriber| Subscribed::new(&interface, &subscriber))
    };
    manifest.events.iter().flat_map(of_event).collect()
}

/// Add those that only the store has.
async fn add_kept(queues: &mut Vec<Subscribed>, upkeep: &Arc<dyn Upkeep>) -> Result<()> {
    let mut pages = pages(upkeep, Accepted::BUCKET.to_owned());
    let mut kept = BTreeSet::new();
    while let Some(page) = pages.recv().await {
        kept.extend(page?.entries.into_iter().map(|(key, _)| key));
    }
    for (event, subscriber) in kept.iter().filter_map(|name| name.rsplit_once('/')) {
        if !queues.iter().any(|queue| queue.event == event && queue.subscriber == subscriber) {
            queues.push(Subscribed::new(event, subscriber));
        }
    }
    Ok(())
}

impl Subscribed {
    fn new(event: &str, subscriber: &str) -> Subscribed {
        Subscribed { event: event.to_owned(), subscriber: subscriber.to_owned(), tried: HashMap::new() }
    }

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
                let line = self.line(&key, kept, state);
                serde_json::to_writer(&mut *out, &line).map_err(io::Error::from).context(UNPRINTED)?;
                out.write_all(b"\n").context(UNPRINTED)?;
                number += 1;
            }
        }
        Ok(number)
    }

    /// What cannot be read as a parked message is as it is kept, with no record.
    fn line(&mut self, key: &str, kept: Vec<u8>, state: State) -> Line<'_> {
        let (state, record, message) = match (state, self.tried.remove(key)) {
            (State::Parked, _) => {
                let record = Record::read(&kept).ok();
                match record.and_then(|mut record| Some((record.message.take()?, record))) {
                    Some((message, record)) => (state, Some(record), message),
                    None => (state, None, raw(kept)),
                }
            }
            (_, Some((state, record))) => (state, Some(record), raw(kept)),
            (_, None) => (state, None, raw(kept)),
        };
        Line { event: &self.event, subscriber: &self.subscriber, state, record, message }
    }

    fn pages(&self, upkeep: &Arc<dyn Upkeep>, state: State) -> mpsc::Receiver<Result<Page>> {
        pages(upkeep, state.bucket_of(&Queue::name_of(&self.event, &self.subscriber)))
    }
}

/// The pages of a bucket, as they are read.
fn pages(upkeep: &Arc<dyn Upkeep>, bucket: String) -> mpsc::Receiver<Result<Page>> {
    let (sender, pages) = mpsc::channel(PAGES);
    let upkeep = upkeep.clone();
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
