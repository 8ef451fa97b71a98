//! A request's body, up to the limit of its service, and what its client does with it.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::Version;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use wasmtime_wasi_http::Error;

use super::trailers;
use crate::{
    listener::limits,
    service::{Conduct, Fault},
};

/// A body that fails once it has given more than its limit. Whatever is wrong with it
/// is noted as its client's doing.
pub struct RequestBody {
    body: Incoming,
    left: u64,
    limit: u64,
    is_http2: bool,
    /// None where there is no body.
    conduct: Option<Conduct>,
}

impl RequestBody {
    /// Bound a body to `limit` bytes. `version` is that of its request.
    pub fn new(body: Incoming, limit: u64, version: Version) -> Self {
        let conduct = (!body.is_end_stream()).then(Conduct::default);
        RequestBody { body, left: limit, limit, is_http2: version == Version::HTTP_2, conduct }
    }

    /// Where its client's conduct is noted; none if it has no body.
    pub fn conduct(&self) -> Option<Conduct> {
        self.conduct.clone()
    }

    /// Whether it ended before its end. A client that resets a stream of HTTP/2 and says
    /// that this is no error looks to hyper as if it had ended it.
    fn is_short(&self) -> bool {
        let promised = self.body.size_hint().exact();
        promised.is_some_and(|left| left > 0) || (self.is_http2 && !self.body.is_end_stream())
    }

    /// The frame as the component may have it, or what is wrong with it.
    fn checked(&mut self, mut frame: Frame<Bytes>) -> Result<Frame<Bytes>, (Fault, Error)> {
        if let Some(data) = frame.data_ref() {
            let left = self.left.checked_sub(data.len() as u64);
            self.left = left.ok_or((Fault::TooLarge, Error::HttpRequestBodySize(Some(self.limit))))?;
        } else if let Some(fields) = frame.trailers_mut() {
            if !limits::may_follow(fields) {
                return Err((Fault::Broken, Error::HttpRequestTrailerSectionSize(None)));
            }
            trailers::strip(fields);
        }
        Ok(frame)
    }

    fn fail(&self, fault: Fault, error: Error) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.conduct.iter().for_each(|conduct| conduct.note(fault));
        Poll::Ready(Some(Err(error)))
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        self.conduct.iter().for_each(|conduct| conduct.await_body(polled.is_pending()));
        match polled {
            Poll::Ready(Some(Ok(frame))) => match self.checked(frame) {
                Ok(frame) => Poll::Ready(Some(Ok(frame))),
                Err((fault, error)) => self.fail(fault, error),
            },
            // hyper's own error would be a warning in the log, of what is the client's affair.
            Poll::Ready(Some(Err(_))) => self.fail(Fault::Broken, Error::HttpProtocolError),
            Poll::Ready(None) if self.is_short() => self.fail(Fault::Broken, Error::ConnectionTerminated),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
