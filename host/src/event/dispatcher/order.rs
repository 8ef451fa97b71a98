//! What people have a dispatcher do: it does it between two deliveries, so that what it
//! knows and what the store has are changed together, and nothing races with an attempt.

use bytes::Bytes;
use tokio::{sync::oneshot, time::Instant};

use super::Dispatcher;
use crate::{
    event::{
        error::EventError,
        listing::blocking,
        record::Record,
        subscription::{PAUSED, Subscription},
    },
    message::{Moment, RowKey},
    service::Watermark,
    store::{Change, Guard, StoreError},
};

/// What has to be durable before anybody is told that it is done.
pub type Reply = oneshot::Sender<Result<Watermark, EventError>>;

/// What is wanted of it.
pub enum Order {
    /// Whether deliveries are paused was changed in the store: look.
    Look(Reply),
    /// Try this message again, now or as soon as its turn comes.
    Retry(RowKey, Reply),
    /// Forget this message.
    Remove(RowKey, Reply),
    /// End, once the deliveries that are begun have ended.
    Stop(oneshot::Sender<()>),
}

impl Order {
    /// Say that the store keeps it from being done.
    pub(super) fn refuse(self, failed: &StoreError) {
        let (Order::Look(reply) | Order::Retry(_, reply) | Order::Remove(_, reply)) = self else { return };
        let _ = reply.send(Err(EventError::Store(failed.clone())));
    }
}

impl Dispatcher {
    /// Do it, and say how it went. An error is the store's: what is known has to be read
    /// again.
    pub(super) async fn follow(&mut self, order: Order) -> Result<(), StoreError> {
        let is_elsewhere = self.tenure.as_ref().is_some_and(|tenure| !tenure.holds());
        if is_elsewhere {
            // What was read at the start is another's by now.
            self.recall().await?;
        }
        let (done, reply) = match order {
            Order::Look(reply) => (self.look().await, reply),
            Order::Retry(row, reply) => (self.retry(row).await, reply),
            Order::Remove(row, reply) => (self.remove(row).await, reply),
            Order::Stop(_) => return Ok(()),
        };
        if let (Some(tenure), Ok(_)) = (&self.tenure, &done) {
            tenure.tell(&*self.subscription.store).await?;
        }
        let failed = match &done {
            Err(EventError::Store(error)) => Err(error.clone()),
            Ok(seen) => {
                self.unsettled.include(seen);
                Ok(())
            }
            Err(_) => Ok(()),
        };
        // Nobody may wait for it any more, and it is done all the same.
        let _ = reply.send(done);
        failed
    }

    /// See whether deliveries are paused.
    pub(super) async fn look(&mut self) -> Result<Watermark, EventError> {
        let (subscription, seen) = (self.subscription.clone(), Watermark::new());
        self.paused = subscription.store.exists(PAUSED, subscription.queue.subscriber(), &seen).await?;
        Ok(seen)
    }

    async fn retry(&mut self, row: RowKey) -> Result<Watermark, EventError> {
        if self.on_delivery.contains(&row) {
            return Err(EventError::OnDelivery(row.id));
        }
        let (subscription, seen) = (self.subscription.clone(), Watermark::new());
        let Subscription { queue, store, retries, blocked, parked, .. } = &*subscription;
        let key = row.to_string();
        if let Some(record) = self.records.get_mut(&row) {
            record.due = Some(Moment::now());
            store.set(retries, key, record.write(), &seen).await?;
            self.backlog.hasten(row, Instant::now());
        } else if store.exists(blocked, &key, &seen).await? {
            store.delete(blocked, key, &seen).await?;
            self.backlog.unblocked(row);
        } else if let Some(kept) = store.get(parked, &key, &seen).await? {
            let record = Record::read(&kept).map_err(|error| StoreError::engine("read what is parked", error))?;
            let message = record.message.map(|message| message.get().as_bytes().to_vec());
            let (writing, gone) = (queue.begin(), Change { bucket: parked, key: key.clone(), value: None });
            let back = Change { bucket: queue.bucket(), key: key.clone(), value: message };
            // On another host somebody may do the same.
            let guard = Guard { bucket: parked, key: &key, value: Some(&kept) };
            if store.write_where(guard, vec![gone, back], &seen).await?.is_some() {
                writing.written(None, [(row, Bytes::new())].into_iter());
            }
        } else {
            return Err(self.untried(row, &seen).await?);
        }
        self.more = true;
        Ok(seen)
    }

    /// Why there is nothing to try again.
    async fn untried(&self, row: RowKey, seen: &Watermark) -> Result<EventError, StoreError> {
        let Subscription { queue, store, .. } = &*self.subscription;
        let id = row.id;
        if !store.exists(queue.bucket(), &row.to_string(), seen).await? {
            return Ok(EventError::NoMessage { id, subscriber: queue.subscriber().to_owned() });
        }
        Ok(match blocking(&self.subscription, row, seen).await? {
            Some(parked) => EventError::Behind { id, parked },
            None => EventError::NotTried(id),
        })
    }

    async fn remove(&mut self, row: RowKey) -> Result<Watermark, EventError> {
        if self.on_delivery.contains(&row) {
            return Err(EventError::OnDelivery(row.id));
        }
        let (subscription, seen) = (self.subscription.clone(), Watermark::new());
        let Subscription { queue, store, retries, blocked, parked, .. } = &*subscription;
        let key = row.to_string();
        let is_waiting = store.exists(queue.bucket(), &key, &seen).await?;
        let is_blocked = store.exists(blocked, &key, &seen).await?;
        if !is_waiting && !store.exists(parked, &key, &seen).await? {
            return Err(EventError::NoMessage { id: row.id, subscriber: queue.subscriber().to_owned() });
        }
        let gone = [queue.bucket(), retries, blocked, parked];
        let gone = gone.map(|bucket| Change { bucket, key: key.clone(), value: None });
        store.write(gone.into(), &seen).await?;
        if is_waiting {
            queue.removed(1);
        }
        self.records.remove(&row);
        self.backlog.dropped(row);
        if is_blocked {
            self.backlog.unblocked(row);
        }
        Ok(seen)
    }
}
