//! How a queue stands: what people look at first.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use tokio::time::Instant;

use super::{
    kept::{Kept, State, rows},
    line::Line,
    record::Why,
    subscription::{PAUSED, Subscription},
};
use crate::{
    message::{Message, Moment, RowKey},
    service::Watermark,
    store::{Pages, StoreError},
};

/// The messages of one event for one subscriber.
#[derive(Debug, Serialize)]
pub struct Standing {
    /// The event, as the manifest has it.
    pub event: String,
    /// The service that is delivered it.
    pub subscriber: String,
    /// How many wait, those that are tried again or stand behind a parked one among them.
    pub waiting: u64,
    /// When the first of them was emitted.
    pub oldest: Option<Moment>,
    /// How many are on delivery.
    pub running: usize,
    /// How many have failed, and are tried again.
    pub retrying: usize,
    /// How many wait for their time, before which they are not delivered.
    pub later: usize,
    /// When the next is due of those that are tried again or wait for their time.
    pub due: Option<Moment>,
    /// How many wait behind a parked one of their key.
    pub behind: u64,
    /// How many are parked.
    pub parked: u64,
    /// How many of them for which reason.
    pub reasons: BTreeMap<Why, u64>,
    /// Whether no delivery is begun.
    pub paused: bool,
    /// The broker that they come from, or go to.
    pub broker: Option<String>,
    /// What keeps it from being reached, in words.
    pub broken: Option<String>,
}

/// What the dispatcher of a queue has in hand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Now {
    /// Whether it is this host that delivers.
    pub delivers: bool,
    /// How many deliveries.
    pub running: usize,
    /// How many have failed, and are tried again.
    pub retrying: usize,
    /// How many wait for their time.
    pub later: usize,
    /// When the next of either is due.
    pub due: Option<Instant>,
}

impl Standing {
    /// That of this queue: its rows are counted.
    pub async fn of(subscription: &Subscription, now: Now, seen: &Watermark) -> Result<Standing, StoreError> {
        let Subscription { queue, store, blocked, parked, line, .. } = subscription;
        let mut standing = Standing {
            event: queue.event().to_owned(),
            subscriber: queue.subscriber().to_owned(),
            running: now.running,
            retrying: now.retrying,
            later: now.later,
            due: now.due.map(moment),
            paused: store.exists(PAUSED, queue.subscriber(), seen).await?,
            broker: line.as_ref().map(|line| line.place.clone()),
            broken: line.as_ref().and_then(Line::why),
            ..Standing::empty()
        };
        let blocked = rows(&**store, blocked, seen).await?;
        let parked = rows(&**store, parked, seen).await?;
        let rows = blocked.iter().map(|row| (State::Blocked, row)).chain(parked.iter().map(|row| (State::Parked, row)));
        for (state, row) in rows {
            let Some(kept) = Kept::read(subscription, state, *row, seen).await? else { continue };
            standing.parked += 1;
            if let Some(record) = kept.record {
                *standing.reasons.entry(record.why).or_default() += 1;
            }
        }
        standing.count(subscription, &blocked, seen).await?;
        Ok(standing)
    }

    fn empty() -> Standing {
        Standing {
            event: String::new(),
            subscriber: String::new(),
            waiting: 0,
            oldest: None,
            running: 0,
            retrying: 0,
            later: 0,
            due: None,
            behind: 0,
            parked: 0,
            reasons: BTreeMap::new(),
            paused: false,
            broker: None,
            broken: None,
        }
    }

    /// Count what waits, and is not parked itself.
    async fn count(&mut self, of: &Subscription, blocked: &[RowKey], seen: &Watermark) -> Result<(), StoreError> {
        let lanes: HashMap<_, _> = blocked.iter().filter_map(|row| Some((row.hash?, row))).collect();
        let (mut first, mut pages) = (None, Pages::of(&*of.store, of.queue.bucket()));
        while let Some(keys) = pages.next(seen).await? {
            for row in keys.iter().filter_map(|key| key.parse::<RowKey>().ok()) {
                match row.hash.and_then(|hash| lanes.get(&hash)) {
                    Some(parked) if **parked == row => continue,
                    Some(_) => self.behind += 1,
                    None => {}
                }
                self.waiting += 1;
                first.get_or_insert(row);
            }
        }
        let Some(first) = first else { return Ok(()) };
        let document = of.store.get(of.queue.bucket(), &first.to_string(), seen).await?;
        self.oldest = document.and_then(|document| Some(Message::read(&document).ok()?.time));
        Ok(())
    }
}

/// When an instant comes by the clock that people read.
fn moment(instant: Instant) -> Moment {
    (std::time::SystemTime::now() + instant.saturating_duration_since(Instant::now())).into()
}
