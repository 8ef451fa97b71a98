//! Takes what comes by a broker into a subscriber's queue.
//!
//! What arrives is kept in one entry of the log: each message, that its id was had, and how
//! far the broker was read. The entry is written where the place is still what it was, so that
//! of two hosts, or of two who both believe to be the one, only one gets over it, and what the
//! other had is what the first one has. A message that comes again is known by its id. Only
//! when the entry is durable is the broker told.
//!
//! What is no message for the subscriber is parked with the reason, at once: it can be seen,
//! and retried with a component that takes it, and holds up nothing.

use std::collections::HashSet;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::{
    kept::raw,
    line::Line,
    record::{Record, Why},
    standing::Now,
    subscription::{Destination, PLACE, Source, Subscription},
};
use crate::{
    broker::{self, Arrived, BrokerError},
    link::export_of,
    message::{KeyPath, Message, MessageId, Moment, RowKey},
    service::{NotDelivered, Watermark, messaging_subject},
    store::{BucketStore, Change, Guard, StoreError},
};

/// How long to wait before a broker is asked again: the first time, and at most.
const WAIT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// The most bytes of ids and times that are looked up at once: those of a page of the store's, and
/// more.
const MOST_HAD: usize = 1 << 20;

/// How often to look whether there is room again.
const ROOM: Duration = Duration::from_millis(100);

/// How often what was had is forgotten that is older than it is to be remembered.
const FORGET: Duration = Duration::from_secs(600);

/// The messages of one event that come by a broker for one subscriber.
pub struct Intake {
    subscription: Arc<Subscription>,
    /// What its dispatcher is at: whether it is this host that delivers.
    now: watch::Receiver<Now>,
    forget_at: Instant,
}

/// Why nothing comes for now.
#[derive(Debug, Error)]
enum Broken {
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error("the store did not keep what came")]
    Store(#[from] StoreError),
    #[error("another host reads the broker")]
    Elsewhere,
}

/// What is to be kept of what arrived.
#[derive(Default)]
struct Taken<'a> {
    rows: Vec<(RowKey, Bytes)>,
    changes: Vec<Change<'a>>,
}

impl Intake {
    /// That of a subscription which has a source.
    pub fn new(subscription: Arc<Subscription>, now: watch::Receiver<Now>) -> Intake {
        Intake { subscription, now, forget_at: Instant::now() }
    }

