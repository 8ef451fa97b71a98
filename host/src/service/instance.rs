//! One instantiated component in its own store.

use std::{collections::HashMap, sync::Arc, time::Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tokio::sync::oneshot;
use wasmtime::{
    Result, Store,
    component::{self, ComponentExportIndex, Func},
    format_err,
};
use wasmtime_wasi_http::{
    WasiHttpView,
    p2::{
        bindings::{
            Proxy,
            http::types::{ErrorCode, Scheme},
        },
        body::HyperOutgoingBody,
    },
};

use super::state::State;

/// What a component answers through `response-outparam`.
pub type Reply = Result<Response<HyperOutgoingBody>, ErrorCode>;

/// The exports that links call, by [`crate::link::export_key`].
pub type Exports = Arc<HashMap<String, ComponentExportIndex>>;

/// An instance serves one call at a time, up to `limits.reuse` of them.
pub struct Instance {
    store: Store<State>,
    instance: component::Instance,
    proxy: Option<Proxy>,
    exports: Exports,
    served: u32,
}

impl Instance {
    /// An instance that was just made, for its first call.
    pub(super) fn new(
        store: Store<State>,
        instance: component::Instance,
        proxy: Option<Proxy>,
        exports: Exports,
    ) -> Self {
        Instance { store, instance, proxy, exports, served: 1 }
    }

    /// Make an idle instance ready for its next call.
    pub(super) fn begin(&mut self, deadline: Instant) {
        self.served += 1;
        self.store.data_mut().begin(deadline);
        self.store.set_epoch_deadline(1);
    }

    /// Whether it may serve another call after one that ended well, where `reuse`
    /// is how many it may serve at most.
    pub(super) fn is_reusable(&mut self, reuse: u32) -> bool {
        self.served < reuse && !self.store.data_mut().holds_open_ends()
    }

    /// Bytes of memory that were refused during the call.
    pub(super) fn refused_memory(&mut self) -> Option<u64> {
        self.store.data_mut().memory.take_refused()
    }

    /// The function of an export that links may call.
    pub(super) fn export(&mut self, key: &str) -> Option<Func> {
        let index = self.exports.get(key)?;
        self.instance.get_func(&mut self.store, index)
    }

    /// Where its functions run.
    pub(super) fn store(&mut self) -> &mut Store<State> {
        &mut self.store
    }

    /// Run the component's HTTP handler. It answers through `reply`, maybe long
    /// before it returns.
    pub(super) async fn handle<B>(&mut self, request: Request<B>, reply: oneshot::Sender<Reply>) -> Result<()>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<wasmtime_wasi_http::Error>,
    {
        let proxy = self.proxy.as_ref().ok_or_else(|| format_err!("it does not export wasi:http/incoming-handler"))?;
        let mut http = self.store.data_mut().http();
        let request = http.new_incoming_request(Scheme::Http, request)?;
        let outparam = http.new_response_outparam(reply)?;
        proxy.wasi_http_incoming_handler().call_handle(&mut self.store, request, outparam).await
    }
}
