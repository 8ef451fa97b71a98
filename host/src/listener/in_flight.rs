//! The requests of a connection, as far as its patience depends on them.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use http_body::{Body, Frame, SizeHint};

/// What a connection knows of its requests.
#[derive(Debug, Default)]
pub struct Requests {
    /// Those whose answers are not there in full.
    open: AtomicUsize,
    /// Of these, those whose next piece waits for the client to take it.
    untaken: AtomicUsize,
    /// Grows whenever one begins, goes on or ends.
    events: AtomicUsize,
    /// Whether an answer broke off that ends where its connection does.
    is_cut: AtomicBool,
}

/// One request, from its head until all of its answer is there to be sent.
pub struct InFlight {
    requests: Arc<Requests>,
    is_untaken: bool,
}

impl Requests {
    /// Whether none waits for anybody but the client.
    pub fn are_idle(&self) -> bool {
        self.open.load(Ordering::Relaxed) == self.untaken.load(Ordering::Relaxed)
    }

    /// A number that changes whenever one begins, goes on or ends.
    pub fn events(&self) -> usize {
        self.events.load(Ordering::Relaxed)
    }

    /// Whether the end of the connection would look like that of an answer that broke
    /// off.
    pub fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Relaxed)
    }
}

impl InFlight {
    /// Count one more.
    pub fn new(requests: &Arc<Requests>) -> Self {
        requests.open.fetch_add(1, Ordering::Relaxed);
        requests.events.fetch_add(1, Ordering::Relaxed);
        InFlight { requests: requests.clone(), is_untaken: false }
    }

    /// Count it until its answer's body is dropped. A body of known length is all
    /// there, and whether the client takes it is not for us to wait for. `is_framed`
    /// tells whether the client knows the body's end from that of the connection.
    pub fn until_made<B: Body>(self, body: B, is_framed: bool) -> Counted<B> {
        let in_flight = body.size_hint().exact().is_none().then_some(self);
        Counted { body, in_flight, is_framed }
    }

    fn wait_for_client(&mut self, waits: bool) {
        if self.is_untaken != waits {
            self.is_untaken = waits;
            match waits {
                true => self.requests.untaken.fetch_add(1, Ordering::Relaxed),
                false => self.requests.untaken.fetch_sub(1, Ordering::Relaxed),
            };
        }
        self.requests.events.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.wait_for_client(false);
        self.requests.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A body that counts as in flight.
pub struct Counted<B> {
    body: B,
    in_flight: Option<InFlight>,
    is_framed: bool,
}

impl<B: Body + Unpin> Body for Counted<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let Counted { body, in_flight, is_framed } = &mut *self;
        let polled = Pin::new(body).poll_frame(cx);
        if let Some(in_flight) = in_flight {
            in_flight.wait_for_client(polled.is_ready());
            if matches!(polled, Poll::Ready(Some(Err(_)))) && !*is_framed {
                in_flight.requests.is_cut.store(true, Ordering::Relaxed);
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
