//! Events: messages that wait in the store, on their way to those who subscribe to them.
//!
//! `link` leaves a message where a component calls an event; here each subscriber has a
//! [`dispatcher`] that calls its export for it, again if that fails, and parks what it cannot
//! take. The invariant: a message is in the store until all that its delivery did is there in
//! its place, by one entry of the log ([`attempt`]). Of one key one is delivered at a time, in
//! the order in which they were emitted ([`backlog`]).
//!
//! Left to others: what a message is (`message`), calls (`service`), and what people see of
//! this (`admin`, `cli`).

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};

use self::dispatcher::{Dispatcher, Order};
pub use self::subscription::Subscription;
use crate::app::App;

mod attempt;
mod backlog;
mod dispatcher;
mod record;
mod subscription;

/// The deliveries of an app.
#[derive(Default)]
pub struct Events {
    /// Protects who delivers, replaced whole.
    delivering: Mutex<Vec<Delivering>>,
}

/// A dispatcher that runs.
struct Delivering {
    orders: mpsc::UnboundedSender<Order>,
}

impl Events {
    /// Deliver what waits in an app.
    pub fn start(app: &App) -> Events {
        let events = Events::default();
        events.deliver(app);
        events
    }

    /// Deliver for this app what was delivered for another, whose last deliveries end first.
    pub async fn hand_over(&self, app: &Arc<App>) {
        self.stop().await;
        self.deliver(app);
    }

    /// Begin no delivery any more, and wait for those that are begun.
    pub async fn stop(&self) {
        let delivering = std::mem::take(&mut *self.delivering.lock().unwrap_or_else(PoisonError::into_inner));
        let mut stopping = Vec::new();
        for Delivering { orders } in &delivering {
            let (stopped, stop) = oneshot::channel();
            if orders.send(Order::Stop(stopped)).is_ok() {
                stopping.push(stop);
            }
        }
        for stop in stopping {
            let _ = stop.await;
        }
    }

    fn deliver(&self, app: &App) {
        let delivering = Subscription::all(app).into_iter().map(|subscription| {
            let (orders, received) = mpsc::unbounded_channel();
            tokio::spawn(Dispatcher::new(subscription, received).run());
            Delivering { orders }
        });
        let delivering = delivering.collect();
        *self.delivering.lock().unwrap_or_else(PoisonError::into_inner) = delivering;
    }
}
