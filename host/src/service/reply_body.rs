//! The body of a service's response.

use std::{
    convert::Infallible,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use tokio::{
    sync::oneshot::{self, error::TryRecvError},
    task::coop,
};
use wasmtime_wasi_http::{Error as HttpError, WasiBody};

use super::{Call, Conduct, Fault};
use crate::{
    capability::output_commit::{Held, OutputCommit},
    telemetry::ServiceLog,
};

/// A body, whole or as it comes.
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
    /// One that the gateway makes.
    Made(UnsyncBoxBody<Bytes, HttpError>),
    /// As it comes from who is no component.
    Passed(UnsyncBoxBody<Bytes, HttpError>),
}

/// A body whose call goes on. However the call ends, a part of the body is never
/// taken for the whole.
pub struct Streaming {
    failures: Arc<ServiceLog>,
    body: Held<WasiBody>,
    call: CallState,
    conduct: Conduct,
    /// Bytes to come, where the head says so: nobody asks for more than these.
    left: Option<u64>,
    /// Whether its end was told, good or bad.
    has_ended: bool,
}

/// What is known of the call that writes a body.
enum CallState {
    /// It goes on, and ends well by sending what the body may still need.
    Running(oneshot::Receiver<Option<Loan>>),
    /// It ended well.
    Ended(Option<Loan>),
    Failed,
}

/// An instance whose call ended, lent to the body that it wrote: it may hold an
/// unfinished body, the end of which would look like that of a finished one.
pub(super) struct Loan {
    /// Dropped when the body needs it no more.
    _body: oneshot::Sender<Infallible>,
    /// Closed before the instance is gone.
    call: oneshot::Receiver<Infallible>,
}

/// Lend the instance of a call that ended to its body, which has it until it is sent or
/// the call must have ended: a client may take its time, and not the instances of others.
pub(super) async fn lend(call: Call, ended: oneshot::Sender<Option<Loan>>) {
    let (body, done) = oneshot::channel();
    let (here, over) = oneshot::channel();
    if ended.send(Some(Loan { _body: body, call: over })).is_ok() {
        tokio::select! {
            biased;
            _ = done => {}
            _ = call.cut_off() => {}
        }
    }
    drop(here);
    drop(call);
}

impl ReplyBody {
    /// A body that is all there.
    pub fn whole(data: impl Into<Bytes>) -> ReplyBody {
        ReplyBody::Whole { data: data.into(), trailers: None }
    }

    /// A body whose call goes on until it is sent to `call`, or fails. Each piece waits
    /// for `commit`. If it is dropped before its end, which is that of `length` bytes if
    /// the head says so, its client is gone, and `conduct` is told.
    pub(super) fn streaming(
        failures: Arc<ServiceLog>,
        body: WasiBody,
        call: oneshot::Receiver<Option<Loan>>,
        commit: OutputCommit,
        conduct: Conduct,
        length: Option<u64>,
    ) -> ReplyBody {
        let (body, call) = (Held::new(body, commit), CallState::Running(call));
        ReplyBody::Streaming(Streaming { failures, body, call, conduct, left: length, has_ended: false })
    }

