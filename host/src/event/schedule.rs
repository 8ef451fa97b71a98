//! Time emits: a schedule's event at each of its times.
//!
//! Beside its messages a schedule has a row in the store, which says up to when it has
//! emitted. Both are written in one entry, so that a time is emitted for once, whatever is
//! killed when. Where several hosts share the store the row is written only if it is as it
//! was read: of two hosts one emits.
//!
//! A clock may be set. A time that it shows again is not emitted for again, and those that
//! it passes over are missed. A row that is more than [`AHEAD`] ahead is of a clock that was
//! wrong, and begins anew.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use thiserror::Error;
use tokio::time::sleep;
use wasmtime::component::Val;

use crate::{
    app::App,
    manifest::{Missed, ScheduleManifest},
    message::{Message, MessageId, Moment, Queue, RowKey},
    service::Watermark,
    store::{BucketStore, Change, Guard, StoreError},
};

/// The bucket of the rows, by schedule: the time up to which it has emitted.
const BUCKET: &str = "schedule:";

/// How often it looks at the clock, which may be set.
const LOOK: Duration = Duration::from_secs(1);

/// How long after its time an event is no missed one: hosts are started again, and wait for
/// their store.
const LATE: Duration = Duration::from_secs(60);

/// How far ahead of the clock a row may be.
const AHEAD: Duration = Duration::from_secs(24 * 60 * 60);

/// A schedule of an app.
pub struct Schedule {
    app: Arc<App>,
    manifest: ScheduleManifest,
    store: Arc<dyn BucketStore>,
    /// What is in the store, if that is known.
    row: Option<Row>,
    /// The time that came while this host ran, and is not emitted for yet.
    due: Option<Moment>,
    /// Whether it was told that it cannot emit.
    is_told: bool,
}

/// What a schedule has in the store.
struct Row {
    /// As it is there.
    kept: Option<Vec<u8>>,
    /// The time up to which it has emitted; none if that cannot be read of it.
    last: Option<Moment>,
}

/// What is emitted.
struct Emission {
    message: Message,
    queues: Arc<[Arc<Queue>]>,
}

