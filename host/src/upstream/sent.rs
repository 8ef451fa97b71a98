//! A request on its way out.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Method, Request};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};

/// What a body may fail with.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of a request, or none.
pub struct SentBody(Option<Sending>);

struct Sending {
    body: UnsyncBoxBody<Bytes, BoxError>,
    progress: Progress,
}

/// How far a body is.
#[derive(Clone)]
pub struct Progress(Option<Arc<AtomicU8>>);

const GOES_ON: u8 = 0;
const AWAITED: u8 = 1;
const ENDED: u8 = 2;
const FAILED: u8 = 3;

/// A request that was not answered, and why; with the request, if nothing of it was sent.
pub struct Failed {
    /// Why.
    pub error: hyper::Error,
    /// All of it.
    pub request: Option<Box<Request<SentBody>>>,
}

impl SentBody {
    /// This body, if there is anything in it.
    pub fn new<B>(body: B) -> SentBody
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        if body.is_end_stream() {
            return SentBody::none();
        }
        let progress = Progress(Some(Arc::new(AtomicU8::new(GOES_ON))));
        SentBody(Some(Sending { body: body.map_err(Into::into).boxed_unsync(), progress }))
    }

    /// No body.
    pub fn none() -> SentBody {
        SentBody(None)
    }

    /// How far it is, from now on.
    pub fn progress(&self) -> Progress {
        self.0.as_ref().map_or(Progress(None), |sending| sending.progress.clone())
    }
}

impl Progress {
    /// Whether its client is waited for.
    pub fn is_awaited(&self) -> bool {
        self.0.as_ref().is_some_and(|state| state.load(Ordering::Relaxed) == AWAITED)
    }

    /// Whether all of it was handed out, or it broke off.
    pub fn has_ended(&self) -> bool {
        self.0.as_ref().is_none_or(|state| state.load(Ordering::Relaxed) >= ENDED)
    }

    /// Whether it broke off.
    pub fn has_failed(&self) -> bool {
        self.0.as_ref().is_some_and(|state| state.load(Ordering::Relaxed) == FAILED)
    }

    fn set(&self, state: u8) {
        self.0.iter().for_each(|it| it.store(state, Ordering::Relaxed));
    }
}

impl Body for SentBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(Sending { body, progress }) = &mut self.0 else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(cx);
        progress.set(match &polled {
            Poll::Pending => AWAITED,
            Poll::Ready(Some(Err(_))) => FAILED,
            Poll::Ready(_) => GOES_ON,
        });
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(|sending| sending.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(|| SizeHint::with_exact(0), |sending| sending.body.size_hint())
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        // Otherwise it is given up, and why is to be known.
        let Progress(Some(state)) = &self.progress else { return };
        let _ = state.compare_exchange(GOES_ON, ENDED, Ordering::Relaxed, Ordering::Relaxed);
    }
}

/// Whether a request may be sent twice: whoever did so would do the same thing
/// (RFC 9110, section 9.2.2), and there is no body, which was not kept.
pub fn may_repeat(request: &Request<SentBody>) -> bool {
    request.body().0.is_none()
        && matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE)
}

/// The same request once more. It has no body.
pub fn copy(request: &Request<SentBody>) -> Request<SentBody> {
    let mut copied = Request::new(SentBody::none());
    *copied.method_mut() = request.method().clone();
    *copied.uri_mut() = request.uri().clone();
    *copied.headers_mut() = request.headers().clone();
    copied
}