    /// All of a body whose component has returned, and whose instance is still
    /// there: whatever was written is here, so nothing is waited for. `None` is
    /// for one that the component did not finish.
    pub(super) fn collect(mut body: WasiBody) -> Option<ReplyBody> {
        let mut context = Context::from_waker(Waker::noop());
        let (mut first, mut rest, mut trailers) = (Bytes::new(), BytesMut::new(), None);
        loop {
            // Unconstrained, for the runtime would have a task that ran long wait here.
            let frame = match pin!(coop::unconstrained(body.frame())).poll(&mut context) {
                Poll::Ready(None) => break,
                Poll::Ready(Some(Ok(frame))) => frame,
                Poll::Ready(Some(Err(_))) | Poll::Pending => return None,
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
        Some(ReplyBody::Whole { data: first, trailers })
    }
}

impl Streaming {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let polled = self.poll_body(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                let data = frame.data_ref().map_or(0, Bytes::len) as u64;
                self.left = self.left.map(|left| left.saturating_sub(data));
            }
            Poll::Ready(None | Some(Err(_))) => self.has_ended = true,
            Poll::Pending => {}
        }
        polled
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        if let CallState::Running(call) = &mut self.call
            && let Poll::Ready(ended) = Pin::new(call).poll(cx)
        {
            self.call = ended.into();
        }
        match Pin::new(&mut self.body).poll_frame(cx) {
            // Whatever a call writes is there when it has ended, unless the runtime
            // only makes this task wait for its turn.
            Poll::Pending if self.call_has_ended() && !self.body.is_waiting() && coop::has_budget_remaining() => {
                match self.conduct.fault_of(None) {
                    Some(fault) => tracing::debug!("a call ended in the middle of its response: its client {fault}"),
                    None => self.failures.line(|service| {
                        tracing::error!(service, "a call ended without finishing the body of its response");
                    }),
                }
                Poll::Ready(Some(Err(HttpError::HttpResponseIncomplete)))
            }
            // The end of a body whose instance was dropped.
            Poll::Ready(None) if self.has_failed() => Poll::Ready(Some(Err(HttpError::HttpResponseIncomplete))),
            frame => frame,
        }
    }

    fn call_has_ended(&self) -> bool {
        !matches!(self.call, CallState::Running(_))
    }

    fn has_failed(&mut self) -> bool {
        if let CallState::Running(call) = &mut self.call {
            match call.try_recv() {
                Err(TryRecvError::Empty) => return false,
                ended => self.call = ended.into(),
            }
        }
        match &mut self.call {
            CallState::Ended(Some(loan)) => loan.call.try_recv() == Err(TryRecvError::Closed),
            state => matches!(state, CallState::Failed),
        }
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        if !self.has_ended && self.left != Some(0) {
            self.conduct.note(Fault::Gone);
        }
    }
}

impl<E> From<Result<Option<Loan>, E>> for CallState {
    fn from(ended: Result<Option<Loan>, E>) -> Self {
        match ended {
            Ok(loan) => CallState::Ended(loan),
            Err(_) => CallState::Failed,
        }
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
            ReplyBody::Streaming(streaming) => streaming.poll_frame(cx),
            ReplyBody::Made(body) => Pin::new(body).poll_frame(cx),
            ReplyBody::Passed(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            ReplyBody::Whole { data, trailers: None } => data.is_empty(),
            ReplyBody::Made(body) => body.is_end_stream(),
            ReplyBody::Passed(body) => body.is_end_stream(),
            _ => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            ReplyBody::Whole { data, trailers: None } => SizeHint::with_exact(data.len() as u64),
            ReplyBody::Made(body) => body.size_hint(),
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

    async fn streaming(well: bool, keep_open: bool) -> (ReplyBody, Option<mpsc::UnboundedSender<Bytes>>) {
        let (frames, channel) = mpsc::unbounded_channel();
        for _ in 0..FRAMES {
            frames.send("x".into()).expect("the channel is open");
        }
        let (ended, call) = oneshot::channel();
        match well {
            true => ended.send(None).ok().expect("somebody listens"),
            false => drop(ended),
        }
        let body = Channel(channel).boxed_unsync();
        let failures = Arc::new(ServiceLog::new("user".into()));
        let commit = OutputCommit::none().await.expect("memory can be opened");
        let body = ReplyBody::streaming(failures, body, call, commit, Conduct::default(), None);
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
        assert_eq!(read(streaming(true, false).await).await, (FRAMES, true));
        assert_eq!(read(streaming(true, true).await).await, (FRAMES, false));
        assert_eq!(read(streaming(false, false).await).await, (FRAMES, false));
    }
}
