//! Bodies that go to and from an instance, and what is to be known of them.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::sync::oneshot::{self, error::TryRecvError};
use wasmtime_wasi_http::{Error, WasiBody};

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
