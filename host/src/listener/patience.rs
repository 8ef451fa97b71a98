//! A connection with an end to its patience.
//!
//! hyper bounds how long a request's head may take. It bounds neither a client
//! that connects and says nothing, nor one that does not read its answer. How
//! long a request's body may take is bounded by the deadline of its call.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep_until},
};

/// How long a connection may be idle between requests.
const IDLE: Duration = Duration::from_secs(60);

/// How long a client may leave what was sent to it unread.
const UNREAD: Duration = Duration::from_secs(30);

/// A stream that fails with `TimedOut` when its client is too slow.
pub struct Patience {
    stream: TcpStream,
    requests: Arc<AtomicUsize>,
    reading: Stall,
    writing: Stall,
}

/// Notices that nothing moved for a while. Its timer is set once and looked at
/// when it fires, for setting one for each wait would cost more than the wait.
struct Stall {
    limit: Duration,
    /// Since when nothing has moved.
    since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    /// `requests` counts those that this connection has in flight: while there
    /// are any it is not idle.
    pub fn new(stream: TcpStream, requests: Arc<AtomicUsize>) -> Self {
        Patience { stream, requests, reading: Stall::new(IDLE), writing: Stall::new(UNREAD) }
    }

    fn poll_write_with<T>(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<T>>,
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

impl AsyncRead for Patience {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        match Pin::new(&mut this.stream).poll_read(cx, buf) {
            Poll::Pending => {
                while this.reading.poll(cx).is_ready() {
                    if this.requests.load(Ordering::Relaxed) == 0 {
                        return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                    }
                    this.reading.move_on();
                }
                Poll::Pending
            }
            done => {
                this.reading.move_on();
                done
            }
        }
    }
}

impl AsyncWrite for Patience {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, |stream, cx| stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, |stream, cx| stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_write_with(cx, |stream, cx| stream.poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_write_with(cx, |stream, cx| stream.poll_shutdown(cx))
    }
}
