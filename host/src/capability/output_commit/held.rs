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
    waiting: Option<Waiting<B::Data>>,
}

/// A piece, or the end.
type Piece<D> = Option<Result<Frame<D>, Error>>;

/// A piece that is there, and what it waits for.
struct Waiting<D> {
    piece: Piece<D>,
    commit: Commit,
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

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Piece<B::Data>> {
        if self.waiting.is_none() {
            let piece = ready!(Pin::new(&mut self.body).poll_frame(cx));
            if self.commit.seen.is_empty() {
                return Poll::Ready(piece);
            }
            let commit = self.commit.clone();
            self.waiting = Some(Waiting { piece, commit: Box::pin(async move { commit.done().await }) });
        }
        let Some(Waiting { piece, commit }) = &mut self.waiting else { return Poll::Pending };
        let durable = ready!(commit.as_mut().poll(cx));
        let piece = piece.take();
        self.waiting = None;
        Poll::Ready(match durable {
            Ok(()) => piece,
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
