//! The body of an answer on its way out.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use wasmtime_wasi_http::Error;

use super::trailers;
use crate::service::ReplyBody;

/// A body whose trailers are as they must be.
pub struct AnswerBody(ReplyBody);

impl AnswerBody {
    /// A body that is a component's, or the host's own.
    pub fn new(body: ReplyBody) -> AnswerBody {
        AnswerBody(body)
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let mut polled = Pin::new(&mut self.0).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &mut polled
            && let Some(fields) = frame.trailers_mut()
        {
            trailers::strip(fields);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}
