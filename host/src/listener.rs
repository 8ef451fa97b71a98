//! Listening for HTTP: accepting connections, speaking HTTP/1.1 and HTTP/2 (with
//! prior knowledge), bounding what slow and greedy clients may take, and
//! draining at the end.
//!
//! The gateway and the admin API each run one. What a request means is theirs.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use http::{Request, Response, Version};
use http_body::Body;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
};

pub use self::capacity::capacity;
use self::{
    in_flight::{InFlight, Requests},
    patience::{Patience, Resets},
    sockets::Sockets,
};

mod capacity;
mod in_flight;
mod patience;
pub mod reply;
mod sockets;

/// How long the head of a request may take to come. hyper counts from the end of
/// the request before, so anything less would end connections that are idle.
const HEAD_TIMEOUT: Duration = patience::IDLE;

/// The most bytes that the head of a request may have.
const LARGEST_HEAD: usize = 64 * 1024;

/// The most requests that a connection of HTTP/2 may have open.
const MOST_STREAMS: u32 = 256;

/// How long to rest when the system has no more files or memory for us.
const EXHAUSTED: Duration = Duration::from_millis(50);

/// What answers the requests of a listener.
pub trait Handler: Send + Sync + 'static {
    /// The body of an answer.
    type Body: Body<Data: Send, Error: std::error::Error + Send + Sync + 'static> + Send + Unpin + 'static;

    /// Answer one request. There is always an answer; failures have one too.
    fn answer(&self, request: Request<Incoming>) -> impl Future<Output = Response<Self::Body>> + Send;
}

/// Bound addresses.
pub struct Listener {
    sockets: Sockets,
    /// For connections. Those that find none wait in the system's queue.
    room: Arc<Semaphore>,
}

/// The connections of a listener that accepts no more.
pub struct Connections(GracefulShutdown);

impl Listener {
    /// Bind these addresses, for so many connections at once. None is accepted before
    /// [`Listener::serve`].
    pub async fn bind(addresses: &[SocketAddr], connections: usize) -> io::Result<Listener> {
        let sockets = Sockets::bind(addresses).await?;
        Ok(Listener { sockets, room: Arc::new(Semaphore::new(connections)) })
    }

    /// Where it listens; the port is a real one even if 0 was asked for.
    pub fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        self.sockets.addresses()
    }

    /// Serve until `stop` completes. What is in flight then is left to be finished.
    pub async fn serve<H: Handler>(self, handler: Arc<H>, stop: impl Future<Output = ()>) -> Connections {
        let builder = Arc::new(protocols());
        let graceful = GracefulShutdown::new();
        tokio::pin!(stop);
        loop {
            let (stream, room) = tokio::select! {
                () = &mut stop => break,
                Some(accepted) = self.accept() => accepted,
            };
            let _ = stream.set_nodelay(true);
            let connection = connection(stream, &builder, handler.clone(), &graceful);
            tokio::spawn(async move {
                connection.await;
                drop(room);
            });
        }
        Connections(graceful)
    }

    /// The next connection, as soon as there is room for it.
    async fn accept(&self) -> Option<(TcpStream, OwnedSemaphorePermit)> {
        // It is never closed.
        let room = self.room.clone().acquire_owned().await.ok()?;
        loop {
            match self.sockets.accept().await {
                Ok(stream) => return Some((stream, room)),
                Err(error) if is_the_clients(&error) => {}
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "a connection could not be accepted");
                    tokio::time::sleep(EXHAUSTED).await;
                }
            }
        }
    }
}

/// Whether a connection could not be accepted because its client had left, which
/// says nothing of the next one.
fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

impl Connections {
    /// Close those that are idle, and each other when its requests are answered.
    pub async fn drain(self) {
        self.0.shutdown().await;
    }
}

fn protocols() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(LARGEST_HEAD);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MOST_STREAMS)
        .max_header_list_size(LARGEST_HEAD as u32);
    builder
}

