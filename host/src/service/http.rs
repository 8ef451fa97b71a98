//! HTTP into a service: one call of its `wasi:http` handler.

use std::{future::poll_fn, pin::Pin, sync::Arc, task::Poll};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body::Body;
use http_body_util::{BodyExt, Empty};
use tokio::sync::oneshot;
use wasmtime_wasi_http::{
    Error as HttpError,
    p2::{bindings::http::types::ErrorCode, body::HyperOutgoingBody},
};

use super::{
    Call, CallError, Caller, Conduct, Fault, Purpose, Revision, Service, Unit,
    commit::Commit,
    gathered::Gathered,
    instance::Reply,
    reply_body::{Loan, ReplyBody, lend},
};

/// By what a request is known, here and to everybody: visible ASCII.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What an atomic service may not answer with.
const TOO_LONG: &str = "a body of more than 1 MiB, after it has written; its answer waits until its call has ended \
    and is to be shorter, or the call is to write nothing";

/// How often a call whose response is there is given the chance to end, before
/// it is taken for one that streams.
const TURNS: usize = 4;

impl Service {
    /// Answer a request. The future of most calls ends when it is polled first:
    /// nothing is spawned for them, and the body leaves in one piece. A response
    /// whose component still writes its body is streamed, and the rest of the
    /// call goes on in a task of its own, up to its deadline.
    ///
    /// `conduct` is the client's, as the request's body notes it: what fails of that is
    /// [`CallError::Client`], whatever the component answers, and is not counted. It is
    /// made for this caller.
    pub async fn handle<B>(
        self: &Arc<Self>,
        request: Request<B>,
        conduct: Option<Conduct>,
        caller: Caller,
    ) -> Result<Response<ReplyBody>, CallError>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<HttpError>,
    {
        let purpose = if request.method().is_safe() { Purpose::Reading } else { Purpose::Any };
        let call = self.begin(purpose, Some(caller)).await?;
        self.handle_with(call, request, conduct).await
    }

    /// How a revision that need not be live answers a GET of this path, and whether the store
    /// failed it meanwhile.
    pub async fn probe(self: &Arc<Self>, revision: Arc<Revision>, path: Uri) -> Result<(StatusCode, bool), CallError> {
        let mut request = Request::new(Empty::new().map_err(no_error));
        *request.uri_mut() = path;
        request.headers_mut().insert(header::HOST, HeaderValue::from_static("localhost"));
        let call = self.begin_on(revision, Purpose::Probe, None).await?;
        let commit = call.commit();
        let status = self.handle_with(call, request, None).await?.status();
        Ok((status, commit.output.seen().has_failed()))
    }

    /// Answer a request, and count what failed of it.
    async fn handle_with<B>(
        self: &Arc<Self>,
        call: Call,
        request: Request<B>,
        conduct: Option<Conduct>,
    ) -> Result<Response<ReplyBody>, CallError>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<HttpError>,
    {
        let (life, commit) = (call.counts_on().cloned(), call.commit());
        let answer = self.answer(call, request, &commit, conduct.as_ref()).await;
        let fault = conduct.and_then(|conduct| conduct.fault_of(answer.as_ref().err()));
        let answer = match fault {
            Some(fault) => Err(self.blame(fault)),
            None => answer.inspect_err(|error| self.count(life.as_ref(), Err(error))),
        };
        // That it failed may rest on what it read, too. It fails either way.
        let durable = commit.done().await;
        let response = answer?;
        if response.status().is_server_error() && durable.is_ok() && !commit.output.seen().has_failed() {
            life.iter().for_each(|life| life.count_error());
        }
        durable.map(|()| response)
    }

