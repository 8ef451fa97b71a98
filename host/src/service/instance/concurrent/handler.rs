//! The HTTP handler of an instance of WASI 0.3.

use std::pin::Pin;

use http::{Request, Uri, header, uri::Scheme};
use tokio::sync::oneshot;
use wasmtime::{
    AsContextMut, Result, Store,
    component::{self, Accessor, InstancePre},
};
use wasmtime_wasi_http::{
    WasiBody, WasiHttpView,
    p2::bindings::{Proxy, ProxyIndices, http::types as p2},
    p3::{
        self,
        bindings::{Service, ServiceIndices, http::types::ErrorCode},
    },
};

use super::super::Reply;
use crate::service::{over_tls::came_over_tls, state::State};

/// The interface by which a component answers HTTP. One with async imports may well
/// export that of WASI 0.2.
pub enum Http {
    /// `wasi:http/handler@0.3`
    Handler(Service),
    /// `wasi:http/incoming-handler@0.2`
    IncomingHandler(Proxy),
}

impl Http {
    /// The handler of an instance, if it has one.
    pub fn of(
        pre: &InstancePre<State>,
        store: &mut Store<State>,
        instance: &component::Instance,
    ) -> Result<Option<Http>> {
        if let Ok(indices) = ServiceIndices::new(pre) {
            return Ok(Some(Http::Handler(indices.load(store, instance)?)));
        }
        match ProxyIndices::new(pre) {
            Ok(indices) => Ok(Some(Http::IncomingHandler(indices.load(store, instance)?))),
            Err(_) => Ok(None),
        }
    }
}

/// What a guest of WASI 0.3 answers.
pub async fn handle(service: &Service, accessor: &Accessor<State>, request: Request<WasiBody>) -> Result<Reply> {
    let request = absolute(request);
    let (request, sent) = accessor.with(|mut access| {
        let (request, sent) = p3::Request::from_http(access.data_mut().http().hooks, request);
        (request, Box::pin(sent) as Pin<Box<dyn Future<Output = _> + Send>>)
    });
    match service.handle(accessor, request).await? {
        Ok(response) => accessor.with(|access| response.into_http(access, sent)).map(Ok),
        Err(code) => Ok(Err(as_of_02(code))),
    }
}

/// Have a guest answer by the handler of WASI 0.2. The response goes out from the
/// guest's own call: while that waits for its body to be read no event loop turns.
pub async fn handle_incoming(
    proxy: &Proxy,
    accessor: &Accessor<State>,
    request: Request<WasiBody>,
    reply: oneshot::Sender<Reply>,
) -> Result<()> {
    let scheme = if came_over_tls(&request) { p2::Scheme::Https } else { p2::Scheme::Http };
    let params = accessor.with(|mut access| {
        let mut http = access.data_mut().http();
        let request = http.new_incoming_request(scheme, request)?;
        wasmtime::error::Ok((request, http.new_response_outparam(reply)?))
    })?;
    let handle = proxy.wasi_http_incoming_handler().func_handle();
    let call = accessor.with(|mut access| handle.start_call_concurrent(access.as_context_mut(), params))?;
    handle.finish_call_concurrent(accessor, call).await
}

/// The request with scheme and authority in its URI, where the guest reads them.
fn absolute(mut request: Request<WasiBody>) -> Request<WasiBody> {
    let mut parts = request.uri().clone().into_parts();
    let host = request.headers().get(header::HOST);
    parts.authority = parts.authority.or_else(|| host.and_then(|host| host.as_bytes().try_into().ok()));
    parts.scheme = Some(if came_over_tls(&request) { Scheme::HTTPS } else { Scheme::HTTP });
    // Without a path there is nothing to be relative to.
    parts.path_and_query = parts.path_and_query.or_else(|| "/".parse().ok());
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    request
}

/// The code in the words of WASI 0.2, which has the same ones.
fn as_of_02(code: ErrorCode) -> p2::ErrorCode {
    p2::ErrorCode::InternalError(Some(match code {
        ErrorCode::InternalError(Some(text)) => text,
        code => format!("{code:?}"),
    }))
}
