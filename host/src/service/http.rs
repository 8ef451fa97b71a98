//! HTTP into a service: one call of `wasi:http/incoming-handler`.

use std::{
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::{
    sync::oneshot::{self, error::TryRecvError},
    task::coop,
};
use wasmtime_wasi_http::{Error as HttpError, WasiBody, p2::body::HyperOutgoingBody};

use super::{CallError, Service, instance::Reply};

/// How often a call whose response is there is given the chance to end, before
/// it is taken for one that streams.
const TURNS: usize = 4;

impl Service {
    /// Answer a request. The future of most calls ends when it is polled first:
    /// nothing is spawned for them, and the body leaves in one piece. A response
    /// whose component still writes its body is streamed, and the rest of the
    /// call goes on in a task of its own, up to its deadline.
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
        let mut reply = None;
        let finished = tokio::select! {
            biased;
            finished = &mut run => Some(finished),
            Ok(early) = &mut receiver => {
                reply = Some(early);
                soon(&mut run).await
            }
        };
        let reply = reply.or_else(|| receiver.try_recv().ok());
        match (finished, reply) {
            (Some((Err(error), _)), _) => Err(error),
            (Some((Ok(()), _call)), Some(reply)) => {
                let (head, body) = self.response(reply)?.into_parts();
                Ok(Response::from_parts(head, self.collect(body)?))
            }
            (None, Some(reply)) => {
                let (ended, call) = oneshot::channel();
                tokio::spawn(async move {
                    let (outcome, _call) = run.await;
                    let _ = ended.send(outcome.is_ok());
                    if let Err(error) = outcome {
                        let error = &error as &dyn std::error::Error;
                        tracing::error!(error, "a call failed after its response was begun");
                    }
                });
                let service = self.name.clone();
                let stream = |body| ReplyBody::Streaming(Streaming { service, body, call, well: None });
                Ok(self.response(reply)?.map(stream))
            }
            (_, None) => Err(CallError::NoResponse { service: self.name.clone() }),
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
            // Unconstrained, for the runtime would have a task that ran long wait here.
            let frame = match pin!(coop::unconstrained(body.frame())).poll(&mut context) {
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
    Streaming(Streaming),
}

/// A body whose call goes on. However the call ends, a part of the body is never
/// taken for the whole.
pub struct Streaming {
    service: Arc<str>,
    body: WasiBody,
    /// Tells whether the call ended well, before the instance can be dropped.
    call: oneshot::Receiver<bool>,
    /// What it told.
    well: Option<bool>,
}

impl ReplyBody {
    /// A body in one piece.
    pub fn whole(data: impl Into<Bytes>) -> Self {
        ReplyBody::Whole { data: data.into(), trailers: None }
    }
}

impl Streaming {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        if self.well.is_none() {
            self.well = match Pin::new(&mut self.call).poll(cx) {
                Poll::Ready(told) => Some(told.unwrap_or(false)),
                Poll::Pending => None,
            };
        }
        match Pin::new(&mut self.body).poll_frame(cx) {
            // Whatever a call writes is there when it has ended, unless the runtime
            // only makes this task wait for its turn.
            Poll::Pending if self.well.is_some() && coop::has_budget_remaining() => {
                let service = &*self.service;
                tracing::error!(service, "a call ended without finishing the body of its response");
                Poll::Ready(Some(Err(HttpError::HttpResponseIncomplete)))
            }
            // The end of a body whose instance was dropped.
            Poll::Ready(None) if self.has_failed() => Poll::Ready(Some(Err(HttpError::HttpResponseIncomplete))),
            frame => frame,
        }
    }

    fn has_failed(&mut self) -> bool {
        let told = || match self.call.try_recv() {
            Err(TryRecvError::Empty) => true,
            told => told.unwrap_or(false),
        };
        !*self.well.get_or_insert_with(told)
    }
}

/// What a future comes to within a few turns of the runtime: enough for a guest
/// that a tick of the engine interrupted, and too few to hold up one that waits.
async fn soon<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
    for _ in 0..TURNS {
        tokio::task::yield_now().await;
        let polled = std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut future).poll(cx))).await;
        if let Poll::Ready(output) = polled {
            return Some(output);
        }
    }
    None
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
            ReplyBody::Streaming(streaming) => streaming.poll_frame(cx),
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

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    /// As a component's body is: frames through a channel of tokio's, for which
    /// a task that ran long must wait although they are there.
    struct Channel(mpsc::UnboundedReceiver<Bytes>);

    impl Body for Channel {
        type Data = Bytes;
        type Error = HttpError;

        fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
            self.0.poll_recv(cx).map(|data| data.map(Frame::data).map(Ok))
        }
    }

    /// More frames than a task may take in one turn.
    const FRAMES: usize = 1000;

    fn streaming(well: bool, keep_open: bool) -> (ReplyBody, Option<mpsc::UnboundedSender<Bytes>>) {
        let (frames, channel) = mpsc::unbounded_channel();
        for _ in 0..FRAMES {
            frames.send("x".into()).expect("the channel is open");
        }
        let (ended, call) = oneshot::channel();
        ended.send(well).expect("somebody listens");
        let body = Channel(channel).boxed_unsync();
        let body = ReplyBody::Streaming(Streaming { service: "user".into(), body, call, well: None });
        (body, keep_open.then_some(frames))
    }

    /// The bytes that came, and whether the body looked whole.
    async fn read((mut body, _open): (ReplyBody, Option<mpsc::UnboundedSender<Bytes>>)) -> (usize, bool) {
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => length += frame.into_data().expect("data").len(),
                Err(_) => return (length, false),
            }
        }
        (length, true)
    }

    #[tokio::test]
    async fn only_a_finished_body_of_a_call_that_ended_well_looks_whole() {
        assert_eq!(read(streaming(true, false)).await, (FRAMES, true));
        assert_eq!(read(streaming(true, true)).await, (FRAMES, false));
        assert_eq!(read(streaming(false, false)).await, (FRAMES, false));
    }
}
