//! What is pulled, kept in memory and bounded.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::AsyncWrite;

/// Takes bytes until they are more than they should be.
pub struct Sink<'a> {
    /// What has come.
    pub bytes: Vec<u8>,
    /// Whether there was more.
    pub is_over: bool,
    limit: usize,
    progress: &'a (dyn Fn(usize) + Sync),
}

impl Sink<'_> {
    /// A sink for so many bytes, which tells how many it has.
    pub fn new(limit: usize, progress: &(dyn Fn(usize) + Sync)) -> Sink<'_> {
        Sink { bytes: Vec::new(), is_over: false, limit, progress }
    }
}

impl AsyncWrite for Sink<'_> {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if bytes.len() > self.limit - self.bytes.len() {
            self.is_over = true;
            return Poll::Ready(Err(io::ErrorKind::FileTooLarge.into()));
        }
        self.bytes.extend_from_slice(bytes);
        (self.progress)(self.bytes.len());
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
