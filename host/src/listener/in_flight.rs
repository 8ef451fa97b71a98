//! Counting the requests of a connection whose answers are not there in full.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use http_body::{Body, Frame, SizeHint};

/// One request, from its head until all of its answer is there to be sent.
pub struct InFlight(Arc<AtomicUsize>);

impl InFlight {
    /// Count one more.
    pub fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        InFlight(count.clone())
    }

    /// Count it until its answer's body is dropped. A body of known length is all
    /// there, and whether the client takes it is not for us to wait for.
    pub fn until_made<B: Body>(self, body: B) -> Counted<B> {
        let in_flight = body.size_hint().exact().is_none().then_some(self);
        Counted { body, _in_flight: in_flight }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A body that counts as in flight.
pub struct Counted<B> {
    body: B,
    _in_flight: Option<InFlight>,
}

impl<B: Body + Unpin> Body for Counted<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