/// The life of one connection. Its failures are the client's: it went away, was
/// too slow, or spoke no HTTP.
fn connection<H: Handler>(
    stream: impl AsyncRead + AsyncWrite + Resets + Unpin + Send + 'static,
    builder: &Arc<auto::Builder<TokioExecutor>>,
    handler: Arc<H>,
    graceful: &GracefulShutdown,
) -> impl Future<Output = ()> + Send + 'static {
    let requests = Arc::<Requests>::default();
    let io = TokioIo::new(Patience::new(stream, requests.clone()));
    let service = service_fn(move |request: Request<Incoming>| {
        let (handler, in_flight) = (handler.clone(), InFlight::new(&requests));
        async move {
            let is_framed = request.version() > Version::HTTP_10;
            let answer = handler.answer(request).await;
            Ok::<_, std::convert::Infallible>(answer.map(|body| in_flight.until_made(body, is_framed)))
        }
    });
    let watcher = graceful.watcher();
    let builder = builder.clone();
    async move {
        let served = watcher.watch(builder.serve_connection(io, service).into_owned()).await;
        if let Err(error) = served {
            tracing::debug!(error = &*error, "a connection ended early");
        }
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use rustix::io::Errno;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
        time::{Instant, sleep},
    };

    use super::*;

    struct Greeter;

    impl Handler for Greeter {
        type Body = String;

        async fn answer(&self, _: Request<Incoming>) -> Response<String> {
            Response::new("hello".into())
        }
    }

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n";

    /// A client of a connection on which each request is answered.
    fn connected() -> DuplexStream {
        let (client, server) = duplex(1024);
        let graceful = GracefulShutdown::new();
        let connection = connection(server, &Arc::new(protocols()), Arc::new(Greeter), &graceful);
        tokio::spawn(async move { (connection.await, graceful) });
        client
    }

    async fn answered(client: &mut DuplexStream) {
        client.write_all(REQUEST).await.expect("it reads");
        let mut answer = Vec::new();
        while !answer.ends_with(b"hello") {
            assert_ne!(client.read_buf(&mut answer).await.expect("it writes"), 0, "it ends the connection");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_may_be_idle_between_requests() {
        let mut client = connected();
        for _ in 0..3 {
            answered(&mut client).await;
            sleep(patience::IDLE - Duration::from_secs(1)).await;
        }
        answered(&mut client).await;
        let begun = Instant::now();
        assert_eq!(client.read(&mut [0]).await.expect("it ends"), 0);
        assert_eq!(begun.elapsed().as_secs(), patience::IDLE.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_not_taken_does_not_hold_its_connection() {
        let mut client = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
        client.timer(TokioTimer::new()).initial_stream_window_size(0);
        // Nor do PINGs.
        client.keep_alive_interval(Some(Duration::from_secs(10))).keep_alive_while_idle(true);
        let (mut sender, connection) = client.handshake(TokioIo::new(connected())).await.expect("HTTP/2");
        let request = Request::get("http://test/").body(String::new()).expect("a request");
        let begun = Instant::now();
        let (answer, ended) = tokio::join!(sender.send_request(request), connection);
        assert_eq!(answer.expect("the head comes").status(), 200);
        ended.expect_err("the connection is cut off");
        assert!(begun.elapsed() <= patience::IDLE * 2, "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_drips_is_cut_off() {
        let mut client = connected();
        answered(&mut client).await;
        let begun = Instant::now();
        for byte in REQUEST {
            sleep(Duration::from_secs(5)).await;
            if client.write_u8(*byte).await.is_err() {
                break;
            }
        }
        assert!(begun.elapsed() <= HEAD_TIMEOUT + Duration::from_secs(10), "{:?}", begun.elapsed());
    }

    #[test]
    fn a_client_that_left_is_no_reason_to_rest() {
        for errno in [Errno::CONNABORTED, Errno::CONNRESET, Errno::CONNREFUSED, Errno::INTR] {
            assert!(is_the_clients(&errno.into()), "{errno}");
        }
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM] {
            assert!(!is_the_clients(&errno.into()), "{errno}");
        }
    }
}
