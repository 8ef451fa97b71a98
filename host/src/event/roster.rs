//! Who subscribes, as the store has it: what a start compares with the manifest.
//!
//! A message outlives the app that emitted it. So each queue has a row that says by which
//! types its subscriber took messages. Where those are others now and messages wait, a host
//! does not start; where nobody is delivered them any more, it says so and leaves them; and
//! who is new begins where the manifest has it begin.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use thiserror::Error;

use super::{
    kept::rows,
    subscription::{Destination, Subscription},
};
use crate::{
    link::InterfaceName,
    manifest::Start,
    message::{RowKey, StableHash},
    service::Watermark,
    store::{BucketStore, Change, Guard, StoreError},
};

/// The bucket of the rows: by event, a slash and the subscriber, what each function takes.
const BUCKET: &str = "queues:";

/// How many messages are copied in one entry for who begins with the oldest.
const COPIED: usize = 500;

/// Why what waits cannot be delivered.
#[derive(Debug, Error)]
pub enum NotDeliverable {
    /// It was emitted by other types.
    #[error(
        "{waiting} messages of {function} wait for {subscriber:?}, which were emitted as {was}, and it takes {now} \
         now; start the host with the component from before until `dovetail events` shows none, or drop them there"
    )]
    Types {
        /// How many.
        waiting: usize,
        /// The export that they are for.
        function: String,
        /// For whom they wait.
        subscriber: String,
        /// Its parameters then.
        was: String,
        /// Its parameters.
        now: String,
    },
    /// The store could not be read or written.
    #[error("the queues of events could not be looked at")]
    Store(#[from] StoreError),
}

/// Note who subscribes, unless what waits for one cannot be delivered.
pub async fn note(all: &[Arc<Subscription>], store: &dyn BucketStore) -> Result<(), NotDeliverable> {
    let seen = Watermark::new();
    let known = keys(store, &seen).await?;
    let mut wrong = None;
    for subscription in all {
        match note_one(subscription, &known, &seen).await {
            Err(types @ NotDeliverable::Types { .. }) => wrong = wrong.or(Some(types)),
            noted => noted?,
        }
    }
    let subscribed: BTreeSet<String> = all.iter().map(|subscription| key(subscription)).collect();
    for queue in known.difference(&subscribed) {
        let waiting = rows(store, &format!("event:{queue}"), &seen).await?.len();
        if waiting > 0 {
            tracing::warn!(
                queue,
                waiting,
                "messages wait for a service that subscribes to them no more: they stay in the store; put it back into \
                 the event's subscribers for them to be delivered"
            );
        }
    }
    store.durable(&seen).await?;
    wrong.map_or(Ok(()), Err)
}

async fn note_one(
    subscription: &Subscription,
    known: &BTreeSet<String>,
    seen: &Watermark,
) -> Result<(), NotDeliverable> {
    let (key, store, functions) = (key(subscription), &*subscription.store, functions(subscription));
    let kept = store.get(BUCKET, &key, seen).await?;
    let mut changes = Vec::new();
    match kept.as_ref().and_then(|kept| serde_json::from_slice::<BTreeMap<String, String>>(kept).ok()) {
        Some(before) if before == functions => return Ok(()),
        Some(before) => check(subscription, &before, &functions, seen).await?,
        None if subscription.start == Start::Oldest && subscription.is_local() => {
            changes = copy(subscription, &key, known.iter().filter(|other| **other != key), seen).await?;
        }
        None => {}
    }
    let value = serde_json::to_vec(&functions).unwrap_or_default();
    changes.push(Change { bucket: BUCKET, key: key.clone(), value: Some(value) });
    // Another host may have done it meanwhile, and begun to deliver.
    let guard = Guard { bucket: BUCKET, key: &key, value: kept.as_deref() };
    store.write_where(guard, changes, seen).await?;
    Ok(())
}

