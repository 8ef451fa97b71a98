//! Delivers what waits for one subscriber.
//!
//! The store is the truth: rows are listed in the order in which they were put there, those
//! that are not durable yet among them, for what a delivery does comes after them in the same
//! log. Where a commit is lost all that is known here is thrown away, and read again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::{
    attempt::{Attempt, Ended},
    backlog::{Backlog, Place},
    bundle::{Bundle, Ends},
    error::EventError,
    kept::rows,
    record::Record,
    standing::Now,
    subscription::Subscription,
    tenure::Tenure,
};
use crate::{
    message::{Handed, Moment, RowKey, StableHash},
    service::Watermark,
    store::{BucketStore, Durability, Pages, StoreError},
};

pub use self::order::{Order, Reply};

mod order;

/// How often it looks whether what it has done is durable, while it does not know.
const SETTLE: Duration = Duration::from_millis(100);

/// How often it looks into the store, though nobody said that there is something: another
/// host may have put it there, or an app whose place this one took.
const POLL: Duration = Duration::from_secs(1);

/// How often it counts what waits, where other hosts put and take, too.
const COUNT: Duration = Duration::from_secs(30);

/// The most messages that are kept with their rows, and the most bytes of one. Others are read
/// from the store when their turn comes.
const MOST_DOCUMENTS: usize = 2048;
const LARGEST_DOCUMENT: usize = 4096;

/// The most pages that are read before deliveries are begun again.
const MOST_PAGES: usize = 8;

/// How long it waits with the next page while it has enough, but too few that may be
/// delivered now.
const UNHURRIED: Duration = Duration::from_millis(20);

/// How long it rests when the store has failed.
const UNWELL: Duration = Duration::from_secs(1);

/// The state of one subscriber's deliveries.
pub struct Dispatcher {
    subscription: Arc<Subscription>,
    orders: mpsc::UnboundedReceiver<Order>,
    backlog: Backlog,
    /// Of those that are tried again, what came of it before.
    records: HashMap<RowKey, Record>,
    running: JoinSet<(Result<Ends, StoreError>, Watermark)>,
    /// What was handed over with its row.
    documents: HashMap<RowKey, Bytes>,
    /// Which those are.
    on_delivery: HashSet<RowKey>,
    /// Behind which the store may have more.
    cursor: Place,
    more: bool,
    /// When a page was read last, and when the first one.
    read_at: Instant,
    begun_at: Instant,
    paused: bool,
    /// What is done and not known to be durable.
    unsettled: Watermark,
    /// When to see what has become of that, however busy it is.
    settle_at: Instant,
    /// When it looks into the store next, whatever comes between.
    look_at: Instant,
    /// When it counts what waits, where several hosts put and take.
    count_at: Instant,
    /// Whether it is this host that delivers; none where no other can.
    tenure: Option<Tenure>,
    /// For who looks.
    now: watch::Sender<Now>,
}

impl Dispatcher {
    /// One that has read nothing, and shows what it has in hand.
    pub fn new(
        subscription: Arc<Subscription>,
        orders: mpsc::UnboundedReceiver<Order>,
        now: watch::Sender<Now>,
    ) -> Dispatcher {
        let tenure = subscription.store.is_shared().then(|| Tenure::new(subscription.queue.bucket()));
        Dispatcher {
            subscription,
            orders,
            backlog: Backlog::default(),
            records: HashMap::new(),
            running: JoinSet::new(),
            documents: HashMap::new(),
            on_delivery: HashSet::new(),
            cursor: None,
            more: true,
            read_at: Instant::now(),
            begun_at: Instant::now(),
            paused: false,
            unsettled: Watermark::new(),
            settle_at: Instant::now(),
            look_at: Instant::now() + POLL,
            count_at: Instant::now() + COUNT,
            tenure,
            now,
        }
    }

