//! One instantiated component, as a call finds it.
//!
//! There are two kinds, behind one interface. An instance of WASI 0.2 is called
//! where the call is: it belongs to the lease, and ends with it ([`reused`]). One
//! of WASI 0.3 runs in a task of its own, and a call has a place there
//! ([`concurrent`]).

use std::{collections::HashMap, sync::Arc, time::Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tokio::sync::oneshot;
use wasmtime::{
    Result,
    component::{ComponentExportIndex, Val},
};
use wasmtime_wasi_http::p2::{bindings::http::types::ErrorCode, body::HyperOutgoingBody};

use crate::capability::{delivery::Delivery, identity::Identity, output_commit::Watermark, unit::Unit};

pub(super) use self::{
    concurrent::{Http, Place, Room},
    reused::Reused,
};

mod concurrent;
mod reused;

/// What a component answers a request with.
pub type Reply = Result<Response<HyperOutgoingBody>, ErrorCode>;

/// The exports that links call, by [`crate::link::export_key`].
pub type Exports = Arc<HashMap<String, ComponentExportIndex>>;

/// What serves a call.
pub enum Instance {
    /// An instance that serves nobody else meanwhile.
    Reused(Reused),
    /// A place in one that may.
    Concurrent(Place),
}

impl Instance {
    /// Make an idle instance ready for its next call, or say that it serves no more: neither does
    /// one that was told what is no longer so.
    pub(super) fn begin(&mut self, deadline: Instant) -> bool {
        match self {
            Instance::Reused(instance) => !instance.told().is_outdated() && instance.begin(deadline),
            Instance::Concurrent(place) => !place.told().is_outdated() && place.begin(deadline),
        }
    }

    /// Keep what the call writes in this unit, if its service is atomic, and tell it that it
    /// is of this delivery, and for whom.
    pub(super) fn work_in(
        &mut self,
        unit: Option<Arc<Unit>>,
        delivery: Option<Arc<Delivery>>,
        identity: Option<Arc<Identity>>,
    ) {
        match self {
            Instance::Reused(instance) => instance.work_in(unit, delivery, identity),
            Instance::Concurrent(place) => (place.unit, place.delivery, place.identity) = (unit, delivery, identity),
        }
    }

    /// Know nothing more of the unit of a call that ended: nothing of it is in memory.
    pub(super) fn forget_unit(&mut self) {
        match self {
            Instance::Reused(instance) => instance.forget_unit(),
            Instance::Concurrent(place) => place.unit = None,
        }
    }

    /// Whether it may remember what its last call wrote for a caller that goes on, and may
    /// yet leave nothing of it.
    pub(super) fn is_undecided(&self) -> bool {
        let unit = match self {
            Instance::Reused(instance) => instance.unit(),
            Instance::Concurrent(place) => place.unit.as_deref(),
        };
        unit.is_some_and(|unit| unit.seen().is_none())
    }

    /// Whether its next call would wait for what the one before has seen.
    pub(super) fn is_pending(&self) -> bool {
        match self {
            Instance::Reused(instance) => instance.is_pending(),
            Instance::Concurrent(place) => place.is_pending(),
        }
    }

    /// What must be durable before anybody is told of its call.
    pub(super) fn seen(&self) -> &Arc<Watermark> {
        match self {
            Instance::Reused(instance) => instance.seen(),
            Instance::Concurrent(place) => &place.seen,
        }
    }

    /// The call ended well. Whether the instance may serve another one, where
    /// `reuse` is how many it may serve at most.
    pub(super) fn end(&mut self, reuse: u32) -> bool {
        match self {
            Instance::Reused(instance) => instance.is_reusable(reuse),
            Instance::Concurrent(place) => place.end(reuse),
        }
    }

    /// Bytes of memory that were refused during the call.
    pub(super) fn refused_memory(&mut self) -> Option<u64> {
        match self {
            Instance::Reused(instance) => instance.refused_memory(),
            Instance::Concurrent(place) => place.refused_memory(),
        }
    }

    /// Call an exported function.
    pub(super) async fn invoke(
        &mut self,
        export: &ComponentExportIndex,
        params: &[Val],
        results: &mut [Val],
    ) -> Result<()> {
        match self {
            Instance::Reused(instance) => instance.invoke(export, params, results).await,
            Instance::Concurrent(place) => place.invoke(export, params, results).await,
        }
    }

    /// Run the component's HTTP handler. It answers through `reply`, maybe long
    /// before this returns.
    pub(super) async fn handle<B>(&mut self, request: Request<B>, reply: oneshot::Sender<Reply>) -> Result<()>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<wasmtime_wasi_http::Error>,
    {
        match self {
            Instance::Reused(instance) => instance.handle(request, reply).await,
            Instance::Concurrent(place) => place.handle(request, reply).await,
        }
    }
}
