//! Events: messages that wait in the store, on their way to those who subscribe to them.
//!
//! `link` leaves a message where a component calls an event; here each subscriber has a
//! [`dispatcher`] that calls its export for it, again if that fails, and parks what it cannot
//! take. The invariant: a message is in the store until all that its delivery did is there in
//! its place, by one entry of the log ([`attempt`]). Of one key one is delivered at a time, in
//! the order in which they were emitted ([`backlog`]). Time, too, leaves messages ([`schedule`]),
//! and brokers bring those of others ([`intake`]).
//!
//! People see what waits as it is in the store ([`Standing`], [`Listing`], [`Kept`]), and have
//! something done by an order to a dispatcher, so that it never races with a delivery.
//!
//! Left to others: what a message is (`message`), calls (`service`), and how people ask for
//! this (`admin`, `cli`).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
};

pub use self::{
    cleared::Cleared,
    error::EventError,
    kept::{Kept, State, Told, raw},
    listing::{Listing, Place},
    record::{Record, Why},
    roster::NotDeliverable,
    standing::Standing,
    subscription::Subscription,
    upcoming::Upcoming,
};
use self::{
    dispatcher::{Dispatcher, Order, Reply},
    intake::Intake,
    kept::rows,
    schedule::Schedule,
    standing::Now,
    subscription::PAUSED,
};
use crate::{
    app::App,
    message::{MessageId, Moment, RowKey},
    service::Watermark,
    store::{BucketStore, StoreError},
};

mod attempt;
mod backlog;
mod bundle;
mod cleared;
mod dispatcher;
mod error;
mod intake;
mod kept;
mod line;
mod listing;
mod record;
mod roster;
mod schedule;
mod standing;
mod subscription;
mod tenure;
mod upcoming;

/// The deliveries of an app.
#[derive(Default)]
pub struct Events {
    /// Protects who delivers, replaced whole.
    delivering: Mutex<Vec<Delivering>>,
    /// Held by whoever puts others in their place, across awaits: those who do it one after
    /// the other end in that order. True when nobody is to come any more.
    turn: tokio::sync::Mutex<bool>,
    /// Protects the schedules and intakes that run, replaced whole.
    sources: Mutex<Vec<JoinHandle<()>>>,
}

/// A dispatcher, which may have ended.
#[derive(Clone)]
struct Delivering {
    subscription: Arc<Subscription>,
    orders: mpsc::UnboundedSender<Order>,
    now: watch::Receiver<Now>,
}

impl Events {
    /// Deliver what waits in an app, unless that is not what its subscribers take.
    pub async fn start(app: &Arc<App>) -> Result<Events, NotDeliverable> {
        let (events, all) = (Events::default(), Subscription::all(app));
        roster::note(&all, app.store()).await?;
        events.deliver(app, all);
        Ok(events)
    }

    /// Deliver for this app what was delivered for another, whose last deliveries end first.
    pub async fn hand_over(&self, app: &Arc<App>) {
        let is_over = self.turn.lock().await;
        if *is_over {
            return;
        }
        self.halt().await;
        let all = Subscription::all(app);
        if let Err(error) = roster::note(&all, app.store()).await {
            // The app serves. What it cannot take is parked, and says why.
            tracing::error!(error = &error as &dyn std::error::Error, "some of what waits cannot be delivered");
        }
        self.deliver(app, all);
    }

    /// Begin no delivery any more, and wait for those that are begun.
    pub async fn stop(&self) {
        let mut is_over = self.turn.lock().await;
        *is_over = true;
        self.halt().await;
    }

    async fn halt(&self) {
        let sources = std::mem::take(&mut *self.sources());
        for source in sources {
            // What it writes is written whole or not at all.
            source.abort();
            let _ = source.await;
        }
        let delivering = self.delivering().clone();
        let mut stopping = Vec::new();
        for Delivering { orders, .. } in &delivering {
            let (stopped, stop) = oneshot::channel();
            if orders.send(Order::Stop(stopped)).is_ok() {
                stopping.push(stop);
            }
        }
        for stop in stopping {
            let _ = stop.await;
        }
    }

    /// How every queue stands, in the order of the manifest.
    pub async fn standings(&self) -> Result<Vec<Standing>, EventError> {
        let (mut standings, all) = (Vec::new(), self.delivering().clone());
        for Delivering { subscription, now, .. } in all {
            let (seen, now) = (Watermark::new(), *now.borrow());
            standings.push(Standing::of(&subscription, now, &seen).await?);
            subscription.store.durable(&seen).await?;
        }
        Ok(standings)
    }

    /// A page of what waits for a subscriber; of this event alone, or of the parked ones
    /// alone, if asked to.
    pub async fn messages(
        &self,
        subscriber: &str,
        event: Option<&str>,
        from: Place,
        only_parked: bool,
    ) -> Result<Listing, EventError> {
        let of: Vec<_> = self.of(subscriber)?.into_iter().map(|delivering| delivering.subscription).collect();
        let of: Vec<_> = of.into_iter().filter(|it| event.is_none_or(|event| event == it.queue.event())).collect();
        let seen = Watermark::new();
        let listing = Listing::read(&of, from, only_parked, &seen).await?;
        if let Some(subscription) = of.first() {
            subscription.store.durable(&seen).await?;
        }
        Ok(listing)
    }

    /// One message for a subscriber, and its event.
    pub async fn message(&self, subscriber: &str, id: MessageId) -> Result<(String, Kept), EventError> {
        let (delivering, kept) = self.find(subscriber, id).await?;
        Ok((delivering.subscription.queue.event().to_owned(), kept))
    }