fn key(subscription: &Subscription) -> String {
    format!("{}/{}", subscription.queue.event(), subscription.queue.subscriber())
}

/// What a subscriber's functions take, by export.
fn functions(subscription: &Subscription) -> BTreeMap<String, String> {
    let path = subscription.queue.event().parse::<InterfaceName>().map(|name| name.path).unwrap_or_default();
    // A broker takes whatever there is.
    let Destination::Service(service) = &subscription.to else { return BTreeMap::new() };
    let live = service.serving().live.clone();
    let functions = live.receivers().filter(|(export, _)| export.split(['@', '#']).next() == Some(path.as_str()));
    functions.map(|(export, receiver)| (export.to_owned(), receiver.params.to_string())).collect()
}

async fn keys(store: &dyn BucketStore, seen: &Watermark) -> Result<BTreeSet<String>, StoreError> {
    let (mut keys, mut cursor) = (BTreeSet::new(), None);
    loop {
        let page = store.list_keys(BUCKET, cursor, seen).await?;
        keys.extend(page.keys);
        cursor = page.cursor;
        if cursor.is_none() {
            return Ok(keys);
        }
    }
}

async fn check(
    subscription: &Subscription,
    before: &BTreeMap<String, String>,
    now: &BTreeMap<String, String>,
    seen: &Watermark,
) -> Result<(), NotDeliverable> {
    let changed = before.iter().find(|(export, was)| now.get(*export).is_none_or(|now| now != *was));
    let Some((export, was)) = changed else { return Ok(()) };
    let waiting = rows(&*subscription.store, subscription.queue.bucket(), seen).await?.len();
    if waiting == 0 {
        return Ok(());
    }
    Err(NotDeliverable::Types {
        waiting,
        function: export.clone(),
        subscriber: subscription.queue.subscriber().to_owned(),
        was: was.clone(),
        now: now.get(export).cloned().unwrap_or_else(|| "nothing".to_owned()),
    })
}

/// What waits for others of the same event, for one who is new. Each has of a key what came
/// last, so that whoever has most of it has what the others do, in its order. What is left to
/// write goes with his own row.
async fn copy<'a>(
    subscription: &'a Subscription,
    name: &str,
    others: impl Iterator<Item = &String>,
    seen: &Watermark,
) -> Result<Vec<Change<'a>>, StoreError> {
    let (store, event) = (&*subscription.store, subscription.queue.event());
    let (mut keyed, mut others_rows) = (HashMap::<StableHash, (String, Vec<RowKey>)>::new(), BTreeMap::new());
    for other in others.filter(|other| other.rsplit_once('/').is_some_and(|(of, _)| of == event)) {
        let bucket = format!("event:{other}");
        let mut found = HashMap::<StableHash, Vec<RowKey>>::new();
        for row in rows(store, &bucket, seen).await? {
            match row.hash {
                Some(hash) => found.entry(hash).or_default().push(row),
                None => _ = others_rows.insert(row, bucket.clone()),
            }
        }
        for (hash, rows) in found {
            if keyed.get(&hash).is_none_or(|(_, most)| most.len() < rows.len()) {
                keyed.insert(hash, (bucket.clone(), rows));
            }
        }
    }
    let keyed = keyed.into_values().flat_map(|(bucket, rows)| rows.into_iter().map(move |row| (row, bucket.clone())));
    let mut changes = Vec::new();
    for (row, from) in keyed.chain(others_rows) {
        if changes.len() >= COPIED {
            // What is copied again after a crash is the same.
            let guard = Guard { bucket: BUCKET, key: name, value: None };
            store.write_where(guard, std::mem::take(&mut changes), seen).await?;
        }
        let (key, bucket) = (row.to_string(), subscription.queue.bucket());
        if let Some(message) = store.get(&from, &key, seen).await? {
            changes.push(Change { bucket, key, value: Some(message) });
        }
    }
    Ok(changes)
}