    /// What a component answers, before that is durable. A call that ends well is counted
    /// here, for it may end after its answer.
    async fn answer<B>(
        self: &Arc<Self>,
        mut call: Call,
        request: Request<B>,
        commit: &Commit,
        conduct: Option<&Conduct>,
    ) -> Result<Response<ReplyBody>, CallError>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<HttpError>,
    {
        let is_head = request.method() == Method::HEAD;
        let id = request.headers().get(REQUEST_ID).cloned();
        let (sender, mut receiver) = oneshot::channel();
        let told = conduct.cloned();
        let unit = call.unit.clone();
        let mut run = Box::pin(async move {
            let outcome = call.judge(async |instance| instance.handle(request, sender).await).await;
            let is_clients = told.is_some_and(|conduct| conduct.fault_of(None).is_some());
            if outcome.is_ok() && !is_clients && !call.has_store_failed() {
                call.counts_on().into_iter().for_each(|life| life.count_call());
            }
            // The instance lives on until the outcome is known to the body.
            (outcome, call)
        });
        let mut reply = None;
        let finished = tokio::select! {
            biased;
            finished = &mut run => Some(finished),
            Ok(early) = &mut receiver => {
                let (early, finished) = match unit {
                    None => (early, soon(&mut run).await),
                    Some(unit) => match gather(early, &mut run, &unit).await {
                        Some(gathered) => gathered,
                        None => return Err(self.bad_response(TOO_LONG)),
                    },
                };
                reply = Some(early);
                finished
            }
        };
        let reply = reply.or_else(|| receiver.try_recv().ok());
        match (finished, reply) {
            (Some((Err(error), _)), _) => Err(error),
            (_, None) => Err(CallError::NoResponse { service: self.name.clone() }),
            // Its instance need not wait for the disk.
            (Some((Ok(()), mut call)), Some(reply)) => {
                let whole = self.whole(reply, is_head)?;
                // What its client broke off leaves nothing, whatever the component made of it.
                if conduct.is_none_or(|conduct| conduct.fault_of(None).is_none()) {
                    call.end_work().await?;
                }
                Ok(whole)
            }
            (None, Some(reply)) => {
                let (ended, call) = oneshot::channel();
                let conduct = conduct.cloned().unwrap_or_default();
                tokio::spawn(self.clone().run_on(run, ended, conduct.clone(), id));
                self.streaming(reply, call, commit, conduct)
            }
        }
    }

    /// The response of a component that has returned.
    fn whole(&self, reply: Reply, is_head: bool) -> Result<Response<ReplyBody>, CallError> {
        let (head, body) = self.response(reply)?.into_parts();
        let body = match ReplyBody::collect(body) {
            _ if !has_body(head.status) => ReplyBody::whole(""),
            Some(body) => body,
            // It promised the length of what GET would answer, and wrote nothing of it.
            None if is_head => ReplyBody::whole(""),
            None => return Err(self.bad_response("a body that is not finished")),
        };
        Ok(Response::from_parts(head, body))
    }

    /// The response of one that goes on.
    fn streaming(
        &self,
        reply: Reply,
        call: oneshot::Receiver<Option<Loan>>,
        commit: &Commit,
        conduct: Conduct,
    ) -> Result<Response<ReplyBody>, CallError> {
        let (head, body) = self.response(reply)?.into_parts();
        if !has_body(head.status) {
            return Ok(Response::from_parts(head, ReplyBody::whole("")));
        }
        let length = head.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let (failures, commit) = (self.failures.clone(), commit.output.clone());
        let body = ReplyBody::streaming(failures, body, call, commit, conduct, length);
        Ok(Response::from_parts(head, body))
    }

