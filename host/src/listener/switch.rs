//! Connections on which another protocol than HTTP is spoken, once an answer has said so.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional},
    time::sleep,
};

/// How long nothing may be said either way.
const SILENCE: Duration = Duration::from_secs(3600);

/// Goes with an answer of 101: who speaks with the client from then on.
#[derive(Clone)]
pub struct Switch(Arc<Mutex<Option<Parties>>>);

/// Those who speak with each other.
pub struct Parties {
    client: OnUpgrade,
    other: Box<dyn Stream>,
}

/// What somebody speaks over.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Switch {
    /// The client of a request speaks with this one.
    pub fn new(client: OnUpgrade, other: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Switch {
        Switch(Arc::new(Mutex::new(Some(Parties { client, other: Box::new(other) }))))
    }

    /// Those who speak, once.
    pub fn parties(&self) -> Option<Parties> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Parties {
    /// Hand on what each says until both have ended, or one has broken off, or nobody says
    /// anything any more. Either may end its side before the other.
    pub async fn talk(self) -> io::Result<()> {
        let mut client = TokioIo::new(self.client.await.map_err(io::Error::other)?);
        let said = Arc::new(AtomicUsize::new(0));
        let mut other = Heard { stream: self.other, said: said.clone() };
        tokio::select! {
            ended = copy_bidirectional(&mut client, &mut other) => ended.map(drop),
            () = silence(&said) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

/// Until nothing was said for long.
async fn silence(said: &AtomicUsize) {
    let mut before = usize::MAX;
    loop {
        let now = said.load(Ordering::Relaxed);
        if now == before {
            return;
        }
        before = now;
        sleep(SILENCE).await;
    }
}

/// A stream of which it is known whether anything was said.
struct Heard {
    stream: Box<dyn Stream>,
    said: Arc<AtomicUsize>,
}

impl AsyncRead for Heard {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.said.fetch_add(usize::from(polled.is_ready()), Ordering::Relaxed);
        polled
    }
}

impl AsyncWrite for Heard {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.said.fetch_add(usize::from(polled.is_ready()), Ordering::Relaxed);
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silence_is_noticed_and_nothing_else() {
        let said = Arc::new(AtomicUsize::new(0));
        let silent = tokio::spawn({
            let said = said.clone();
            async move { silence(&said).await }
        });
        for _ in 0..10 {
            sleep(SILENCE / 2).await;
            said.fetch_add(1, Ordering::Relaxed);
        }
        assert!(!silent.is_finished());
        sleep(SILENCE * 2).await;
        silent.await.expect("no panic");
    }
}
