//! The task that moves a connection's bytes.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::task::JoinHandle;
use tokio_postgres::{Connection, Socket, tls::TlsStream};

/// A running connection, which ends when its client is dropped and what that asked
/// for is answered, or at once when this is dropped. A future of its end.
pub struct Driver(JoinHandle<()>);

impl Driver {
    /// Moves bytes from now on.
    pub fn start<T: TlsStream + Unpin + Send + 'static>(connection: Connection<Socket, T>) -> Driver {
        Driver(tokio::spawn(async move {
            if let Err(error) = connection.await {
                // Whoever waits for an answer is told, too.
                tracing::debug!(error = &error as &dyn std::error::Error, "a connection to PostgreSQL ended");
            }
        }))
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(context).map(drop)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}