    /// Deliver until told to stop.
    pub async fn run(mut self) {
        let mut failed = self.recall().await.err();
        loop {
            if let Some(error) = failed.take() {
                if self.rest(&error).await {
                    return;
                }
                failed = self.recall().await.err();
                if failed.is_some() {
                    continue;
                }
            }
            failed = self.keep_tenure().await.err();
            if failed.is_none() {
                failed = self.count().await.err();
            }
            if failed.is_none() && self.delivers() {
                failed = self.fill().await.err();
            }
            if failed.is_some() {
                continue;
            }
            self.begin();
            self.show();
            let due = self.due().filter(|_| self.may_begin());
            let beat = self.tenure.as_ref().map(Tenure::next);
            let (settling, reading) = (!self.unsettled.is_empty(), self.reads_at());
            let subscription = self.subscription.clone();
            tokio::select! {
                biased;
                order = self.orders.recv() => match order {
                    Some(Order::Stop(stopped)) => {
                        while self.running.join_next().await.is_some() {}
                        if let Some(tenure) = &mut self.tenure {
                            // Another takes over later, where this fails.
                            let _ = tenure.release(&*self.subscription.store).await;
                        }
                        let _ = stopped.send(());
                        return;
                    }
                    Some(order) => failed = self.follow(order).await.err(),
                    None => return,
                },
                () = sleep_until(self.settle_at), if settling => failed = self.settle().err(),
                Some(ended) = self.running.join_next() => failed = self.ended(ended).err(),
                () = subscription.queue.written() => self.take(),
                () = until(due) => {}
                // Before the beat, which comes as often and would be ready first each time.
                () = sleep_until(self.look_at) => {
                    self.more = true;
                    self.look_at = Instant::now() + POLL;
                }
                () = until(beat) => {}
                () = until(reading) => {}
            }
        }
    }

    /// Count anew what waits, once in a while, where other hosts put and take, too.
    async fn count(&mut self) -> Result<(), StoreError> {
        if self.tenure.is_none() || Instant::now() < self.count_at {
            return Ok(());
        }
        self.count_at = Instant::now() + COUNT;
        let Subscription { queue, store, .. } = &*self.subscription;
        queue.counted(rows_count(&**store, queue.bucket(), &Watermark::new()).await?);
        Ok(())
    }

    /// Whether this host delivers, as far as it knows.
    fn delivers(&self) -> bool {
        self.tenure.as_ref().is_none_or(Tenure::holds)
    }

    /// Say that this host goes on, or see whether another does.
    async fn keep_tenure(&mut self) -> Result<(), StoreError> {
        let Some(tenure) = self.tenure.as_mut().filter(|tenure| tenure.next() <= Instant::now()) else {
            return Ok(());
        };
        let (held, store) = (tenure.holds(), self.subscription.store.clone());
        let is_new = tenure.renew(&*store).await?;
        if is_new || held && !self.delivers() {
            // What is begun may come to nothing, and is waited for.
            while self.running.join_next().await.is_some() {}
            self.on_delivery.clear();
        }
        if is_new { self.recall().await } else { Ok(()) }
    }

    /// Read what came of attempts before.
    async fn recall(&mut self) -> Result<(), StoreError> {
        let Subscription { queue, store, retries, blocked, .. } = &*self.subscription.clone();
        let seen = Watermark::new();
        self.backlog = Backlog::default();
        (self.cursor, self.more) = (None, true);
        for row in rows(&**store, blocked, &seen).await? {
            self.backlog.found_blocked(row);
        }
        self.records.clear();
        self.documents.clear();
        for row in rows(&**store, retries, &seen).await? {
            let Some(kept) = store.get(retries, &row.to_string(), &seen).await? else { continue };
            let Ok(record) = Record::read(&kept) else { continue };
            self.backlog.found_retried(row, instant(record.due));
            self.records.insert(row, record);
        }
        let waiting = rows_count(&**store, queue.bucket(), &seen).await?;
        queue.counted(waiting);
        self.unsettled.include(&seen);
        match self.look().await {
            Err(EventError::Store(error)) => Err(error),
            _ => Ok(()),
        }
    }

