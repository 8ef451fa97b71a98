//! The body of an answer, which drives the connection that it comes by.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame};
use hyper::body::Incoming;

use super::{address::Use, connection::Connection, places::Place};

/// A body as it comes. Its length is never told as known: it is not all there.
pub struct AnswerBody(Option<Coming>);

struct Coming {
    body: Incoming,
    /// Until it has ended.
    lease: Option<Lease>,
}

/// What a request has until the end of its answer.
pub struct Lease {
    /// None if it goes on by itself.
    pub connection: Option<Connection>,
    /// Where.
    pub at: Use,
    /// For as long.
    pub _place: Option<Place>,
}

impl AnswerBody {
    /// A body to come.
    pub fn new(body: Incoming, lease: Lease) -> AnswerBody {
        AnswerBody(Some(Coming { body, lease: Some(lease) }))
    }

    /// No body.
    pub fn none() -> AnswerBody {
        AnswerBody(None)
    }
}

impl Coming {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let mut polled = Pin::new(&mut self.body).poll_frame(cx);
        if let (Poll::Pending, Some(Lease { connection: Some(connection), .. })) = (&polled, &mut self.lease) {
            connection.drive(cx);
            polled = Pin::new(&mut self.body).poll_frame(cx);
        }
        match &polled {
            Poll::Ready(None) => self.give_back(),
            // What is left of the connection is of no use.
            Poll::Ready(Some(Err(_))) => self.lease = None,
            Poll::Ready(Some(Ok(_))) | Poll::Pending => {}
        }
        polled
    }

    fn give_back(&mut self) {
        if let Some(Lease { connection: Some(connection), at, .. }) = self.lease.take() {
            at.address().give_back(connection);
        }
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        // Whoever knows its length does not ask for its end.
        if self.body.is_end_stream() {
            self.give_back();
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.0.as_mut().map_or(Poll::Ready(None), |coming| coming.poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(|coming| coming.body.is_end_stream())
    }
}
