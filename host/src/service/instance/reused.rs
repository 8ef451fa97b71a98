//! An instance that serves one call at a time, where the call is: no task, no
//! channel. Dropped with its call, it is gone at once.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use http::Request;
use http_body::Body;
use tokio::sync::oneshot;
use wasmtime::{
    Result, Store,
    component::{self, ComponentExportIndex, Val},
    format_err,
};
use wasmtime_wasi_http::{
    WasiHttpView,
    p2::bindings::{Proxy, http::types::Scheme},
};

use super::{
    super::{over_tls::came_over_tls, state::State},
    Reply,
};
use crate::capability::{
    delivery::Delivery,
    identity::Identity,
    output_commit::{OutputCommit, Watermark},
    settings::Told,
    unit::Unit,
};

/// An instance serves one call at a time, up to `limits.reuse` of them.
pub struct Reused {
    store: Store<State>,
    instance: component::Instance,
    proxy: Option<Proxy>,
    served: u32,
    /// What must be durable before anybody is told of the call.
    commit: OutputCommit,
}

impl Reused {
    /// An instance that was just made, for its first call.
    pub fn new(store: Store<State>, instance: component::Instance, proxy: Option<Proxy>) -> Self {
        let commit = store.data().output_commit();
        Reused { store, instance, proxy, served: 1, commit }
    }

    pub(super) fn begin(&mut self, deadline: Instant) -> bool {
        if let Some(unit) = self.store.data_mut().unit.take() {
            let Some(seen) = unit.seen() else { return false };
            self.commit.seen().include(seen);
        }
        if !self.commit.renew() {
            return false;
        }
        self.served += 1;
        self.store.data_mut().begin(deadline, self.commit.seen());
        self.store.set_epoch_deadline(1);
        true
    }

    pub(super) fn told(&self) -> &Told {
        &self.store.data().told
    }

    pub(super) fn work_in(
        &mut self,
        unit: Option<Arc<Unit>>,
        delivery: Option<Arc<Delivery>>,
        identity: Option<Arc<Identity>>,
    ) {
        let state = self.store.data_mut();
        (state.unit, state.delivery, state.identity) = (unit, delivery, identity);
    }

    pub(super) fn forget_unit(&mut self) {
        self.store.data_mut().unit = None;
    }

    pub(super) fn unit(&self) -> Option<&Unit> {
        self.store.data().unit.as_deref()
    }

    pub(super) fn is_pending(&self) -> bool {
        self.commit.is_pending()
    }

    pub(super) fn seen(&self) -> &Arc<Watermark> {
        self.commit.seen()
    }

    pub(super) fn is_reusable(&mut self, reuse: u32) -> bool {
        self.served < reuse && !self.store.data_mut().holds_open_ends()
    }

    pub(super) fn refused_memory(&mut self) -> Option<u64> {
        self.store.data_mut().memory.take_refused()
    }

    pub(super) async fn invoke(
        &mut self,
        export: &ComponentExportIndex,
        params: &[Val],
        results: &mut [Val],
    ) -> Result<()> {
        let function = self.instance.get_func(&mut self.store, export);
        let function = function.ok_or_else(|| format_err!("it does not export this function"))?;
        function.call_async(&mut self.store, params, results).await
    }

    pub(super) async fn handle<B>(&mut self, request: Request<B>, reply: oneshot::Sender<Reply>) -> Result<()>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<wasmtime_wasi_http::Error>,
    {
        let proxy = self.proxy.as_ref().ok_or_else(|| format_err!("it does not export wasi:http/incoming-handler"))?;
        let mut http = self.store.data_mut().http();
        let scheme = if came_over_tls(&request) { Scheme::Https } else { Scheme::Http };
        let request = http.new_incoming_request(scheme, request)?;
        let outparam = http.new_response_outparam(reply)?;
        proxy.wasi_http_incoming_handler().call_handle(&mut self.store, request, outparam).await
    }
}
