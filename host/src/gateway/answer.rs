//! The body of an answer on its way out.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use wasmtime_wasi_http::Error;

use super::{access::Access, trailers};
use crate::service::ReplyBody;

/// A body whose trailers are as they must be, and whose bytes are counted for the access
/// log.
pub struct AnswerBody {
    body: ReplyBody,
    access: Option<Box<Access>>,
}

impl AnswerBody {
    /// A body, and the line that is logged when it has ended.
    pub fn new(body: ReplyBody, access: Option<Box<Access>>) -> AnswerBody {
        AnswerBody { body, access }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let mut polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &mut polled {
            if let Some(fields) = frame.trailers_mut() {
                trailers::strip(fields);
            }
            if let (Some(access), Some(data)) = (&mut self.access, frame.data_ref()) {
                access.sent(data.len());
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
