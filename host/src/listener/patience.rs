//! A connection with an end to its patience.
//!
//! A client may take so long to ask, from its connection or its last answer on, and so
//! long to read its answer. How long a request's body may take is bounded by the deadline
//! of its call.
//!
//! And it ends a connection without a look at what the client still sends, such
//! as the rest of a body that is too large. The system answers that with a reset,
//! which can reach the client before it has read why. So here the end waits for
//! the client, for a while. But an answer that ends with its connection, as one of
//! HTTP/1.0 does, and breaks off, must not end like one that is whole: there the client
//! gets a reset.

use std::{
    io,
    mem::MaybeUninit,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep_until},
};
use tokio_rustls::server::TlsStream;

use super::in_flight::Requests;

/// How long a connection may be idle between requests.
pub const IDLE: Duration = Duration::from_secs(60);

/// How long a client may leave what was sent to it unread.
const UNREAD: Duration = Duration::from_secs(30);

/// How long a client may take over TLS until it can ask.
pub const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long a proxy may take to say whose connection it is.
pub const HEADER: Duration = Duration::from_secs(10);

/// How long what a client sends after the end of its connection is read past.
const LINGER: Duration = Duration::from_secs(2);

/// How many bytes a client must take in [`IDLE`] to be one that takes its answer, and
/// not one that has signs of life acknowledged.
const TAKEN: usize = 16 * 1024;

/// A stream that can end as no whole answer does.
pub trait Resets {
    /// Have the client told, when this is dropped, that what came is not all.
    fn reset(&self);
}

/// A stream that fails with `TimedOut` when its client is too slow.
pub struct Patience<S: Resets> {
    stream: S,
    requests: Arc<Requests>,
    /// How far these were when they were looked at last.
    events: usize,
    /// Bytes that were sent since the client was last found to take its answer.
    sent: usize,
    reading: Stall,
    writing: Stall,
    ending: Stall,
}

/// Notices that nothing moved for a while. Its timer is set once and looked at
/// when it fires, for setting one for each wait would cost more than the wait.
struct Stall {
    limit: Duration,
    /// Since when nothing has moved.
    since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<S: Resets + Unpin> Patience<S> {
    /// `requests` are those of this connection: while one waits for an answer it is not
    /// idle.
    pub fn new(stream: S, requests: Arc<Requests>) -> Self {
        Patience {
            stream,
            requests,
            events: 0,
            sent: 0,
            reading: Stall::new(IDLE),
            writing: Stall::new(UNREAD),
            ending: Stall::new(LINGER),
        }
    }

    fn poll_write_with<T>(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        match write(Pin::new(&mut self.stream), cx) {
            Poll::Pending => {
                ready!(self.writing.poll(cx));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            done => {
                self.writing.move_on();
                done
            }
        }
    }

    /// A client that takes a long answer is not idle.
    fn noticed(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(length)) = written {
            self.sent += length;
            if self.sent >= TAKEN {
                self.sent = 0;
                self.reading.move_on();
            }
        }
        written
    }

    /// Count from now, if a request has begun, gone on or ended since the last look.
    fn notice_events(&mut self) {
        let events = self.requests.events();
        if events != self.events {
            self.events = events;
            self.reading.since = Some(Instant::now());
        }
    }

    /// Whether nothing was asked, answered or taken for too long. Bytes that come count
    /// for nothing, for they may be PINGs of HTTP/2, or a head that drips.
    fn is_idle(&mut self, cx: &mut Context<'_>) -> bool {
        self.notice_events();
        while self.reading.poll(cx).is_ready() {
            if self.requests.are_idle() {
                return true;
            }
            self.reading.move_on();
        }
        false
    }
}

impl<S: Resets + AsyncRead + Unpin> Patience<S> {
    /// Read past what comes until the client ends its side, too.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut space = [MaybeUninit::uninit(); 8 * 1024];
        loop {
            let mut passed = ReadBuf::uninit(&mut space);
            match Pin::new(&mut self.stream).poll_read(cx, &mut passed) {
                Poll::Ready(Ok(())) if !passed.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return self.ending.poll(cx),
            }
        }
    }
}

