//! HTTP into a service: one call of `wasi:http/incoming-handler`.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame, SizeHint};
use tokio::sync::oneshot;
use wasmtime_wasi_http::{Error as HttpError, WasiBody, p2::body::HyperOutgoingBody};

use super::{CallError, Service, instance::Reply};

impl Service {
    /// Answer a request. The future of most calls ends when it is polled first:
    /// nothing is spawned for them, and the body leaves in one piece. A response
    /// that comes while the component still writes its body is streamed, and the
    /// rest of the call goes on in a task of its own, up to its deadline.
    pub async fn handle<B>(self: &Arc<Self>, request: Request<B>) -> Result<Response<ReplyBody>, CallError>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<HttpError>,
    {
        let mut call = self.begin(None).await?;
        let (sender, mut receiver) = oneshot::channel();
        let mut run = Box::pin(async move {
            let outcome = call.judge(async |instance| instance.handle(request, sender).await).await;
            // The instance lives on until the outcome is known to the body.
            (outcome, call)
        });
        tokio::select! {
            biased;
            (outcome, _call) = &mut run => {
                outcome?;
                let reply = receiver.try_recv().map_err(|_| CallError::NoResponse { service: self.name.clone() })?;
                let (head, body) = self.response(reply)?.into_parts();
                Ok(Response::from_parts(head, self.collect(body)?))
            }
            Ok(reply) = &mut receiver => {
                let response = self.response(reply)?;
                let failed = Arc::new(AtomicBool::new(false));
                let body_failed = failed.clone();
                tokio::spawn(async move {
                    let (outcome, _call) = run.await;
                    if let Err(error) = outcome {
                        body_failed.store(true, Ordering::Release);
                        let error = &error as &dyn std::error::Error;
                        tracing::error!(error, "a call failed after its response was begun");
                    }
                });
                Ok(response.map(|body| ReplyBody::Streaming { body, failed }))
            }
        }
    }

    fn response(&self, reply: Reply) -> Result<Response<HyperOutgoingBody>, CallError> {
        reply.map_err(|code| CallError::Code { service: self.name.clone(), code: format!("{code:?}") })
    }

    /// Take all of a body whose component has returned: whatever was written is
    /// here, so nothing is waited for.
    fn collect(&self, mut body: WasiBody) -> Result<ReplyBody, CallError> {
        let mut context = Context::from_waker(Waker::noop());
        let (mut first, mut rest, mut trailers) = (Bytes::new(), BytesMut::new(), None);
        loop {
            let frame = match Pin::new(&mut body).poll_frame(&mut context) {
                Poll::Ready(None) => break,
                Poll::Ready(Some(Ok(frame))) => frame,
                Poll::Ready(Some(Err(_))) | Poll::Pending => return Err(self.unfinished()),
            };
            match frame.into_data() {
                Ok(data) if first.is_empty() => first = data,
                Ok(data) => rest.extend_from_slice(&data),
                Err(frame) => trailers = frame.into_trailers().ok(),
            }
        }
        if !rest.is_empty() {
            let mut whole = BytesMut::with_capacity(first.len() + rest.len());
            whole.extend_from_slice(&first);
            whole.extend_from_slice(&rest);
            first = whole.freeze();
        }
        Ok(ReplyBody::Whole { data: first, trailers })
    }

    fn unfinished(&self) -> CallError {
        CallError::Code { service: self.name.clone(), code: "the response body was not finished".into() }
    }
}

/// The body of a service's response.
pub enum ReplyBody {
    /// All of it, so that its length is known.
    Whole {
        /// What is left to send.
        data: Bytes,
        /// Sent after it.
        trailers: Option<HeaderMap>,
    },
    /// As it comes from the component.
    Streaming {
        /// What the component writes.
        body: WasiBody,
        /// Set before the body ends if its call failed, so that a part is never
        /// taken for the whole.
        failed: Arc<AtomicBool>,
    },
}

impl ReplyBody {
    /// A body in one piece.
    pub fn whole(data: impl Into<Bytes>) -> Self {
        ReplyBody::Whole { data: data.into(), trailers: None }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        match &mut *self {
            ReplyBody::Whole { data, .. } if !data.is_empty() => {
                Poll::Ready(Some(Ok(Frame::data(std::mem::take(data)))))
            }
            ReplyBody::Whole { trailers, .. } => {
                Poll::Ready(trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
            }
            ReplyBody::Streaming { body, failed } => match Pin::new(body).poll_frame(cx) {
                Poll::Ready(None) if failed.load(Ordering::Acquire) => {
                    Poll::Ready(Some(Err(HttpError::HttpResponseIncomplete)))
                }
                frame => frame,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, ReplyBody::Whole { data, trailers: None } if data.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            ReplyBody::Whole { data, trailers: None } => SizeHint::with_exact(data.len() as u64),
            _ => SizeHint::default(),
        }
    }
}
