//! `wasi:http/outgoing-handler`, and `wasi:http/client` of WASI 0.3: requests to the
//! hosts that a service was granted.
//!
//! The check is on the URL that is connected to, and redirects are the
//! component's own business: it must ask again, and is checked again.

use std::sync::Arc;

use http::{HeaderName, Request, Response, uri::Scheme};
use http_body_util::BodyExt;
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, RequestOptions, WasiBody, WasiHttpHooks, default_send_request,
};

use super::Grants;

/// Bodies of a call whose writes are taken in large pieces, so that an answer
/// leaves in one, and the size of such a piece. The host buffers two of them.
const LARGE_BODIES: u32 = 8;
const LARGE_PIECE: usize = 1 << 20;

/// The piece of any further body.
const SMALL_PIECE: usize = 4 << 10;

/// Headers that components neither set nor see.
static FORBIDDEN: [HeaderName; 9] = DEFAULT_FORBIDDEN_HEADERS;

/// What is up to the host in a component's HTTP: which requests are sent, which
/// headers pass, how much is buffered.
pub struct Outbound {
    grants: Arc<Grants>,
    /// Bodies that the call has begun.
    bodies: u32,
}

type Ended = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sending = Box<dyn Future<Output = Result<(Response<WasiBody>, Ended), Error>> + Send>;

impl WasiHttpHooks for Outbound {
    // The default makes a closure for each header.
    fn is_forbidden_header(&mut self, name: &HeaderName) -> bool {
        FORBIDDEN.contains(name)
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        self.piece()
    }

    fn p3_outgoing_body_chunk_size(&mut self) -> usize {
        self.piece()
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _body_sent: Ended,
    ) -> Sending {
        if !self.allows(&request) {
            let to = format!("{}://{}", scheme(&request), request.uri().authority().map_or("", |a| a.as_str()));
            self.grants.refuse("send a request to", "outbound", &to);
            return Box::new(async { Err(Error::HttpRequestDenied) });
        }
        Box::new(async move {
            let (response, ended) = default_send_request(request, options).await?;
            Ok((response.map(BodyExt::boxed_unsync), Box::new(ended) as Ended))
        })
    }
}

impl Outbound {
    /// With nothing sent yet.
    pub fn new(grants: Arc<Grants>) -> Self {
        Outbound { grants, bodies: 0 }
    }

    /// Make ready for another call.
    pub fn begin(&mut self) {
        self.bodies = 0;
    }

    /// The largest piece of the body that is begun now.
    fn piece(&mut self) -> usize {
        self.bodies = self.bodies.saturating_add(1);
        if self.bodies <= LARGE_BODIES { LARGE_PIECE } else { SMALL_PIECE }
    }

    fn allows(&self, request: &Request<WasiBody>) -> bool {
        let Some(authority) = request.uri().authority() else { return false };
        let scheme = scheme(request);
        // Without a port the one of the scheme is connected to.
        let port = match authority.port() {
            Some(port) => port.as_u16(),
            None if scheme == "https" => 443,
            None => 80,
        };
        self.grants.outbound.iter().any(|host| host.allows(scheme, authority.host(), port))
    }
}

fn scheme(request: &Request<WasiBody>) -> &str {
    match request.uri().scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => "https",
        _ => "http",
    }
}
