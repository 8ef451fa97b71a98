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
    kept::{State, rows},
    subscription::{Destination, Subscription},
};
use crate::{
    app::{Accepted, Unfit},
    manifest::Start,
    message::{Queue, RowKey, StableHash},
    service::Watermark,
    store::{BucketStore, Change, Guard, Pages, StoreError},
};

/// How many messages are copied in one entry for who begins with the oldest.
const COPIED: usize = 500;

/// Why what waits cannot be delivered.
#[derive(Debug, Error)]
pub enum NotDeliverable {
    /// It was emitted by other types.
    #[error(
        "{} messages of {} wait for {subscriber:?}, which were emitted as {}, and it takes {} now; start the host with \
         the component from before until `dovetail events` shows none, or drop them with `dovetail events drop --all \
         {subscriber}`",
        unfit.waiting, unfit.function, unfit.was, unfit.now
    )]
    Types {
        /// For whom they wait.
        subscriber: String,
        /// Which they are.
        unfit: Unfit,
    },
    /// The store could not be read or written.
    #[error("the queues of events could not be looked at")]
    Store(#[from] StoreError),
}

/// Note who subscribes, unless what waits for one cannot be delivered.
pub async fn note(all: &[Arc<Subscription>], store: &dyn BucketStore) -> Result<(), NotDeliverable> {
    let seen = Watermark::new();
    let known = known(store, &seen).await?;
    let mut wrong = None;
    for subscription in all {
        match note_one(subscription, &known, &seen).await {
            Err(types @ NotDeliverable::Types { .. }) => wrong = wrong.or(Some(types)),
            noted => noted?,
        }
    }
    let subscribed: BTreeSet<String> = all.iter().map(|subscription| subscription.queue.name().to_owned()).collect();
    for queue in known.difference(&subscribed) {
        let waiting = rows(store, &State::Waiting.bucket_of(queue), &seen).await?.len();
        let parked = rows(store, &State::Parked.bucket_of(queue), &seen).await?.len();
        if waiting + parked > 0 {
            tracing::warn!(
                queue,
                waiting,
                parked,
                "messages are left for {0:?}, which subscribes to them no more: they stay in the store; put it back into \
                 the event's subscribers for them to be delivered, or drop them with `dovetail events drop --all {0}`",
                subscriber(queue)
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
    let (name, store, now) = (subscription.queue.name(), &*subscription.store, accepted(subscription));
    let kept = store.get(Accepted::BUCKET, name, seen).await?;
    let mut changes = Vec::new();
    match kept.as_deref().and_then(Accepted::read) {
        Some(before) if before == now => return Ok(()),
        Some(before) => check(subscription, &before, seen).await?,
        None if subscription.start == Start::Oldest && subscription.is_local() => {
            changes = copy(subscription, known.iter().filter(|other| *other != name), seen).await?;
        }
        None => {}
    }
    changes.push(now.row(&subscription.queue));
    // Another host may have done it meanwhile, and begun to deliver.
    let guard = Guard { bucket: Accepted::BUCKET, key: name, value: kept.as_deref() };
    store.write_where(guard, changes, seen).await?;
    Ok(())
}

/// Whose a queue of this name is.
pub fn subscriber(queue: &str) -> &str {
    queue.rsplit_once('/').map_or(queue, |(_, subscriber)| subscriber)
}

/// What a subscriber takes now.
fn accepted(subscription: &Subscription) -> Accepted {
    match &subscription.to {
        Destination::Service(service) => Accepted::of(&service.serving().live, subscription.queue.event()),
        // A broker takes whatever there is.
        Destination::Broker(_) => Accepted::default(),
    }
}

/// The queues that a store has, by their names.
pub async fn known(store: &dyn BucketStore, seen: &Watermark) -> Result<BTreeSet<String>, StoreError> {
    let (mut keys, mut pages) = (BTreeSet::new(), Pages::of(store, Accepted::BUCKET));
    while let Some(page) = pages.next(seen).await? {
        keys.extend(page);
    }
    Ok(keys)
}

async fn check(subscription: &Subscription, before: &Accepted, seen: &Watermark) -> Result<(), NotDeliverable> {
    let (Destination::Service(service), queue) = (&subscription.to, &subscription.queue) else { return Ok(()) };
    let live = service.serving().live.clone();
    match Unfit::find(&*subscription.store, queue, before, &live, seen).await? {
        Some(unfit) => Err(NotDeliverable::Types { subscriber: queue.subscriber().to_owned(), unfit }),
        None => Ok(()),
    }
}

/// What waits for others of the same event, for one who is new. Each has of a key what came
/// last, so that whoever has most of it has what the others do, in its order. What is left to
/// write goes with his own row.
async fn copy<'a>(
    subscription: &'a Subscription,
    others: impl Iterator<Item = &String>,
    seen: &Watermark,
) -> Result<Vec<Change<'a>>, StoreError> {
    let (store, event) = (&*subscription.store, subscription.queue.event());
    let (mut keyed, mut others_rows) = (HashMap::<StableHash, (String, Vec<RowKey>)>::new(), BTreeMap::new());
    for other in others.filter(|other| other.rsplit_once('/').is_some_and(|(of, _)| of == event)) {
        let bucket = Queue::bucket_of(other);
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
            let guard = Guard { bucket: Accepted::BUCKET, key: subscription.queue.name(), value: None };
            store.write_where(guard, std::mem::take(&mut changes), seen).await?;
        }
        let (key, bucket) = (row.to_string(), subscription.queue.bucket());
        if let Some(message) = store.get(&from, &key, seen).await? {
            changes.push(Change { bucket, key, value: Some(message) });
        }
    }
    Ok(changes)
}
