//! A request's body, up to the limit of its service.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use wasmtime_wasi_http::Error;

/// A body that fails once it has given more than its limit.
pub struct RequestBody {
    body: Incoming,
    left: u64,
    limit: u64,
    exceeded: Option<Exceeded>,
}

/// Whether a body was longer than its limit.
#[derive(Clone, Default)]
pub struct Exceeded(Arc<AtomicBool>);

impl Exceeded {
    /// Whether it was, so far.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl RequestBody {
    /// Bound a body to `limit` bytes.
    pub fn new(body: Incoming, limit: u64) -> Self {
        // A body of known length was compared before, and hyper holds its
        // client to what it said.
        let known = body.size_hint().exact().is_some();
        RequestBody { body, left: limit, limit, exceeded: (!known).then(Exceeded::default) }
    }

    /// Tells whether the limit was exceeded; none if it cannot be.
    pub fn exceeded(&self) -> Option<Exceeded> {
        self.exceeded.clone()
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(cx));
        let Some(Ok(data)) = frame.as_ref().map(|frame| frame.as_ref().map(|f| f.data_ref().map_or(0, Bytes::len)))
        else {
            return Poll::Ready(frame.map(|frame| frame.map_err(Error::from)));
        };
        match self.left.checked_sub(data as u64) {
            Some(left) => {
                self.left = left;
                Poll::Ready(frame.map(|frame| frame.map_err(Error::from)))
            }
            None => {
                if let Some(exceeded) = &self.exceeded {
                    exceeded.0.store(true, Ordering::Relaxed);
                }
                Poll::Ready(Some(Err(Error::HttpRequestBodySize(Some(self.limit)))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
