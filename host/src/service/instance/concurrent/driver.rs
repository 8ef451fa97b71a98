//! The task of an instance: it owns the store and runs its event loop.

use std::{sync::Arc, time::Instant};

use http::Request;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use wasmtime::{
    AsContextMut, Store,
    component::{self, ComponentExportIndex, Val},
};
use wasmtime_wasi_http::WasiBody;

use super::{
    super::Reply,
    handler::Http,
    order::Serve,
    register::{Ended, Register},
};
use crate::{
    capability::{delivery::Delivery, identity::Identity, output_commit::Watermark, unit::Unit},
    service::state::State,
};

/// What an instance is to do for a call.
pub struct Order {
    /// When the call must have ended.
    pub deadline: Instant,
    /// What must be durable before anybody is told of it.
    pub seen: Arc<Watermark>,
    /// What it keeps until it ends; none if its service is not atomic.
    pub unit: Option<Arc<Unit>>,
    /// The delivery that it is, or was made in.
    pub delivery: Option<Arc<Delivery>>,
    /// For whom it is.
    pub identity: Option<Arc<Identity>>,
    /// What it is.
    pub work: Work,
    /// Told of its end.
    pub ended: Ended,
}

/// What an instance can do.
pub enum Work {
    /// Call an export with plain values.
    Invoke {
        /// The function.
        export: ComponentExportIndex,
        /// What it is called with.
        params: Vec<Val>,
        /// How many results it has.
        count: usize,
        /// Where they go.
        results: oneshot::Sender<Vec<Val>>,
    },
    /// Answer a request.
    Handle {
        /// The request.
        request: Request<WasiBody>,
        /// Where the response goes.
        reply: oneshot::Sender<Reply>,
    },
}

/// An instance in its store. Dropped in this order: when another may be made in its
/// place the store is gone.
pub struct Guest {
    /// Where it lives.
    pub store: Store<State>,
    /// What is called.
    pub exports: Arc<Exported>,
    /// One of the instances that there may be.
    pub _permit: OwnedSemaphorePermit,
}

/// What of an instance is called.
pub struct Exported {
    /// The instance.
    pub instance: component::Instance,
    /// Its HTTP handler.
    pub http: Option<Http>,
    /// Whether it serves one call at a time.
    pub alone: bool,
}

/// Serve orders until this is aborted or the instance fails.
pub async fn drive(mut guest: Guest, mut orders: mpsc::UnboundedReceiver<Order>, register: Arc<Register>) {
    let exports = &guest.exports;
    let ran = guest.store.run_concurrent(async |accessor| {
        while let Some(Order { deadline, seen, unit, delivery, identity, work, ended }) = orders.recv().await {
            let (others, number) = (register.served_now(), register.enter(ended));
            accessor.with(|mut access| {
                let mut store = access.as_context_mut();
                match others {
                    0 => store.data_mut().begin(deadline, &seen),
                    _ => store.data_mut().join(deadline, &seen),
                }
                let state = store.data_mut();
                (state.unit, state.delivery, state.identity) = (unit, delivery, identity);
                store.set_epoch_deadline(1);
            });
            accessor.spawn(Serve { number, work, exports: exports.clone(), register: register.clone() })?;
        }
        Ok(())
    });
    let Err(error) = ran.await.flatten() else { return };
    let refused = guest.store.data_mut().memory.take_refused();
    let over = register.fail(error, refused);
    // What was ordered meanwhile learns that the instance is gone.
    orders.close();
    while orders.try_recv().is_ok() {}
    if !over {
        // The store is dropped after its calls know how they ended: a body of its
        // is then never taken for whole. The last of them aborts this task.
        std::future::pending::<()>().await;
    }
}