/// Why nothing was emitted. It is tried again.
#[derive(Debug, Error)]
enum NotEmitted {
    #[error("as many messages of {event} wait for {subscriber:?} as may (limits.waiting of the event)")]
    Full { event: String, subscriber: String },
    #[error("no subscriber has its function")]
    NoFunction,
    #[error("it could not be written")]
    Unwritable(#[from] serde_json::Error),
    #[error("the store did not take it")]
    Store(#[from] StoreError),
}

impl Schedule {
    /// All of an app.
    pub fn all(app: &Arc<App>) -> Vec<Schedule> {
        let schedules = app.manifest().schedules.iter().map(|manifest| Schedule {
            app: app.clone(),
            manifest: manifest.clone(),
            store: app.share_store(),
            row: None,
            due: None,
            is_told: false,
        });
        schedules.collect()
    }

    /// Emit until this is aborted.
    pub async fn run(mut self) {
        loop {
            match self.look(Moment::now()).await {
                Ok(wait) => {
                    self.is_told = false;
                    sleep(wait).await;
                }
                Err(error) => {
                    self.tell(&error);
                    sleep(LOOK).await;
                }
            }
        }
    }

    /// Emit what is due; how long nothing is.
    async fn look(&mut self, now: Moment) -> Result<Duration, NotEmitted> {
        let row = match self.row.take() {
            Some(row) => row,
            None => self.read().await?,
        };
        let Some(last) = row.last.filter(|last| last.millis() <= later(now, AHEAD).millis()) else {
            // It begins now, and has missed nothing.
            self.advance(&row, now, None).await?;
            return Ok(Duration::ZERO);
        };
        let due = self.manifest.times.latest(now.into()).map(Moment::from).filter(|due| *due > last);
        let Some(due) = due else {
            self.row = Some(row);
            return Ok(self.until_next(now));
        };
        let is_missed = self.due != Some(due) && later(due, LATE) < now;
        let emission = match is_missed && self.manifest.missed == Missed::Skip {
            true => None,
            false => {
                self.is_due(due, last);
                Some(self.emission(due)?)
            }
        };
        let is_skipped = emission.is_none();
        if self.advance(&row, due, emission).await? && is_skipped {
            let (schedule, time) = (&self.manifest.name, due);
            tracing::info!(schedule, %time, "a time was missed, and nothing is emitted for it");
        }
        Ok(Duration::ZERO)
    }

    /// This time came. One before it that is not emitted for, for nothing could be, never is.
    fn is_due(&mut self, time: Moment, last: Moment) {
        let before = self.due.replace(time).filter(|before| *before != time && *before > last);
        if let Some(before) = before {
            let (schedule, instead) = (&self.manifest.name, time);
            tracing::warn!(schedule, time = %before, %instead, "a schedule could not emit before its next time came");
        }
    }

    async fn read(&self) -> Result<Row, StoreError> {
        let seen = Watermark::new();
        let kept = self.store.get(BUCKET, &self.manifest.name, &seen).await?;
        // What was read may be lost with its commit, and is not to be built on.
        self.store.durable(&seen).await?;
        let last = kept.as_deref().and_then(|kept| std::str::from_utf8(kept).ok()?.parse().ok());
        Ok(Row { kept, last })
    }

    /// The event of one time. Its id is that of the time: whoever emits
    /// it, it is the same event.
    fn emission(&self, due: Moment) -> Result<Emission, NotEmitted> {
        let (origin, queues) = self.app.scheduled(&self.manifest).ok_or(NotEmitted::NoFunction)?;
        if let Some(full) = queues.iter().find(|queue| !queue.has_room()) {
            let (event, subscriber) = (full.event().to_owned(), full.subscriber().to_owned());
            return Err(NotEmitted::Full { event, subscriber });
        }
        let arguments = vec![Val::U64(due.millis()); origin.params().fields.len()];
        let id = MessageId::of_foreign(origin.source(), &due.to_string());
        Ok(Emission { message: Message { id, time: due, ..origin.message(&arguments)? }, queues })
    }

    /// Write that it has emitted up to this time, and with it what it emits. The answer is
    /// whether it did: another host may have.
    async fn advance(&mut self, row: &Row, to: Moment, emission: Option<Emission>) -> Result<bool, NotEmitted> {
        let (name, kept) = (&self.manifest.name, to.to_string().into_bytes());
        let mut changes = vec![Change { bucket: BUCKET, key: name.clone(), value: Some(kept.clone()) }];
        let mut rows = Vec::new();
        let queues = emission.as_ref().map(|emission| emission.queues.clone()).unwrap_or_default();
        if let Some(Emission { message, .. }) = &emission {
            let (row, document) = (RowKey::of(message), message.write()?);
            let change = |queue| Change { bucket: queue, key: row.to_string(), value: Some(document.clone()) };
            changes.extend(queues.iter().map(|queue| change(queue.bucket())));
            rows.push((row, Bytes::from(document)));
        }
        let writing: Vec<_> = queues.iter().map(|queue| queue.begin()).collect();
        let (seen, guard) = (Watermark::new(), Guard { bucket: BUCKET, key: name, value: row.kept.as_deref() });
        let written = self.store.write_where(guard, changes, &seen).await?.is_some();
        self.store.durable(&seen).await?;
        if written {
            writing.into_iter().for_each(|writing| writing.written(None, rows.iter().cloned()));
            self.row = Some(Row { kept: Some(kept), last: Some(to) });
            self.due = None;
        }
        Ok(written)
    }

    fn until_next(&self, now: Moment) -> Duration {
        let next = self.manifest.times.after(now.into());
        let wait = next.and_then(|next| next.duration_since(SystemTime::from(now)).ok());
        wait.map_or(LOOK, |wait| wait.min(LOOK))
    }

    /// Say once that it cannot emit.
    fn tell(&mut self, error: &NotEmitted) {
        if !std::mem::replace(&mut self.is_told, true) {
            let (schedule, error) = (&self.manifest.name, error as &dyn std::error::Error);
            tracing::warn!(schedule, error, "a schedule cannot emit, and tries again");
        }
    }
}

fn later(moment: Moment, by: Duration) -> Moment {
    Moment::from_millis(moment.millis().saturating_add(by.as_millis().try_into().unwrap_or(u64::MAX)))
}
