//! Bodies that are read ahead, for as long as their length is not known.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use wasmtime_wasi_http::{Error, WasiBody};

/// How much of a body is gathered before it is sent as it comes, in bytes.
const MOST_GATHERED: usize = 1 << 20;

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
        while let Some(rest) = self.rest.as_mut().filter(|_| self.length <= MOST_GATHERED) {
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
        self.length > MOST_GATHERED
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
