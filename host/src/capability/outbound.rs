//! `wasi:http/outgoing-handler`, and `wasi:http/client` of WASI 0.3: requests to the
//! hosts that a service was granted.
//!
//! The check is on the URL that is connected to and on the addresses that its host
//! has. Redirects are the component's own business: it must ask again, and is
//! checked again.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http::{HeaderName, Request, Response};
use http_body_util::BodyExt;
use wasmtime_wasi_http::{DEFAULT_FORBIDDEN_HEADERS, Error, RequestOptions, WasiBody, WasiHttpHooks};

pub use self::breaker::Breaker;
use self::{
    attempt::{send, send_to},
    breaker::Change,
    destination::Destination,
};
use super::{
    Grants, beginning,
    output_commit::{Held, OutputCommit, Watermark},
};

mod attempt;
mod breaker;
mod destination;

/// Bodies of a call whose writes are taken in large pieces, so that an answer
/// leaves in one, and the size of such a piece. The host buffers two of them.
const LARGE_BODIES: u32 = 8;
const LARGE_PIECE: usize = 1 << 20;

/// The piece of any further body.
const SMALL_PIECE: usize = 4 << 10;

/// How long DNS may take for a component that does not say; its call's deadline is
/// most often earlier.
const RESOLVING: Duration = Duration::from_secs(60);

/// How long a connection may take for a component that does not say; it is most often there
/// before its call's deadline, so that a server which is away is known to be.
const CONNECTING: Duration = Duration::from_secs(5);

/// Headers that components neither set nor see.
static FORBIDDEN: [HeaderName; 9] = DEFAULT_FORBIDDEN_HEADERS;

/// What is up to the host in a component's HTTP: which requests are sent, which
/// headers pass, how much is buffered.
pub struct Outbound {
    grants: Arc<Grants>,
    /// What must be durable before a request leaves.
    seen: Arc<Watermark>,
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
        let Some(to) = Destination::of(&request) else {
            return Box::new(async { Err(Error::HttpRequestUriInvalid) });
        };
        let grants = self.grants.clone();
        let commit = OutputCommit::new(self.seen.clone(), grants.store.clone());
        if !to.is_allowed(&grants) {
            grants.refuse("send a request to", "outbound", &to.written);
            return Box::new(async { Err(Error::HttpRequestDenied) });
        }
        let request = request.map(|body| Held::new(body, commit.clone()).boxed_unsync());
        Box::new(async move {
            commit.done().await.map_err(|lost| Error::InternalError(Some(lost.to_string())))?;
            let Some(tried) = grants.breaker.admit(&to.written, Instant::now()) else {
                return Err(Error::DestinationUnavailable);
            };
            let sent = sent(&to, &grants, request, options).await;
            grants.tell(&to.written, &grants.breaker.ended(&to.written, tried, &sent, Instant::now()));
            sent
        })
    }
}

async fn sent(
    to: &Destination,
    grants: &Grants,
    request: Request<WasiBody>,
    options: Option<RequestOptions>,
) -> Result<(Response<WasiBody>, Ended), Error> {
    let mut options = options.unwrap_or_default();
    let addresses = to.resolve(grants, options.connect_timeout.unwrap_or(RESOLVING)).await?;
    options.connect_timeout.get_or_insert(CONNECTING);
    match to.scheme {
        // Asked for again by name, which TLS needs: a server that DNS leads
        // to meanwhile has no certificate for it.
        "https" => send(request, Some(options)).await,
        _ => send_to(&addresses, request, Some(options)).await,
    }
}

impl Grants {
    /// Log what has become of a server.
    fn tell(&self, server: &str, change: &Change) {
        let server = beginning(server);
        match change {
            Change::None => {}
            Change::LeftAlone => self.log.line(|service| {
                tracing::warn!(
                    service,
                    "{server:?} cannot be reached: requests to it fail at once for a while (limits.outbound_failures)"
                );
            }),
            Change::Back => self.log.line(|service| tracing::info!(service, "{server:?} is reached again")),
        }
    }
}

impl Outbound {
    /// With nothing sent yet.
    pub fn new(grants: Arc<Grants>, seen: Arc<Watermark>) -> Self {
        Outbound { grants, seen, bodies: 0 }
    }

    /// Make ready for another call, with this watermark.
    pub fn begin(&mut self, seen: &Arc<Watermark>) {
        self.bodies = 0;
        self.seen.clone_from(seen);
    }

    /// The largest piece of the body that is begun now.
    fn piece(&mut self) -> usize {
        self.bodies = self.bodies.saturating_add(1);
        if self.bodies <= LARGE_BODIES { LARGE_PIECE } else { SMALL_PIECE }
    }
}
