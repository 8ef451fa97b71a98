//! An instance of WASI 0.3, which runs in a task of its own.
//!
//! wasmtime cancels nothing that runs in a store with concurrency but by dropping
//! the store. So a task owns it and runs its event loop ([`driver`]), calls come to
//! it as orders through a channel, and whoever has no more use for the instance
//! ends the task. A call is bounded from outside: a timeout of the event loop's own
//! might not fire.
//!
//! A call has a [`Place`]. An instance has `limits.concurrency` of them, which the
//! pool hands out one by one. When a call fails or is given up its instance takes
//! no others ([`Register`]), and is dropped when those that it serves have ended.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use http::Request;
use http_body::Body;
use http_body_util::BodyExt;
use tokio::{
    sync::{mpsc, oneshot},
    task::AbortHandle,
};
use wasmtime::{
    Result,
    component::{ComponentExportIndex, Val},
    format_err,
};

use self::{
    driver::{Guest, Order, Work, drive},
    register::{End, Register},
};
pub(in crate::service) use self::{handler::Http, room::Room};
use super::Reply;
use crate::capability::{delivery::Delivery, identity::Identity, output_commit::Watermark, settings::Told, unit::Unit};

mod body;
mod driver;
mod handler;
mod order;
mod register;
mod room;

/// A place for one call at an instance.
pub struct Place {
    driver: Arc<Driver>,
    /// The deadline of the call that has it.
    taken: Option<Instant>,
    /// Whether the call that had it left nothing open.
    clean: bool,
    /// What must be durable before anybody is told of the call, or of one beside it.
    pub(super) seen: Arc<Watermark>,
    /// What the call keeps until it ends, or the last one did; none if its service is not
    /// atomic.
    pub(super) unit: Option<Arc<Unit>>,
    /// The delivery that the call is, or was made in.
    pub(super) delivery: Option<Arc<Delivery>>,
    /// For whom the call is.
    pub(super) identity: Option<Arc<Identity>>,
}

/// What reaches the task of an instance.
struct Driver {
    orders: mpsc::UnboundedSender<Order>,
    register: Arc<Register>,
    told: Told,
    task: AbortHandle,
}

impl Place {
    /// The places at an instance that was just made, all free: one, and so many
    /// more that there are `places`.
    fn of(guest: Guest, places: u32) -> (Place, impl Iterator<Item = Place>) {
        let register = Arc::new(Register::new(guest.store.data().output_commit()));
        let told = guest.store.data().told.clone();
        let (orders, received) = mpsc::unbounded_channel();
        let task = tokio::spawn(drive(guest, received, register.clone())).abort_handle();
        let driver = Arc::new(Driver { orders, register, told, task });
        let free = move || Place {
            driver: driver.clone(),
            taken: None,
            clean: true,
            seen: Arc::default(),
            unit: None,
            delivery: None,
            identity: None,
        };
        (free(), (1..places).map(move |_| free()))
    }

    pub(super) fn begin(&mut self, deadline: Instant) -> bool {
        let unit = self.unit.take();
        (self.delivery, self.identity) = (None, None);
        if unit.as_ref().is_some_and(|unit| unit.seen().is_none()) {
            return false;
        }
        let begun = self.driver.register.begin();
        self.taken = begun.is_some().then_some(deadline);
        if let Some(seen) = begun {
            unit.iter().filter_map(|unit| unit.seen()).for_each(|units| seen.include(units));
            self.seen = seen;
        }
        self.taken.is_some()
    }

    pub(super) fn told(&self) -> &Told {
        &self.driver.told
    }

    pub(super) fn is_pending(&self) -> bool {
        self.driver.register.is_pending()
    }

    pub(super) fn end(&mut self, reuse: u32) -> bool {
        let reusable = self.clean && self.driver.register.served() < reuse;
        if reusable {
            self.leave();
        }
        reusable
    }

    pub(super) fn refused_memory(&mut self) -> Option<u64> {
        self.driver.register.refused()
    }

    pub(super) async fn invoke(
        &mut self,
        export: &ComponentExportIndex,
        params: &[Val],
        results: &mut [Val],
    ) -> Result<()> {
        let (sender, receiver) = oneshot::channel();
        let (export, params) = (*export, params.to_vec());
        self.order(Work::Invoke { export, params, count: results.len(), results: sender }).await?;
        let found = receiver.await.map_err(|_| gone())?;
        for (result, found) in results.iter_mut().zip(found) {
            *result = found;
        }
        Ok(())
    }

    pub(super) async fn handle<B>(&mut self, request: Request<B>, reply: oneshot::Sender<Reply>) -> Result<()>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<wasmtime_wasi_http::Error>,
    {
        let request = request.map(|body| body.map_err(Into::into).boxed_unsync());
        self.order(Work::Handle { request, reply }).await
    }

    /// Have the instance do something, up to its end.
    async fn order(&mut self, work: Work) -> Result<()> {
        let deadline = self.taken.ok_or_else(gone)?;
        let (ended, end) = oneshot::channel();
        let (seen, unit, delivery) = (self.seen.clone(), self.unit.clone(), self.delivery.clone());
        let identity = self.identity.clone();
        self.driver.orders.send(Order { deadline, seen, unit, delivery, identity, work, ended }).map_err(|_| gone())?;
        let End { clean, answer } = end.await.map_err(|_| gone())??;
        self.clean = clean;
        if let Some((reply, answer)) = answer {
            let _ = reply.send(answer);
        }
        Ok(())
    }

    fn leave(&mut self) {
        if self.taken.take().is_some() && self.driver.register.leave() {
            self.driver.task.abort();
        }
    }
}

impl Drop for Place {
    /// A place is given back to the pool; one that is dropped instead ends its
    /// instance, for the call that has it failed or was given up, or the pool itself
    /// is gone.
    fn drop(&mut self) {
        if self.driver.register.retire() {
            self.driver.task.abort();
        }
        self.leave();
    }
}

fn gone() -> wasmtime::Error {
    format_err!("its instance ended before the call did")
}
