//! One attempt to give an event to its subscriber. What goes to a broker goes there together
//! with others (`bundle`).
//!
//! The call is a unit of work, and the end of the delivery is part of it: the row of the
//! message goes in the same entry of the store's log that has what the subscriber wrote and
//! emitted. So the effect is there once, and its message is not; or the other way round.
//!
//! A message is parked by the revision that is live, after as many attempts as it may have.
//! What others failed at, a canary or one that was replaced, counts for nothing: whether
//! they were to blame is seen when the live one has tried.

use std::{error::Error, io, ops::ControlFlow, sync::Arc};

use bytes::Bytes;

use super::{
    kept::raw,
    record::{Record, Why, chain},
    subscription::Subscription,
};
use crate::{
    link::export_of,
    manifest::Parked,
    message::{Message, Moment, RowKey},
    service::{Delivery, Service, Unit, Watermark},
    store::{Change, Guard, StoreError},
};

/// What an attempt is made with.
pub struct Attempt {
    /// To whom.
    pub subscription: Arc<Subscription>,
    /// Which message.
    pub row: RowKey,
    /// What it is, if that was handed over.
    pub document: Option<Bytes>,
    /// What came of attempts before.
    pub before: Option<Record>,
}

/// A message as it is attempted, with its document; or how the attempt ended before that.
pub(super) type Opened = ControlFlow<Ended, (Arc<Message>, Bytes)>;

/// How an attempt ended.
#[derive(Debug)]
pub enum Ended {
    /// The subscriber had it, or somebody else has removed it.
    Done,
    /// It did not come to it: it is as it was.
    NotBegun,
    /// It is not to be delivered before this.
    TooEarly(Moment),
    /// It failed, and there is to be another.
    Retried(Record),
    /// It was the last, and those of its key wait.
    Blocked,
    /// It was the last, and the message is out of the way.
    SetAside,
}

impl Attempt {
    /// Make it: call the subscriber. What has to be durable for its end to be so is added to
    /// `seen`. A call that the store failed is an error of the store's, whatever the subscriber
    /// made of it, and was no attempt.
    pub async fn make(&self, service: &Arc<Service>, seen: &Watermark) -> Result<Ended, StoreError> {
        let (message, document) = match self.open(seen).await? {
            ControlFlow::Continue(opened) => opened,
            ControlFlow::Break(ended) => return Ok(ended),
        };
        let attempt = self.before.as_ref().map_or(0, Record::failures) + 1;
        let delivery = Arc::new(Delivery { message: message.clone(), attempt });
        let unit = Arc::<Unit>::default();
        let export = export_of(&message.kind);
        let (revision, delivered) = service.deliver(&export, delivery, unit.clone(), seen).await;
        let error = match delivered {
            Ok(()) => return self.end(&unit, &document, seen).await,
            Err(error) => error,
        };
        if error.is_stores() {
            // A trap of each attempt, with where it was, would hide what is wrong.
            return Err(StoreError::engine("deliver an event", io::Error::other(chain(&error))));
        }
        let Some(why) = Why::of(&error) else { return Ok(Ended::NotBegun) };
        let is_live = service.serving().live.number() == revision;
        self.failed(revision, is_live, why, &error, &document, seen).await
    }

    /// The message and its document, unless there is nothing to attempt.
    pub(super) async fn open(&self, seen: &Watermark) -> Result<Opened, StoreError> {
        let Subscription { queue, store, .. } = &*self.subscription;
        let document = match &self.document {
            Some(document) => document.clone(),
            None => match store.get(queue.bucket(), &self.row.to_string(), seen).await? {
                Some(document) => document.into(),
                None => return Ok(ControlFlow::Break(Ended::Done)),
            },
        };
        let message = match Message::read(&document) {
            Ok(message) => Arc::new(message),
            Err(unreadable) => {
                let record = Record::unreadable(&unreadable);
                return self.park(record, &document, seen).await.map(ControlFlow::Break);
            }
        };
        if let Some(moment) = message.not_before.filter(|moment| *moment > Moment::now()) {
            return Ok(ControlFlow::Break(Ended::TooEarly(moment)));
        }
        Ok(ControlFlow::Continue((message, document)))
    }

