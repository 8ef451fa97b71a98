//! Who subscribes, as the store has it: what a start compares with the manifest.
//!
//! A message outlives the app that emitted it. So each queue has a row that says by which
//! types its subscriber took messages. Where those are others now and messages wait, a host
//! does not start; where nobody is delivered them any more, it says so and leaves them; and
//! who is new begins where the manifest has it begin.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use thiserror::Error;

use super::{kept::rows, subscription::Subscription};
use crate::{
    link::InterfaceName,
    manifest::Start,
    message::RowKey,
    service::Watermark,
    store::{BucketStore, Change, StoreError},
};

/// The bucket of the rows: by event, a slash and the subscriber, what each function takes.
const BUCKET: &str = "queues:";

/// How many messages are copied at once for who begins with the oldest.
const COPIED: usize = 500;

/// The most bytes of these.
const MOST_BYTES: usize = 64 << 20;

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
    for subscription in all {
        let key = key(subscription);
        let functions = functions(subscription);
        let kept = store.get(BUCKET, &key, &seen).await?;
        let mut changes = Vec::new();
        match kept.and_then(|kept| serde_json::from_slice::<BTreeMap<String, String>>(&kept).ok()) {
            Some(before) if before == functions => continue,
            Some(before) => check(subscription, &before, &functions, &seen).await?,
            None if subscription.start == Start::Oldest => {
                let others = known.iter().filter(|other| **other != key);
                changes = copy(subscription, others, &seen).await?;
            }
            None => {}
        }
        let value = serde_json::to_vec(&functions).unwrap_or_default();
        changes.push(Change { bucket: BUCKET, key, value: Some(value) });
        store.write(changes, &seen).await?;
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
    Ok(())
}

fn key(subscription: &Subscription) -> String {
    format!("{}/{}", subscription.queue.event(), subscription.queue.subscriber())
}

/// What a subscriber's functions take, by export.
fn functions(subscription: &Subscription) -> BTreeMap<String, String> {
    let path = subscription.queue.event().parse::<InterfaceName>().map(|name| name.path).unwrap_or_default();
    let live = subscription.service.serving().live.clone();
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

/// What waits for others of the same event, for one who is new: all but what is left to
/// write in one entry with his own row.
async fn copy<'a>(
    subscription: &'a Subscription,
    others: impl Iterator<Item = &String>,
    seen: &Watermark,
) -> Result<Vec<Change<'a>>, StoreError> {
    let (store, event) = (&*subscription.store, subscription.queue.event());
    // By their ids, which is the order in which they were emitted.
    let mut found: BTreeMap<RowKey, String> = BTreeMap::new();
    for other in others.filter(|other| other.rsplit_once('/').is_some_and(|(of, _)| of == event)) {
        let bucket = format!("event:{other}");
        for row in rows(store, &bucket, seen).await? {
            found.entry(row).or_insert_with(|| bucket.clone());
        }
    }
    let found: Vec<_> = found.into_iter().collect();
    let mut last = Vec::new();
    for some in found.chunks(COPIED) {
        if !last.is_empty() {
            store.write(std::mem::take(&mut last), seen).await?;
        }
        for (row, bucket) in some {
            let message = store.get_many(bucket, vec![row.to_string()], MOST_BYTES, seen).await?;
            last.extend(message.into_iter().flatten().map(|(key, value)| Change {
                bucket: subscription.queue.bucket(),
                key,
                value: Some(value),
            }));
        }
    }
    Ok(last)
}
