//! A body whose pieces wait until what they rest on is durable.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use http_body::{Body, Frame, SizeHint};
use wasmtime_wasi_http::Error;

use super::{OutputCommit, StoreError};

/// A body of which each piece, and the end, is held back until all is durable that was
/// written or read when it came.
pub struct Held<B: Body> {
    body: B,
    commit: OutputCommit,
    waiting: Option<(Option<Result<Frame<B::Data>, Error>>, Commit)>,
}

type Commit = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;

impl<B: Body> Held<B> {
    /// Hold back the pieces of this body.
    pub fn new(body: B, commit: OutputCommit) -> Held<B> {
        Held { body, commit, waiting: None }
    }

    /// Whether a piece is there and waits.
    pub fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }
}

impl<B> Body for Held<B>
where
    B: Body<Error = Error> + Unpin,
    B::Data: Unpin,
{
    type Data = B::Data;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, Error>>> {
        if self.waiting.is_none() {
            let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
            if self.commit.seen.get().is_none() {
                return Poll::Ready(frame);
            }
            let commit = self.commit.clone();
            self.waiting = Some((frame, Box::pin(async move { commit.done().await })));
        }
        let Some((frame, commit)) = &mut self.waiting else { return Poll::Pending };
        let durable = ready!(commit.as_mut().poll(cx));
        let frame = frame.take();
        self.waiting = None;
        Poll::Ready(match durable {
            Ok(()) => frame,
            // The end of what is cut must not look like that of what is whole.
            Err(_) => Some(Err(Error::HttpResponseIncomplete)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.waiting.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.waiting {
            Some(_) => SizeHint::default(),
            None => self.body.size_hint(),
        }
    }
}