    /// Take in what comes until this is aborted, which may be at any moment.
    pub async fn run(mut self) {
        let subscription = self.subscription.clone();
        let Some(source) = &subscription.from else { return };
        let Some(line) = &subscription.line else { return };
        let (mut wait, mut is_new) = (WAIT.0, true);
        while self.now.wait_for(|now| now.delivers).await.is_ok() {
            let begun = Instant::now();
            let Err(broken) = self.read(source, line).await else { continue };
            if begun.elapsed() > WAIT.1 {
                wait = WAIT.0;
            }
            if line.breaks(&broken) || is_new {
                let (service, event) = (subscription.queue.subscriber(), subscription.queue.event());
                let error = &broken as &dyn Error;
                tracing::warn!(service, event, error, "events of others do not arrive; it is tried until they do");
            }
            is_new = false;
            sleep(wait.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
            wait = (wait * 2).min(WAIT.1);
        }
    }

    /// Take in what comes until another host does, or something breaks.
    async fn read(&mut self, source: &Source, line: &Line) -> Result<(), Broken> {
        let store = self.subscription.store.clone();
        let mut kept = store.get(&source.place, PLACE, &Watermark::new()).await?;
        let at = kept.as_deref().and_then(|kept| Some(std::str::from_utf8(kept).ok()?.split_once(' ')?.1.to_owned()));
        let (mut inlet, place) = broker::inlet(&source.transport, &source.reader, at.as_deref()).await?;
        if at.is_none() {
            // Who is new begins here, whatever comes until it has had the first.
            let arrived = Arrived { documents: Vec::new(), place };
            kept = Some(self.keep(source, kept, arrived).await?);
        }
        line.works();
        loop {
            while !self.subscription.queue.has_room() {
                sleep(ROOM).await;
            }
            let mut now = self.now.clone();
            let arrived = tokio::select! {
                arrived = inlet.receive() => arrived?,
                _ = now.wait_for(|now| !now.delivers) => {
                    line.breaks(&Broken::Elsewhere);
                    return Ok(());
                }
            };
            kept = Some(self.keep(source, kept, arrived).await?);
            inlet.kept().await?;
            if self.forget_at <= Instant::now() {
                self.forget_at = Instant::now() + FORGET;
                forget(&*store, source).await?;
            }
        }
    }

    /// Keep what arrived, if the place of who has read so far is still this one. The answer is
    /// the place now, as the store has it.
    async fn keep(&self, source: &Source, kept: Option<Vec<u8>>, arrived: Arrived) -> Result<Vec<u8>, Broken> {
        let Subscription { queue, store, .. } = &*self.subscription;
        let seen = Watermark::new();
        let Taken { rows, mut changes } = self.take(source, &arrived.documents, &seen).await?;
        // Each has a number, so that no two are alike where the broker has no places.
        let number = kept.as_deref().and_then(|kept| std::str::from_utf8(kept).ok()?.split(' ').next()?.parse().ok());
        let number = number.map_or(0, |number: u64| number + 1);
        let now = format!("{number} {}", arrived.place.unwrap_or_default()).into_bytes();
        changes.push(Change { bucket: &source.place, key: PLACE.to_owned(), value: Some(now.clone()) });
        let guard = Guard { bucket: &source.place, key: PLACE, value: kept.as_deref() };
        let writing = queue.begin();
        let Some(place) = store.write_where(guard, changes, &seen).await? else { return Err(Broken::Elsewhere) };
        writing.written(place.map(|place| place.number()), rows.into_iter());
        store.durable(&seen).await?;
        Ok(now)
    }

    /// What is to be kept of these documents: those of them that were not had before.
    async fn take<'a>(
        &'a self,
        source: &'a Source,
        documents: &[Bytes],
        seen: &Watermark,
    ) -> Result<Taken<'a>, StoreError> {
        let Subscription { queue, store, parked, .. } = &*self.subscription;
        let mut read = Vec::new();
        for document in documents {
            let read_document = self.look(source, document).transpose();
            // The same bytes have the same id, if they are no message.
            let id = |read: &Result<Message, (MessageId, Record)>| read.as_ref().map_or_else(|(id, _)| *id, |it| it.id);
            read.extend(read_document.map(|read| (id(&read), read)));
        }
        let ids = read.iter().map(|(id, _)| id.to_string()).collect();
        let had = store.get_many(&source.had, ids, MOST_HAD, seen).await?;
        let mut ids: HashSet<_> = had.into_iter().flatten().map(|(id, _)| id).collect();
        let mut taken = Taken::default();
        for (id, read) in read {
            if !ids.insert(id.to_string()) {
                continue;
            }
            let (bucket, row, value) = match read {
                Ok(message) => {
                    let (row, document) = (RowKey::of(&message), Bytes::from(message.write().unwrap_or_default()));
                    taken.rows.push((row, document.clone()));
                    (queue.bucket(), row, document.into())
                }
                Err((id, record)) => {
                    let (service, event) = (queue.subscriber(), queue.event());
                    tracing::error!(service, event, %id, error = record.error, "parked an event that came by a broker");
                    (parked.as_str(), RowKey { id, hash: None }, record.write())
                }
            };
            let had =
                Change { bucket: &source.had, key: id.to_string(), value: Some(Moment::now().to_string().into()) };
            taken.changes.extend([had, Change { bucket, key: row.to_string(), value: Some(value) }]);
        }
        Ok(taken)
    }

    /// The message that a document is, with the key that keeps its kind in order, if it is for
    /// this subscriber; or what is to be parked, under this id.
    fn look(&self, source: &Source, document: &Bytes) -> Result<Option<Message>, (MessageId, Record)> {
        let parked = |id, mut record: Record| {
            record.message = Some(raw(document.to_vec()));
            (id, record)
        };
        let mut message = Message::read(document).map_err(|unreadable| {
            let id = MessageId::of_foreign(self.subscription.queue.bucket(), &String::from_utf8_lossy(document));
            parked(id, Record::unreadable(&unreadable))
        })?;
        let Destination::Service(service) = &self.subscription.to else { return Ok(Some(message)) };
        let wrong = |error: NotDelivered| parked(message.id, Record::failed(None, 0, Why::Data, &error));
        let live = service.serving().live.clone();
        let kind = || message.kind.clone();
        let Some((_, receiver)) = live.receivers().find(|(export_key, _)| *export_key == export_of(&message.kind))
        else {
            return Err(wrong(NotDelivered::NoReceiver { service: service.name().into(), kind: kind() }));
        };
        let arguments = receiver.params.decode(&message.data);
        let arguments = arguments.map_err(|source| wrong(NotDelivered::Data { kind: kind(), source }))?;
        if let Some(subjects) = &source.subjects {
            let subject = messaging_subject(&arguments).unwrap_or_default();
            if !subjects.iter().any(|pattern| pattern.matches(subject)) {
                return Ok(None);
            }
        }
        if let Some(Ok(path)) = source.key.as_ref().map(|key| key.parse::<KeyPath>())
            && let Ok(key) = path.resolve(&receiver.params)
        {
            message.key = Some(key.of(&arguments));
        }
        Ok(Some(message))
    }
}

/// Forget what was had before the time for which it is to be remembered.
async fn forget(store: &dyn BucketStore, source: &Source) -> Result<(), StoreError> {
    let Some(before) = SystemTime::now().checked_sub(source.keep).map(Moment::from) else { return Ok(()) };
    let seen = Watermark::new();
    loop {
        // In the order in which they came: the oldest first.
        let page = store.list_keys(&source.had, None, &seen).await?;
        let had = store.get_many(&source.had, page.keys.clone(), MOST_HAD, &seen).await?;
        let is_old = |had: &[u8]| {
            let had = std::str::from_utf8(had).ok().and_then(|had| had.parse::<Moment>().ok());
            had.is_none_or(|had| had.millis() < before.millis())
        };
        // One that is gone by now is not in the way of those behind it.
        let old = page.keys.iter().zip(had).take_while(|(_, had)| had.as_ref().is_none_or(|(_, had)| is_old(had)));
        let old: Vec<_> = old.map(|(key, _)| key.clone()).collect();
        let is_all = old.len() < page.keys.len() || page.cursor.is_none();
        if !old.is_empty() {
            store.delete_many(&source.had, old, &seen).await?;
        }
        if is_all {
            return Ok(());
        }
    }
}
