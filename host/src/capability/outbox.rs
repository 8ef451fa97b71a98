//! Where a call leaves the events that it emits: in its unit of work, or in the store.

use std::sync::Arc;

use bytes::Bytes;
use thiserror::Error;

use super::{
    delivery::Delivery,
    output_commit::Watermark,
    unit::{self, Refused, Unit},
};
use crate::message::{Message, Moment, Queue, RowKey};
use crate::store::{BucketStore, Lsn, StoreError};

/// How many deliveries may lead to each other. Events may form a circle, and one that does
/// not end would fill the store.
pub const MOST_HOPS: usize = 16;

/// What a call needs to emit.
pub struct Outbox {
    /// The app's store.
    pub store: Arc<dyn BucketStore>,
    /// What must be durable before anybody is told of the call.
    pub seen: Arc<Watermark>,
    /// What the call keeps until it ends, if its service is atomic.
    pub unit: Option<Arc<Unit>>,
    /// The delivery that the call is, or was made in.
    pub delivery: Option<Arc<Delivery>>,
    /// Before when what it emits is not delivered, if it has said so.
    pub not_before: Option<Moment>,
}

/// Why an event was not emitted.
#[derive(Debug, Error)]
pub enum NotEmitted {
    /// As many wait as may.
    #[error(
        "{most} messages of {event} wait for {subscriber:?}, as many as may (limits.waiting of the event); see what \
         keeps it with `dovetail events`"
    )]
    Full {
        /// The event.
        event: String,
        /// For whom they wait.
        subscriber: String,
        /// How many may.
        most: u64,
    },
    /// See [`MOST_HOPS`].
    #[error("events go in a circle: {} of them led to each other, {}", trail.len(), trail.join(" -> "))]
    Circle {
        /// What they were, first things first.
        trail: Vec<String>,
    },
    /// The unit of work has no room for it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It could not be made a document.
    #[error("it could not be written")]
    Unwritable(#[from] serde_json::Error),
    /// The store could not do it.
    #[error("the store did not take it")]
    Store(#[from] StoreError),
}

impl Outbox {
    /// Leave a message for each of these, to be durable with the call.
    pub async fn emit(&self, mut message: Message, queues: &[Arc<Queue>]) -> Result<(), NotEmitted> {
        if let Some(delivery) = &self.delivery {
            message.trail = delivery.trail();
            if message.trail.len() >= MOST_HOPS {
                message.trail.push(message.kind);
                return Err(NotEmitted::Circle { trail: message.trail });
            }
        }
        if let Some(full) = queues.iter().find(|queue| !queue.has_room()) {
            let (event, subscriber) = (full.event().to_owned(), full.subscriber().to_owned());
            return Err(NotEmitted::Full { event, subscriber, most: full.most() });
        }
        message.not_before = self.not_before.filter(|time| *time > Moment::now());
        let (row, document) = (RowKey::of(&message), Bytes::from(message.write()?));
        if let Some(unit) = &self.unit {
            return Ok(unit.emit(queues, row, &document)?);
        }
        let message = [(row, document)];
        let changes = queues.iter().flat_map(|queue| unit::rows(queue, &message)).collect();
        let writing: Vec<_> = queues.iter().map(|queue| queue.begin()).collect();
        let written = self.store.write(changes, &self.seen).await;
        let place = written.inspect_err(|_| self.seen.fail())?.map(Lsn::number);
        writing.into_iter().for_each(|writing| writing.written(place, message.iter().cloned()));
        Ok(())
    }
}