    /// Read more rows, if there may be and few are at hand.
    async fn fill(&mut self) -> Result<(), StoreError> {
        while let Some((hash, place)) = self.backlog.dry() {
            self.catch_up(hash, place).await?;
        }
        let Subscription { queue, store, .. } = &*self.subscription.clone();
        // Where several hosts write, a row may come behind those that were read. If all that are
        // known wait for something, they are read anew the more seldom the more they are.
        let is_idle = self.running.is_empty()
            && self.backlog.ready() == 0
            && self.begun_at + Duration::from_millis(queue.waiting()) <= Instant::now();
        if self.tenure.is_some() && self.more && (self.backlog.knows_none() || is_idle) {
            (self.cursor, self.begun_at) = (None, Instant::now());
        }
        if !self.more {
            return Ok(());
        }
        // What was handed over by now is in the store, in its place among all.
        queue.discard();
        for _ in 0..MOST_PAGES {
            if !self.reads_now() {
                break;
            }
            if self.backlog.is_full() {
                self.backlog.make_room();
            }
            let seen = Watermark::new();
            let page = store.list_keys(queue.bucket(), self.cursor, &seen).await?;
            self.unsettled.include(&seen);
            let mut passed = 0;
            for key in &page.keys {
                if self.backlog.is_full() {
                    break;
                }
                passed += 1;
                // What is no row of ours is nobody's to deliver.
                if let Ok(row) = key.parse() {
                    self.backlog.found(row, self.cursor);
                }
            }
            self.read_at = Instant::now();
            match page.cursor {
                _ if passed < page.keys.len() => break,
                Some(cursor) => self.cursor = Some(cursor),
                None => self.more = false,
            }
        }
        // Whoever counted may have missed one that came meanwhile, and counted one twice.
        if !self.more && self.backlog.is_empty() {
            queue.counted(0);
        }
        Ok(())
    }

    /// When to read on, if at all. With enough at hand it does not, unless there are too few
    /// among them that may be delivered now; then once in a while, so that they cost no page
    /// each.
    fn reads_at(&self) -> Option<Instant> {
        if !self.more || !self.delivers() {
            return None;
        }
        let most = self.subscription.most_bundles() * self.subscription.most_bundled();
        let is_short = self.on_delivery.len() + self.backlog.ready() < most;
        match (self.backlog.has_enough(), is_short) {
            (false, _) => Some(self.read_at),
            (true, true) => Some(self.read_at + UNHURRIED),
            (true, false) => None,
        }
    }

    fn reads_now(&self) -> bool {
        self.reads_at().is_some_and(|at| at <= Instant::now())
    }

    /// Find the next of a lane, from a place on, among what was read before.
    async fn catch_up(&mut self, hash: StableHash, mut place: Place) -> Result<(), StoreError> {
        let Subscription { queue, store, .. } = &*self.subscription.clone();
        let (room, mut rows) = (self.backlog.room_for_dry(), Vec::new());
        loop {
            // What comes behind the cursor is found when it moves on.
            let is_last = self.more && place >= self.cursor;
            if is_last || rows.len() >= room {
                self.backlog.catch_up(hash, rows, (!is_last).then_some(place));
                return Ok(());
            }
            let seen = Watermark::new();
            let page = store.list_keys(queue.bucket(), place, &seen).await?;
            self.unsettled.include(&seen);
            let of_lane = page.keys.iter().filter_map(|key| key.parse::<RowKey>().ok());
            rows.extend(of_lane.filter(|row| row.hash == Some(hash) && !self.backlog.knows(*row)));
            match page.cursor {
                Some(cursor) => place = Some(cursor),
                None => {
                    self.backlog.catch_up(hash, rows, None);
                    return Ok(());
                }
            }
        }
    }

    /// Take what was handed over since all that the store has was known. Some of it may have
    /// been read there all the same, and be delivered by now: then nothing comes of another
    /// attempt, for its row is gone.
    fn take(&mut self) {
        if self.more {
            return;
        }
        let handed = self.subscription.queue.take();
        self.more = handed.is_none();
        for Handed { row, document, .. } in handed.into_iter().flatten() {
            if self.backlog.is_full() {
                // The store has it, and those behind it.
                self.more = true;
                return;
            }
            if self.documents.len() >= MOST_DOCUMENTS {
                self.documents.retain(|row, _| self.backlog.knows(*row));
            }
            let is_kept = self.documents.len() < MOST_DOCUMENTS && document.len() <= LARGEST_DOCUMENT;
            if self.backlog.found(row, self.cursor) && is_kept {
                self.documents.insert(row, document);
            }
        }
    }

    /// Begin as many deliveries as may be.
    fn begin(&mut self) {
        self.backlog.is_now(Moment::now());
        while self.may_begin() {
            let most = self.subscription.most_bundled();
            let attempts: Vec<_> = std::iter::from_fn(|| self.next()).take(most).collect();
            if attempts.is_empty() {
                return;
            }
            let bundle = Bundle { subscription: self.subscription.clone(), attempts };
            // Each rests on the end of the one before it of its key, which may be lost.
            let seen = Watermark::new();
            seen.include(&self.unsettled);
            self.running.spawn(async move { (bundle.make(&seen).await, seen) });
        }
    }

