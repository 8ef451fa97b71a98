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
    /// Those whose answers were not handed to hyper in full.
    owed: AtomicUsize,
    /// Grows whenever one begins, goes on or ends.
    events: AtomicUsize,
    /// Whether an answer broke off that ends where its connection does.
    is_cut: AtomicBool,
    /// Whether another protocol than HTTP is spoken from now on.
    is_switched: AtomicBool,
}

/// One request, from its head until its answer was handed to hyper.
pub struct InFlight {
    requests: Arc<Requests>,
    /// Whether its answer is not there in full.
    is_open: bool,
    is_untaken: bool,
}

impl Requests {
    /// Whether none waits for anybody but the client.
    pub fn are_idle(&self) -> bool {
        self.open.load(Ordering::Relaxed) == self.untaken.load(Ordering::Relaxed)
    }

    /// Whether hyper has all of every answer. What it then sends by itself, once that is
    /// sent and before another request begins, is an answer of its own.
    pub fn are_answered(&self) -> bool {
        self.owed.load(Ordering::Relaxed) == 0
    }

    /// A number that changes whenever one begins, goes on or ends.
    pub fn events(&self) -> usize {
        self.events.load(Ordering::Relaxed)
    }

    /// Another protocol than HTTP is spoken from now on.
    pub fn switch(&self) {
        self.is_switched.store(true, Ordering::Relaxed);
    }

    /// Whether it is.
    pub fn is_switched(&self) -> bool {
        self.is_switched.load(Ordering::Relaxed)
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
        requests.owed.fetch_add(1, Ordering::Relaxed);
        requests.events.fetch_add(1, Ordering::Relaxed);
        InFlight { requests: requests.clone(), is_open: true, is_untaken: false }
    }

    /// Count it until its answer's body is dropped, and as open if that has no known
    /// length: one that has is all there, and whether the client takes it is not for us to
    /// wait for. `is_framed` tells whether the client knows the body's end from that of
    /// the connection.
    pub fn until_made<B: Body>(mut self, body: B, is_framed: bool) -> Counted<B> {
        if body.size_hint().exact().is_some() {
            self.close();
        }
        Counted { body, in_flight: self, is_framed }
    }

    fn close(&mut self) {
        if self.is_open {
            self.wait_for_client(false);
            self.is_open = false;
            self.requests.open.fetch_sub(1, Ordering::Relaxed);
        }
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
        self.close();
        self.requests.owed.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A body that counts as in flight.
pub struct Counted<B> {
    body: B,
    in_flight: InFlight,
    is_framed: bool,
}

impl<B: Body + Unpin> Body for Counted<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let Counted { body, in_flight, is_framed } = &mut *self;
        let polled = Pin::new(body).poll_frame(cx);
        if in_flight.is_open {
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
