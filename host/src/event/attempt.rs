//! One attempt to give an event to its subscriber.
//!
//! The call is a unit of work, and the end of the delivery is part of it: the row of the
//! message goes in the same entry of the store's log that has what the subscriber wrote and
//! emitted. So the effect is there once, and its message is not; or the other way round.
//!
//! A message is parked by the revision that is live, after as many attempts as it may have.
//! What others failed at, a canary or one that was replaced, counts for nothing: whether
//! they were to blame is seen when the live one has tried.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    kept::raw,
    record::{Record, Why},
    subscription::Subscription,
};
use crate::{
    link::{InterfaceName, export_key},
    manifest::Parked,
    message::{Message, Moment, RowKey},
    service::{Delivery, Unit, Watermark},
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
    /// Make it. What has to be durable for its end to be so is added to `seen`.
    pub async fn make(&self, seen: &Watermark) -> Result<Ended, StoreError> {
        let Subscription { queue, store, service, .. } = &*self.subscription;
        let document = match &self.document {
            Some(document) => document.clone(),
            None => match store.get(queue.bucket(), &self.row.to_string(), seen).await? {
                Some(document) => document.into(),
                None => return Ok(Ended::Done),
            },
        };
        let message = match Message::read(&document) {
            Ok(message) => Arc::new(message),
            Err(unreadable) => {
                let record = Record::unreadable(&unreadable);
                return self.park(record, &document, seen).await;
            }
        };
        if let Some(moment) = message.not_before.filter(|moment| *moment > Moment::now()) {
            return Ok(Ended::TooEarly(moment));
        }
        let attempt = self.before.as_ref().map_or(0, Record::failures) + 1;
        let delivery = Arc::new(Delivery { message: message.clone(), attempt });
        let unit = Arc::<Unit>::default();
        let export = export(&message.kind);
        let (revision, delivered) = service.deliver(&export, delivery, unit.clone(), seen).await;
        let error = match delivered {
            Ok(()) => return self.end(&unit, &document, seen).await,
            Err(error) => error,
        };
        let Some(why) = Why::of(&error) else { return Ok(Ended::NotBegun) };
        let record = Record::failed(self.before.as_ref(), revision, why, &error);
        let (subscriber, event) = (queue.subscriber(), queue.event());
        let is_last = service.serving().live.number() == revision
            && (why.is_final() || record.failures_of(revision) >= self.subscription.attempts);
        {
            let (id, error) = (message.id, &error as &dyn std::error::Error);
            match is_last {
                true => tracing::error!(service = subscriber, event, %id, attempt, error, "parked an event"),
                false => tracing::warn!(service = subscriber, event, %id, attempt, error, "a delivery failed"),
            }
        }
        match is_last {
            true => self.park(record, &document, seen).await,
            false => self.retry(record, &document, seen).await,
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
            queue.removed();
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
        queue.removed();
        Ok(Ended::SetAside)
    }
}

/// The export that a message of this kind is for.
fn export(kind: &str) -> String {
    let Some((interface, function)) = kind.split_once('#') else { return kind.to_owned() };
    match interface.parse::<InterfaceName>() {
        Ok(interface) => export_key(&interface, function),
        Err(_) => kind.to_owned(),
    }
}