impl Stall {
    fn new(limit: Duration) -> Self {
        Stall { limit, since: None, timer: None }
    }

    fn move_on(&mut self) {
        self.since = None;
    }

    /// Ready when nothing has moved for the limit.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let end = *self.since.get_or_insert_with(Instant::now) + self.limit;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(end)));
        loop {
            ready!(timer.as_mut().poll(cx));
            if Instant::now() >= end {
                return Poll::Ready(());
            }
            timer.as_mut().reset(end);
        }
    }
}

impl<S: Resets + AsyncRead + Unpin> AsyncRead for Patience<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Pending if self.is_idle(cx) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            polled => polled,
        }
    }
}

impl Resets for TcpStream {
    fn reset(&self) {
        // Where it fails the client is gone.
        let _ = self.set_zero_linger();
    }
}

impl<S: Resets> Resets for TlsStream<S> {
    fn reset(&self) {
        self.get_ref().0.reset();
    }
}

impl<S: Resets> Drop for Patience<S> {
    fn drop(&mut self) {
        if self.requests.is_cut() {
            self.stream.reset();
        }
    }
}

impl<S: Resets + AsyncRead + AsyncWrite + Unpin> AsyncWrite for Patience<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.poll_write_with(cx, |stream, cx| stream.poll_write(cx, buf));
        self.noticed(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.poll_write_with(cx, |stream, cx| stream.poll_write_vectored(cx, bufs));
        self.noticed(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.notice_events();
        self.poll_write_with(cx, |stream, cx| stream.poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.ending.since.is_none() {
            ready!(self.poll_write_with(cx, |stream, cx| stream.poll_shutdown(cx)))?;
        }
        // Whoever speaks another protocol may go on when the other side has said all.
        if self.requests.is_switched() {
            return Poll::Ready(Ok(()));
        }
        self.poll_linger(cx).map(Ok)
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::{super::in_flight::InFlight, *};

    impl Resets for DuplexStream {
        fn reset(&self) {}
    }

    /// A connection with room for 8 bytes each way, and its client.
    fn connection() -> (Patience<DuplexStream>, Arc<Requests>, DuplexStream) {
        let (server, client) = duplex(8);
        let requests = Arc::<Requests>::default();
        (Patience::new(server, requests.clone()), requests, client)
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_ends() {
        let (mut server, _, _client) = connection();
        let begun = Instant::now();
        let error = server.read_u8().await.expect_err("nothing is sent");
        assert_eq!((error.kind(), begun.elapsed()), (io::ErrorKind::TimedOut, IDLE));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_with_a_request_in_flight_is_not_idle() {
        let (mut server, requests, mut client) = connection();
        let _one = InFlight::new(&requests);
        assert!(tokio::time::timeout(IDLE * 10, server.read_u8()).await.is_err(), "it still waits");
        client.write_u8(7).await.expect("there is room");
        assert_eq!(server.read_u8().await.expect("a byte"), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_is_left() {
        let (mut server, requests, _client) = connection();
        let _one = InFlight::new(&requests);
        let error = server.write_all(&[0; 9]).await.expect_err("nothing is read");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_slowly_is_served() {
        let (mut server, _, mut client) = connection();
        let sent = tokio::spawn(async move { server.write_all(&[0; 64]).await });
        for _ in 0..64 {
            // Paused time moves on by itself while both sides wait.
            tokio::time::advance(UNREAD / 2).await;
            client.read_u8().await.expect("a byte");
        }
        sent.await.expect("no panic").expect("all was read");
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_waits_for_a_client_that_still_sends() {
        let (mut server, _, mut client) = connection();
        let ended = tokio::spawn(async move { server.shutdown().await.map(|()| server) });
        client.write_all(&[0; 64]).await.expect("it is read past");
        assert_eq!(client.read(&mut [0]).await.expect("no error"), 0);
        assert!(!ended.is_finished());
        drop(client);
        ended.await.expect("no panic").expect("an end");
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_does_not_wait_for_ever() {
        let (mut server, _, _client) = connection();
        let begun = Instant::now();
        server.shutdown().await.expect("an end");
        assert_eq!(begun.elapsed(), LINGER);
    }
}