    /// Try one again that failed, now or as soon as its turn comes. The answer is what it was
    /// before.
    pub async fn retry(&self, subscriber: &str, id: MessageId) -> Result<Told, EventError> {
        self.steer(subscriber, id, Order::Retry).await
    }

    /// Forget one. The answer is what it was.
    pub async fn remove(&self, subscriber: &str, id: MessageId) -> Result<Told, EventError> {
        self.steer(subscriber, id, Order::Remove).await
    }

    /// Forget all that waits for a subscriber and is parked, but for what is being delivered; in
    /// this store for one that subscribes no more.
    pub async fn clear(&self, store: &dyn BucketStore, subscriber: &str) -> Result<Cleared, EventError> {
        // Nobody is to be delivered meanwhile what is dropped here.
        let _turn = self.turn.lock().await;
        let Ok(of) = self.of(subscriber) else { return Cleared::in_store(store, subscriber).await };
        let mut cleared = Cleared::default();
        for delivering in of {
            delivering.clear(&mut cleared).await?;
        }
        Ok(cleared)
    }

    /// Begin no delivery to a subscriber from now on, over restarts, or begin them again. What
    /// is begun goes on.
    pub async fn pause(&self, subscriber: &str, paused: bool) -> Result<(), EventError> {
        for delivering in self.of(subscriber)? {
            let (store, seen, name) = (&delivering.subscription.store, Watermark::new(), subscriber.to_owned());
            match paused {
                true => store.set(PAUSED, name, Moment::now().to_string().into_bytes(), &seen).await?,
                false => store.delete(PAUSED, name, &seen).await?,
            }
            store.durable(&seen).await?;
            delivering.order(Order::Look).await?;
        }
        Ok(())
    }

    async fn steer(
        &self,
        subscriber: &str,
        id: MessageId,
        order: impl FnOnce(RowKey, Reply) -> Order,
    ) -> Result<Told, EventError> {
        let (delivering, kept) = self.find(subscriber, id).await?;
        delivering.order(|reply| order(kept.row, reply)).await?;
        Ok(kept.told(delivering.subscription.queue.event()))
    }

    async fn find(&self, subscriber: &str, id: MessageId) -> Result<(Delivering, Kept), EventError> {
        for delivering in self.of(subscriber)? {
            let (seen, subscription) = (Watermark::new(), &delivering.subscription);
            if let Some(kept) = Kept::find(subscription, id, &seen).await? {
                subscription.store.durable(&seen).await?;
                return Ok((delivering, kept));
            }
        }
        Err(EventError::NoMessage { id, subscriber: subscriber.to_owned() })
    }

    /// What is delivered to a subscriber.
    fn of(&self, subscriber: &str) -> Result<Vec<Delivering>, EventError> {
        let all = self.delivering().clone();
        let name = |delivering: &Delivering| delivering.subscription.queue.subscriber().to_owned();
        let of: Vec<_> = all.iter().filter(|delivering| name(delivering) == subscriber).cloned().collect();
        if !of.is_empty() {
            return Ok(of);
        }
        let mut there_are: Vec<_> = all.iter().map(name).collect();
        there_are.sort();
        there_are.dedup();
        Err(EventError::NoSubscriber { name: subscriber.to_owned(), there_are })
    }

    fn deliver(&self, app: &Arc<App>, all: Vec<Arc<Subscription>>) {
        let schedules = Schedule::all(app).into_iter().map(|schedule| tokio::spawn(schedule.run()));
        let mut sources: Vec<_> = schedules.collect();
        let delivering = all.into_iter().map(|subscription| {
            let (orders, received) = mpsc::unbounded_channel();
            let (shown, now) = watch::channel(Now::default());
            tokio::spawn(Dispatcher::new(subscription.clone(), received, shown).run());
            if subscription.from.is_some() {
                sources.push(tokio::spawn(Intake::new(subscription.clone(), now.clone()).run()));
            }
            Delivering { subscription, orders, now }
        });
        *self.delivering() = delivering.collect();
        *self.sources() = sources;
    }

    fn sources(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // Nothing is left half changed by a panic: it is replaced whole.
    fn delivering(&self) -> MutexGuard<'_, Vec<Delivering>> {
        self.delivering.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Delivering {
    /// Have something done, and wait until that is durable.
    async fn order(&self, order: impl FnOnce(Reply) -> Order) -> Result<(), EventError> {
        let seen = self.begin(order).await?;
        self.subscription.store.durable(&seen).await.map_err(StoreError::into)
    }

    /// Have something done. The answer is what has to be durable for it to be so.
    async fn begin(&self, order: impl FnOnce(Reply) -> Order) -> Result<Watermark, EventError> {
        let (reply, replied) = oneshot::channel();
        self.orders.send(order(reply)).map_err(|_| EventError::Over)?;
        replied.await.map_err(|_| EventError::Over)?
    }

    /// Have all removed that is there now, and count it.
    async fn clear(&self, cleared: &mut Cleared) -> Result<(), EventError> {
        let (Subscription { store, queue, parked, .. }, seen) = (&*self.subscription, Watermark::new());
        for bucket in [queue.bucket(), parked] {
            for row in rows(&**store, bucket, &seen).await? {
                match self.begin(|reply| Order::Remove(row, reply)).await {
                    Ok(removed) => {
                        seen.include(&removed);
                        cleared.dropped += 1;
                    }
                    Err(EventError::OnDelivery(_)) => cleared.on_delivery += 1,
                    // It was delivered meanwhile, or somebody else was faster.
                    Err(EventError::NoMessage { .. }) => {}
                    Err(failed) => return Err(failed),
                }
            }
        }
        store.durable(&seen).await.map_err(StoreError::into)
    }
}
