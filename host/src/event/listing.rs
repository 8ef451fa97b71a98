//! The messages of a subscriber, page by page: those first that wait for a person.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    str::FromStr,
    sync::Arc,
};

use serde::{Serialize, Serializer};

use super::{
    kept::{Kept, State, Told, rows},
    subscription::Subscription,
};
use crate::{
    message::{MessageId, RowKey, StableHash},
    service::Watermark,
    store::StoreError,
};

/// With so many a page ends, where a page of the store's does.
const ENOUGH: usize = 1000;

/// What each queue is read for, in this order.
const STATES: [State; 3] = [State::Parked, State::Blocked, State::Waiting];

/// Messages, and where there are more.
#[derive(Debug, Serialize)]
pub struct Listing {
    /// At most 1,999.
    pub messages: Vec<Told>,
    /// What to begin the next page with.
    pub next: Option<Place>,
}

/// Where a page begins: in which bucket, and behind which of its keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    section: usize,
    cursor: Option<u64>,
}

/// Of a queue, what is known before its rows are read.
struct Known {
    retried: HashSet<RowKey>,
    blocked: HashMap<StableHash, RowKey>,
}

impl Listing {
    /// The page that begins at a place, of what is to be delivered to a subscriber; of the
    /// parked ones alone, if asked to.
    pub async fn read(
        of: &[Arc<Subscription>],
        from: Place,
        only_parked: bool,
        seen: &Watermark,
    ) -> Result<Listing, StoreError> {
        let (mut messages, mut next) = (Vec::new(), Some(from));
        while let Some(place) = next.filter(|_| messages.len() < ENOUGH) {
            let Some(subscription) = of.get(place.section / STATES.len()) else {
                return Ok(Listing { messages, next: None });
            };
            let state = STATES[place.section % STATES.len()];
            let mut cursor = None;
            if state != State::Waiting || !only_parked {
                cursor = page(subscription, state, place.cursor, &mut messages, seen).await?;
            }
            let section = place.section + usize::from(cursor.is_none());
            next = Some(Place { section, cursor });
        }
        Ok(Listing { messages, next: next.filter(|place| place.section < of.len() * STATES.len()) })
    }
}

/// Add what a page of a bucket has; the answer is where the next one begins.
async fn page(
    of: &Subscription,
    state: State,
    cursor: Option<u64>,
    messages: &mut Vec<Told>,
    seen: &Watermark,
) -> Result<Option<u64>, StoreError> {
    let known = Known::read(of, state, seen).await?;
    let page = of.store.list_keys(state.bucket(of), cursor, seen).await?;
    for row in page.keys.iter().filter_map(|key| key.parse::<RowKey>().ok()) {
        let blocking = row.hash.and_then(|hash| known.blocked.get(&hash));
        if blocking == Some(&row) {
            continue;
        }
        let state = if known.retried.contains(&row) { State::Retrying } else { state };
        if let Some(kept) = Kept::read(of, state, row, seen).await? {
            let behind = blocking.map(|row| row.id.to_string());
            messages.push(Told { behind, ..kept.told(of.queue.event()) });
        }
    }
    Ok(page.cursor)
}

impl Known {
    async fn read(of: &Subscription, state: State, seen: &Watermark) -> Result<Known, StoreError> {
        if state != State::Waiting {
            return Ok(Known { retried: HashSet::new(), blocked: HashMap::new() });
        }
        let blocked = rows(&*of.store, &of.blocked, seen).await?;
        Ok(Known {
            retried: rows(&*of.store, &of.retries, seen).await?.into_iter().collect(),
            blocked: blocked.into_iter().filter_map(|row| Some((row.hash?, row))).collect(),
        })
    }
}

/// The parked one that a message waits behind, if there is one.
pub async fn blocking(of: &Subscription, row: RowKey, seen: &Watermark) -> Result<Option<MessageId>, StoreError> {
    let Some(hash) = row.hash else { return Ok(None) };
    let blocked = rows(&*of.store, &of.blocked, seen).await?;
    Ok(blocked.iter().find(|other| other.hash == Some(hash) && **other != row).map(|other| other.id))
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cursor {
            Some(cursor) => write!(f, "{}.{cursor}", self.section),
            None => write!(f, "{}", self.section),
        }
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl FromStr for Place {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (section, cursor) = match text.split_once('.') {
            Some((section, cursor)) => (section, Some(cursor.parse()?)),
            None => (text, None),
        };
        Ok(Place { section: section.parse()?, cursor })
    }
}
