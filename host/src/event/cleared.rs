//! All that waits for a subscriber and is parked, dropped at once: also for one that
//! subscribes no more, whom nobody delivers anything.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{error::EventError, kept::State, roster};
use crate::{
    service::Watermark,
    store::{BucketStore, StoreError},
};

/// What came of it.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Cleared {
    /// How many messages were dropped.
    pub dropped: u64,
    /// How many were not, for they were being delivered.
    pub on_delivery: u64,
}

impl Cleared {
    /// Drop what a store has for a subscriber. If somebody delivers out of this store, that
    /// is not undone: an attempt whose message is gone comes to nothing.
    pub async fn in_store(store: &dyn BucketStore, subscriber: &str) -> Result<Cleared, EventError> {
        let seen = Watermark::new();
        let queues = roster::known(store, &seen).await?;
        let own: Vec<_> = queues.iter().filter(|queue| roster::subscriber(queue) == subscriber).collect();
        if own.is_empty() {
            let there_are: BTreeSet<_> = queues.iter().map(|queue| roster::subscriber(queue).to_owned()).collect();
            let there_are = there_are.into_iter().collect();
            return Err(EventError::NoSubscriber { name: subscriber.to_owned(), there_are });
        }
        let mut dropped = 0;
        for queue in own {
            for state in [State::Retrying, State::Blocked] {
                empty(store, &state.bucket_of(queue)).await?;
            }
            for state in [State::Waiting, State::Parked] {
                dropped += empty(store, &state.bucket_of(queue)).await?;
            }
        }
        Ok(Cleared { dropped, on_delivery: 0 })
    }
}

/// Remove all keys of a bucket, and count them.
async fn empty(store: &dyn BucketStore, bucket: &str) -> Result<u64, StoreError> {
    let mut removed = 0;
    loop {
        let seen = Watermark::new();
        let page = store.list_keys(bucket, None, &seen).await?;
        if page.keys.is_empty() {
            return Ok(removed);
        }
        removed += page.keys.len() as u64;
        store.delete_many(bucket, page.keys, &seen).await?;
        store.durable(&seen).await?;
    }
}