    fn may_begin(&self) -> bool {
        !self.paused && self.delivers() && self.running.len() < self.subscription.most_bundles()
    }

    /// The next to attempt, which is on delivery from now on.
    fn next(&mut self) -> Option<Attempt> {
        let row = self.backlog.next(Instant::now())?;
        let (document, before) = (self.documents.remove(&row), self.records.get(&row).cloned());
        self.on_delivery.insert(row);
        Some(Attempt { subscription: self.subscription.clone(), row, document, before })
    }

    fn ended(&mut self, ended: Result<(Result<Ends, StoreError>, Watermark), JoinError>) -> Result<(), StoreError> {
        // Where it has panicked they are read again, and tried again.
        let (ends, seen) = ended.map_err(|panicked| StoreError::engine("deliver an event", panicked))?;
        self.unsettled.include(&seen);
        ends?.into_iter().for_each(|(row, ended)| self.conclude(row, ended));
        Ok(())
    }

    fn conclude(&mut self, row: RowKey, ended: Ended) {
        self.on_delivery.remove(&row);
        match ended {
            Ended::Done | Ended::SetAside => {
                self.records.remove(&row);
                self.backlog.ended(row);
            }
            Ended::NotBegun => self.backlog.again(row, Instant::now() + SETTLE),
            Ended::TooEarly(time) => self.backlog.too_early(row, time),
            Ended::Retried(record) => {
                self.backlog.again(row, instant(record.due));
                self.records.insert(row, record);
            }
            Ended::Blocked => {
                self.records.remove(&row);
                self.backlog.blocked(row);
            }
        }
    }

    /// When the next that waits for something may be delivered.
    fn due(&self) -> Option<Instant> {
        let first = self.backlog.first_time().map(|time| instant(Some(time)));
        self.backlog.due().into_iter().chain(first).min()
    }

    fn show(&self) {
        let (running, retrying, later) = (self.on_delivery.len(), self.records.len(), self.backlog.later());
        self.now.send_replace(Now { delivers: self.delivers(), running, retrying, later, due: self.due() });
    }

    /// See what has become of what was done.
    fn settle(&mut self) -> Result<(), StoreError> {
        self.settle_at = Instant::now() + SETTLE;
        match self.subscription.store.durability(&self.unsettled) {
            Durability::Pending => Ok(()),
            Durability::Durable => {
                self.unsettled = Watermark::new();
                Ok(())
            }
            Durability::Lost => {
                self.unsettled = Watermark::new();
                Err(StoreError::lost())
            }
        }
    }

    /// Wait until the store may have recovered. What goes on is given up: what it did is in
    /// the store, or never was. Whether it was told to stop.
    async fn rest(&mut self, failed: &StoreError) -> bool {
        {
            let (queue, error) = (&self.subscription.queue, failed as &dyn std::error::Error);
            tracing::warn!(service = queue.subscriber(), event = queue.event(), error, "deliveries wait for the store");
        }
        while self.running.join_next().await.is_some() {}
        self.on_delivery.clear();
        // All is read again, and what is read then is what the next deliveries rest on.
        self.unsettled = Watermark::new();
        let end = Instant::now() + UNWELL;
        loop {
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some(Order::Stop(stopped)) => {
                        let _ = stopped.send(());
                        return true;
                    }
                    Some(order) => order.refuse(failed),
                    None => return true,
                },
                () = sleep_until(end) => return false,
            }
        }
    }
}

async fn rows_count(store: &dyn BucketStore, bucket: &str, seen: &Watermark) -> Result<u64, StoreError> {
    let (mut count, mut pages) = (0, Pages::of(store, bucket));
    while let Some(keys) = pages.next(seen).await? {
        count += keys.len() as u64;
    }
    Ok(count)
}

/// When a moment comes by the clock that does not jump.
fn instant(moment: Option<Moment>) -> Instant {
    let wait = moment.and_then(|moment| SystemTime::from(moment).duration_since(SystemTime::now()).ok());
    Instant::now() + wait.unwrap_or_default()
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}
