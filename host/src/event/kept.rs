//! A message as the store has it, for people to see: its document, and what came of it.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    record::{Record, Why},
    subscription::Subscription,
};
use crate::{
    message::{Message, MessageId, Moment, Queue, RowKey},
    service::Watermark,
    store::{BucketStore, Pages, StoreError},
};

/// One message for one subscriber.
#[derive(Debug)]
pub struct Kept {
    /// Where it is.
    pub row: RowKey,
    /// What it waits for.
    pub state: State,
    /// What came of it, if it was tried.
    pub record: Option<Record>,
    /// Its CloudEvent; a string, if what is kept is no JSON.
    pub document: Box<RawValue>,
}

/// What a message waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Its first attempt, or the end of that.
    Waiting,
    /// Another attempt.
    Retrying,
    /// A person: it is parked where it was, and those of its key wait behind it.
    Blocked,
    /// A person: it is parked out of the way of others.
    Parked,
}

/// What is told of a message beside others, without its data.
#[derive(Debug, Serialize)]
pub struct Told {
    /// By which it is found.
    pub id: String,
    /// The event, as the manifest has it.
    pub event: String,
    /// What it waits for.
    pub state: State,
    /// Interface and function; none if it cannot be read, as the next ones.
    pub kind: Option<String>,
    /// Those of one key are delivered in order.
    pub key: Option<String>,
    /// When it was emitted.
    pub time: Option<Moment>,
    /// How many attempts failed.
    pub attempts: u32,
    /// How the last one failed.
    pub why: Option<Why>,
    /// The same in words.
    pub error: Option<String>,
    /// When it failed.
    pub at: Option<Moment>,
    /// When the next attempt is due, or the first one of what waits for its time.
    pub due: Option<Moment>,
    /// The parked one of its key that it waits for.
    pub behind: Option<String>,
}

impl Kept {
    /// The message of this id, if the subscriber's queue has it.
    pub async fn find(of: &Subscription, id: MessageId, seen: &Watermark) -> Result<Option<Kept>, StoreError> {
        for state in [State::Parked, State::Blocked, State::Retrying, State::Waiting] {
            let Some(row) = find(&*of.store, state.bucket(of), id, seen).await? else { continue };
            if let Some(kept) = Kept::read(of, state, row, seen).await? {
                return Ok(Some(kept));
            }
        }
        Ok(None)
    }

    /// What there is of this row in this state; none if it is so no more.
    pub async fn read(
        of: &Subscription,
        state: State,
        row: RowKey,
        seen: &Watermark,
    ) -> Result<Option<Kept>, StoreError> {
        let (store, key) = (&of.store, row.to_string());
        let mut record = match state {
            State::Waiting => None,
            state => match store.get(state.bucket(of), &key, seen).await? {
                Some(kept) => Record::read(&kept).ok(),
                None => return Ok(None),
            },
        };
        let document = match state {
            State::Parked => record.as_mut().and_then(|record| record.message.take()),
            _ => store.get(of.queue.bucket(), &key, seen).await?.map(raw),
        };
        Ok(document.map(|document| Kept { row, state, record, document }))
    }

    /// What is told of it, as one of this event.
    pub fn told(&self, event: &str) -> Told {
        let message = Message::read(self.document.get().as_bytes()).ok();
        let record = self.record.as_ref();
        let not_before = message.as_ref().and_then(|message| message.not_before);
        let waits = not_before.filter(|time| self.state == State::Waiting && *time > Moment::now());
        Told {
            id: self.row.id.to_string(),
            event: event.to_owned(),
            state: self.state,
            kind: message.as_ref().map(|message| message.kind.clone()),
            key: message.as_ref().and_then(|message| message.key.clone()),
            time: message.as_ref().map(|message| message.time),
            attempts: record.map_or(0, Record::failures),
            why: record.map(|record| record.why),
            error: record.map(|record| record.error.clone()),
            at: record.map(|record| record.at),
            due: record.and_then(|record| record.due).or(waits),
            behind: None,
        }
    }
}

impl State {
    /// The name of that bucket, for a queue that is called so.
    pub fn bucket_of(self, queue: &str) -> String {
        match self {
            State::Waiting => Queue::bucket_of(queue),
            State::Retrying => format!("retry:{queue}"),
            State::Blocked => format!("blocked:{queue}"),
            State::Parked => format!("parked:{queue}"),
        }
    }

    /// The bucket whose rows are in this state: that of a queue has those that are tried
    /// again or blocked, too.
    pub fn bucket(self, of: &Subscription) -> &str {
        match self {
            State::Waiting => of.queue.bucket(),
            State::Retrying => &of.retries,
            State::Blocked => &of.blocked,
            State::Parked => &of.parked,
        }
    }
}

/// A document as part of another; one that is no JSON as a string.
pub fn raw(document: Vec<u8>) -> Box<RawValue> {
    let text = String::from_utf8_lossy(&document).into_owned();
    RawValue::from_string(text.clone())
        .unwrap_or_else(|_| serde_json::value::to_raw_value(&text).unwrap_or_else(|_| RawValue::NULL.to_owned()))
}

/// The rows of a bucket that are ours.
pub async fn rows(store: &dyn BucketStore, bucket: &str, seen: &Watermark) -> Result<Vec<RowKey>, StoreError> {
    let (mut rows, mut pages) = (Vec::new(), Pages::of(store, bucket));
    while let Some(keys) = pages.next(seen).await? {
        rows.extend(keys.iter().filter_map(|key| key.parse::<RowKey>().ok()));
    }
    Ok(rows)
}

/// The row of a message.
async fn find(
    store: &dyn BucketStore,
    bucket: &str,
    id: MessageId,
    seen: &Watermark,
) -> Result<Option<RowKey>, StoreError> {
    let mut pages = Pages::of(store, bucket);
    while let Some(keys) = pages.next(seen).await? {
        let found = keys.iter().filter_map(|key| key.parse::<RowKey>().ok()).find(|row| row.id == id);
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}