    /// Run a call to its end after its response, and tell the body how it ended.
    async fn run_on<R>(
        self: Arc<Self>,
        mut run: R,
        ended: oneshot::Sender<Option<Loan>>,
        conduct: Conduct,
        id: Option<HeaderValue>,
    ) where
        R: Future<Output = (Result<(), CallError>, Call)> + Unpin,
    {
        // Dropped before the call, whatever happens, so that the body learns of a
        // failure before it sees its end.
        let ended = ended;
        let (outcome, mut call) = (&mut run).await;
        match outcome {
            Ok(()) => {
                // What it would have written since its answer began was refused.
                call.instance().forget_unit();
                match call.unless_kept() {
                    Some(call) => lend(call, ended).await,
                    None => drop(ended.send(None)),
                }
            }
            Err(error) => {
                drop(ended);
                if let Some(fault) = conduct.fault_of(Some(&error)) {
                    let error = &self.blame(fault) as &dyn std::error::Error;
                    return tracing::debug!(error, "a call failed after its response was begun");
                }
                self.count(call.counts_on(), Err(&error));
                self.failures.line(|_| {
                    let error = &error as &dyn std::error::Error;
                    let id = id.as_ref().and_then(|id| id.to_str().ok());
                    tracing::error!(id, error, "a call failed after its response was begun");
                });
            }
        }
    }

    fn response(&self, reply: Reply) -> Result<Response<HyperOutgoingBody>, CallError> {
        let response = reply.map_err(|code| match code {
            ErrorCode::InternalError(Some(text)) => self.bad_response(&format!("the error {text}")),
            code => self.bad_response(&format!("the error code {code:?}")),
        })?;
        // What ends no request, and what is no status at all (RFC 9110, section 15).
        match response.status().as_u16() {
            200..=599 => Ok(as_http_has_it(response)),
            status => Err(self.bad_response(&format!("the status {status}, which is none of 200 to 599"))),
        }
    }

    fn blame(&self, fault: Fault) -> CallError {
        CallError::Client { service: self.name.clone(), fault }
    }

    fn bad_response(&self, what: &str) -> CallError {
        CallError::BadResponse { service: self.name.clone(), what: what.into() }
    }
}

fn no_error(never: std::convert::Infallible) -> HttpError {
    match never {}
}

/// Whether an answer with this status has a body (RFC 9110, section 6.4.1).
fn has_body(status: StatusCode) -> bool {
    !matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED)
}

/// The response without what its head must not say: a length where there is no body,
/// other than that of a GET (RFC 9110, section 8.6), and a second date.
fn as_http_has_it<B>(mut response: Response<B>) -> Response<B> {
    if !has_body(response.status()) && response.status() != StatusCode::NOT_MODIFIED {
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    let mut dates = response.headers().get_all(header::DATE).iter();
    if let (Some(first), Some(_)) = (dates.next(), dates.next()) {
        let first = first.clone();
        response.headers_mut().insert(header::DATE, first);
    }
    response
}

/// The answer of an atomic service, read ahead until its call has ended. A long one of a
/// call that has written nothing is sent as it comes, and the call writes nothing then; if
/// it has written there is none, for it might wait for the body to be read for ever.
async fn gather<F: Future + Unpin>(reply: Reply, run: &mut F, unit: &Unit) -> Option<(Reply, Option<F::Output>)> {
    let (head, body) = match reply {
        Ok(response) => response.into_parts(),
        failed => return Some((failed, Some(run.await))),
    };
    let mut body = Gathered::new(body);
    let finished = poll_fn(|cx| {
        body.gather(cx);
        match Pin::new(&mut *run).poll(cx) {
            Poll::Ready(finished) => Poll::Ready(Some(Some(finished))),
            Poll::Pending if body.is_full() => Poll::Ready(unit.seal().then_some(None)),
            Poll::Pending => Poll::Pending,
        }
    });
    let finished = finished.await?;
    Some((Ok(Response::from_parts(head, body.boxed())), finished))
}

/// What a future comes to within a few turns of the runtime: enough for a guest
/// that a tick of the engine interrupted, and too few to hold up one that waits.
async fn soon<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
    for _ in 0..TURNS {
        tokio::task::yield_now().await;
        let polled = poll_fn(|cx| Poll::Ready(Pin::new(&mut future).poll(cx))).await;
        if let Poll::Ready(output) = polled {
            return Some(output);
        }
    }
    None
}
