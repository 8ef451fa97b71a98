//! A body that is encoded as it is sent.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Body, Frame};
use wasmtime_wasi_http::Error;

use super::encoder::Encoder;
use crate::{manifest::Coding, service::ReplyBody};

/// Bytes that are encoded before others get their turn: about a millisecond.
const PIECE: usize = 64 << 10;

/// Encoded bytes that are sent together, where more follows at once.
const READY: usize = 16 << 10;

/// Whatever has come of the body is sent before more of it is waited for: who streams is not
/// held back.
pub struct CompressedBody {
    body: ReplyBody,
    coding: Coding,
    /// Of the whole body, if it is known.
    length: Option<u64>,
    /// None before the first piece, and after the last.
    encoder: Option<Encoder>,
    /// What has come and is not encoded yet.
    waiting: Bytes,
    trailers: Option<HeaderMap>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// All that was encoded has been sent.
    Sent,
    /// Some is still in the encoder.
    Held,
    /// The body has ended, its encoder has not.
    Ended,
    /// All is sent but the trailers.
    Done,
}

impl CompressedBody {
    /// A body in this coding.
    pub fn new(body: ReplyBody, coding: Coding) -> CompressedBody {
        let (waiting, trailers, length) = (Bytes::new(), None, body.size_hint().exact());
        CompressedBody { body, coding, length, encoder: None, waiting, trailers, state: State::Sent }
    }

    fn encoder(&mut self) -> io::Result<&mut Encoder> {
        match &mut self.encoder {
            Some(encoder) => Ok(encoder),
            none => Ok(none.insert(Encoder::new(self.coding, self.length)?)),
        }
    }

    /// Encode a part of what waits; what came out, if it is enough to be sent.
    fn encode(&mut self) -> io::Result<Option<Bytes>> {
        let piece = self.waiting.split_to(self.waiting.len().min(PIECE));
        let encoder = self.encoder()?;
        encoder.write(&piece)?;
        let enough = (encoder.ready() >= READY).then(|| encoder.take());
        self.state = State::Held;
        Ok(enough)
    }

    /// All that can be decoded of what was encoded.
    fn flush(&mut self) -> io::Result<Bytes> {
        let encoder = self.encoder()?;
        encoder.flush()?;
        let piece = encoder.take();
        self.state = State::Sent;
        Ok(piece)
    }

    fn finish(&mut self) -> io::Result<Bytes> {
        self.state = State::Done;
        self.encoder()?;
        self.encoder.take().map_or(Ok(Bytes::new()), Encoder::finish)
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        loop {
            let piece = match self.state {
                State::Done => return Poll::Ready(self.trailers.take().map(|fields| Ok(Frame::trailers(fields)))),
                State::Ended if !self.waiting.has_remaining() => self.finish().map(Some),
                _ if self.waiting.has_remaining() => self.encode(),
                _ => match Pin::new(&mut self.body).poll_frame(cx) {
                    Poll::Ready(Some(Ok(frame))) => {
                        match frame.into_data() {
                            Ok(data) => self.waiting = data,
                            Err(frame) => self.trailers = frame.into_trailers().ok(),
                        }
                        continue;
                    }
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                    Poll::Ready(None) => {
                        self.state = State::Ended;
                        continue;
                    }
                    Poll::Pending if self.state == State::Held => self.flush().map(Some),
                    Poll::Pending => return Poll::Pending,
                },
            };
            match piece {
                Ok(Some(piece)) if piece.has_remaining() => return Poll::Ready(Some(Ok(Frame::data(piece)))),
                // Others get their turn.
                Ok(_) if self.waiting.has_remaining() => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Ok(_) => {}
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "an answer cannot be encoded");
                    return Poll::Ready(Some(Err(Error::HttpResponseIncomplete)));
                }
            }
        }
    }
}

impl Body for CompressedBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.poll(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.state == State::Done && self.trailers.is_none()
    }
}
