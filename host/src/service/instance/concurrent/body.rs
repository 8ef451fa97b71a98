//! Bodies that go to and from an instance, and what is to be known of them.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::sync::oneshot::{self, error::TryRecvError};
use wasmtime_wasi_http::{Error, WasiBody};

/// How much of a body is gathered before it is sent as it comes.
const MOST_GATHERED: usize = 1 << 20;

/// Tells whether a body that was handed over is over: read to its end or dropped.
pub struct Over(oneshot::Receiver<()>);

impl Over {
    /// Wait for its end.
    pub async fn over(self) {
        // Nothing is ever sent: the other side is dropped.
        let _ = self.0.await;
    }

    /// Whether it is over.
    pub fn is_over(&mut self) -> bool {
        !matches!(self.0.try_recv(), Err(TryRecvError::Empty))
    }
}

/// A message of HTTP, and what tells of the end of its body.
pub fn watch<M: Message>(message: M) -> (M, Over) {
    let (held, over) = oneshot::channel();
    (message.map_body(|body| Watched { body, held: Some(held) }.boxed_unsync()), Over(over))
}

/// A request or a response.
pub trait Message {
    /// The same with another body.
    fn map_body(self, change: impl FnOnce(WasiBody) -> WasiBody) -> Self;
}

impl Message for http::Request<WasiBody> {
    fn map_body(self, change: impl FnOnce(WasiBody) -> WasiBody) -> Self {
        self.map(change)
    }
}

impl Message for http::Response<WasiBody> {
    fn map_body(self, change: impl FnOnce(WasiBody) -> WasiBody) -> Self {
        self.map(change)
    }
}

struct Watched {
    body: WasiBody,
    /// Dropped at the body's end.
    held: Option<oneshot::Sender<()>>,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(None | Some(Err(_))) = frame {
            self.held = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body of which the beginning, or all, was read ahead.
pub struct Gathered {
    frames: VecDeque<Frame<Bytes>>,
    length: usize,
    /// What is not read, unless that was all.
    rest: Option<WasiBody>,
    /// What broke it off.
    error: Option<Error>,
}

impl Gathered {
    /// A body of which nothing is read.
    pub fn new(body: WasiBody) -> Gathered {
        Gathered { frames: VecDeque::new(), length: 0, rest: Some(body), error: None }
    }

    /// Read what is there; whether that is all.
    pub fn gather(&mut self, cx: &mut Context<'_>) -> bool {
        while let Some(rest) = self.rest.as_mut().filter(|_| self.length < MOST_GATHERED) {
            match Pin::new(rest).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    self.length += frame.data_ref().map_or(0, Bytes::len);
                    self.frames.push_back(frame);
                }
                Poll::Ready(Some(Err(error))) => {
                    self.error = Some(error);
                    self.rest = None;
                }
                Poll::Ready(None) => self.rest = None,
                Poll::Pending => break,
            }
        }
        self.rest.is_none()
    }

    /// Whether no more is gathered.
    pub fn is_full(&self) -> bool {
        self.length >= MOST_GATHERED
    }

    /// As any body.
    pub fn boxed(self) -> WasiBody {
        match self.rest {
            // It was not begun.
            Some(rest) if self.frames.is_empty() => rest,
            _ => self.boxed_unsync(),
        }
    }
}

impl Body for Gathered {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Some(frame) = self.frames.pop_front() {
            return Poll::Ready(Some(Ok(frame)));
        }
        match &mut self.rest {
            Some(rest) => Pin::new(rest).poll_frame(cx),
            None => Poll::Ready(self.error.take().map(Err)),
        }
    }
}