    /// It failed: have it tried again, or park it.
    pub(super) async fn failed(
        &self,
        revision: u64,
        is_live: bool,
        why: Why,
        error: &(dyn Error + Send + Sync + 'static),
        document: &[u8],
        seen: &Watermark,
    ) -> Result<Ended, StoreError> {
        let record = Record::failed(self.before.as_ref(), revision, why, error);
        let is_last = is_live && (why.is_final() || record.failures_of(revision) >= self.subscription.attempts);
        self.tell(is_last, record.failures(), error);
        match is_last {
            true => self.park(record, document, seen).await,
            false => self.retry(record, document, seen).await,
        }
    }

    fn tell(&self, is_last: bool, attempt: u32, error: &(dyn Error + 'static)) {
        let queue = &self.subscription.queue;
        let (service, event, id) = (queue.subscriber(), queue.event(), self.row.id);
        match is_last {
            true => tracing::error!(service, event, %id, attempt, error, "parked an event"),
            false => tracing::warn!(service, event, %id, attempt, error, "a delivery failed"),
        }
    }

    /// The subscriber had it: append what it did, and that it did.
    async fn end(&self, unit: &Unit, document: &[u8], seen: &Watermark) -> Result<Ended, StoreError> {
        let Subscription { queue, store, retries, .. } = &*self.subscription;
        let key = self.row.to_string();
        let mut gone = vec![Change { bucket: queue.bucket(), key: key.clone(), value: None }];
        if self.before.is_some() {
            gone.push(Change { bucket: retries, key: key.clone(), value: None });
        }
        unit.conclude(gone);
        if unit.append_where(Some(self.fence(&key, document)), &**store, seen).await? {
            queue.removed(1);
        }
        Ok(Ended::Done)
    }

    /// What must be there for anything to come of the attempt: the message. Another host may
    /// have delivered it meanwhile.
    fn fence<'a>(&'a self, row: &'a str, document: &'a [u8]) -> Guard<'a> {
        Guard { bucket: self.subscription.queue.bucket(), key: row, value: Some(document) }
    }

    async fn retry(&self, mut record: Record, document: &[u8], seen: &Watermark) -> Result<Ended, StoreError> {
        let Subscription { store, retries, .. } = &*self.subscription;
        record.due = Some(self.subscription.due(record.failures()));
        let key = self.row.to_string();
        let change = Change { bucket: retries, key: key.clone(), value: Some(record.write()) };
        match store.write_where(self.fence(&key, document), vec![change], seen).await? {
            Some(_) => Ok(Ended::Retried(record)),
            None => Ok(Ended::Done),
        }
    }

    async fn park(&self, mut record: Record, document: &[u8], seen: &Watermark) -> Result<Ended, StoreError> {
        let Subscription { queue, store, retries, blocked, parked, when_parked, .. } = &*self.subscription;
        let key = self.row.to_string();
        let mut changes = vec![Change { bucket: retries, key: key.clone(), value: None }];
        let blocks = *when_parked == Parked::Block && self.row.hash.is_some();
        let bucket = match blocks {
            true => blocked,
            false => {
                changes.push(Change { bucket: queue.bucket(), key: key.clone(), value: None });
                record.message = Some(raw(document.to_vec()));
                parked
            }
        };
        changes.push(Change { bucket, key: key.clone(), value: Some(record.write()) });
        if store.write_where(self.fence(&key, document), changes, seen).await?.is_none() {
            return Ok(Ended::Done);
        }
        if blocks {
            return Ok(Ended::Blocked);
        }
        queue.removed(1);
        Ok(Ended::SetAside)
    }
}
