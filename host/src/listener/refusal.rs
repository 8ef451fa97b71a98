//! What hyper answers by itself, with a body.
//!
//! A request that it cannot read is answered by hyper with a status and no more, without
//! a word to anybody, and one that does not come to its end not at all. Here its answers
//! are told from all others by when they are written: while every answer was written in
//! full, and before another request begins.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{heard::Heard, in_flight::Requests, limits};

/// A stream on which every refusal says why.
pub struct Refusing<S> {
    stream: S,
    requests: Arc<Requests>,
    heard: Heard,
    /// How far the requests were when all answers had been written, if they have.
    quiet: Option<usize>,
    /// What is written in the place of hyper's answer, as far as it is not.
    answer: Vec<u8>,
}

impl<S> Refusing<S> {
    /// `requests` are those of this connection.
    pub fn new(stream: S, requests: Arc<Requests>) -> Self {
        Refusing { stream, requests, heard: Heard::default(), quiet: Some(0), answer: Vec::new() }
    }

    /// Whether nothing but an answer of hyper's own could be written now.
    fn is_quiet(&self) -> bool {
        !self.heard.is_http2() && self.quiet == Some(self.requests.events())
    }
}

impl<S: AsyncWrite + Unpin> Refusing<S> {
    /// What hyper writes, if it is an answer of its own, is written with a body instead.
    /// `bytes` is all that it has to write, of which none was written.
    fn poll_refuse(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Option<Poll<io::Result<usize>>> {
        if self.answer.is_empty() {
            if !self.is_quiet() {
                return None;
            }
            self.answer = with_body(bytes, &self.heard)?;
        }
        Some(self.poll_answer(cx).map(|written| written.map(|()| bytes.len())))
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.answer.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.answer))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.answer.drain(..written);
        }
        Poll::Ready(Ok(()))
    }

    /// Tell a client whose head did not come in time, as far as it is there to be told.
    fn tell_it_was_slow(&mut self, cx: &mut Context<'_>) {
        if self.heard.has_begun() && self.is_quiet() {
            self.answer = answer(StatusCode::REQUEST_TIMEOUT, "The request did not come in time", "");
            let _ = self.poll_answer(cx);
        }
    }
}

/// An answer of hyper's own with a body. Its head is kept but for the length, and for the
/// status where what was heard tells more than hyper does.
fn with_body(head: &[u8], heard: &Heard) -> Option<Vec<u8>> {
    let head = str::from_utf8(head).ok()?.strip_prefix("HTTP/1.1 ")?;
    let (line, fields) = head.split_once("\r\n")?;
    let (before, after) = fields.split_once("content-length: 0\r\n")?;
    let (status, sentence) = match StatusCode::from_bytes(line.get(..3)?.as_bytes()).ok()? {
        status @ StatusCode::BAD_REQUEST if heard.is_tls() => {
            (status, "Only http is spoken here, not https".to_owned())
        }
        StatusCode::BAD_REQUEST if heard.is_of_other_version() => {
            let sentence = "Only HTTP/1.1, HTTP/1.0 and HTTP/2 with prior knowledge are spoken here";
            (StatusCode::HTTP_VERSION_NOT_SUPPORTED, sentence.to_owned())
        }
        StatusCode::BAD_REQUEST | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE if heard.is_of_long_body() => {
            (StatusCode::PAYLOAD_TOO_LARGE, "No body is as long as Content-Length says".to_owned())
        }
        status @ StatusCode::BAD_REQUEST => (status, "The request is not as HTTP has it".to_owned()),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE if heard.is_long_method() => {
            (StatusCode::NOT_IMPLEMENTED, limits::long_method())
        }
        // What did not end is the URL.
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE if heard.has_begun() && !heard.has_line() => {
            (StatusCode::URI_TOO_LONG, limits::long_url())
        }
        StatusCode::URI_TOO_LONG => (StatusCode::URI_TOO_LONG, limits::long_url()),
        status @ StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => (status, limits::large_fields()),
        _ => return None,
    };
    let rest = [before, after.strip_suffix("\r\n")?].concat();
    Some(answer(status, &sentence, &rest))
}

/// An answer after which the connection ends, with more lines of its head.
pub fn answer(status: StatusCode, sentence: &str, more: &str) -> Vec<u8> {
    let body = serde_json::json!({ "error": sentence }).to_string();
    let length = body.len();
    let close = if more.contains("connection: close\r\n") { "" } else { "connection: close\r\n" };
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n");
    format!("{head}{close}{more}\r\n{body}").into_bytes()
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Refusing<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        match &read {
            Poll::Ready(Ok(())) => self.heard.listen(&buf.filled()[before..]),
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::TimedOut => self.tell_it_was_slow(cx),
            _ => {}
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Refusing<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.poll_refuse(cx, buf) {
            Some(refused) => refused,
            None => Pin::new(&mut self.stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [all] = bufs
            && let Some(refused) = self.poll_refuse(cx, all)
        {
            return refused;
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes when it has nothing more to write.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.requests.are_answered() {
            let events = self.requests.events();
            if self.quiet != Some(events) {
                self.quiet = Some(events);
                self.heard.begin_anew();
            }
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
