//! Listening for HTTP: accepting connections, speaking HTTP/1.1 and HTTP/2 (with
//! prior knowledge, or as TLS negotiates it), bounding what slow and greedy clients may take, and
//! draining at the end.
//!
//! The gateway and the admin API each run one. What a request means is theirs.

use std::{
    io,
    net::SocketAddr,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::{Request, Response, StatusCode, Version};
use http_body::Body;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::TokioIo,
    server::graceful::{GracefulShutdown, Watcher},
};
use ipnet::IpNet;
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore, watch},
};
use tokio_rustls::server::TlsStream;

pub use self::{capacity::capacity, peer::Peer, switch::Switch};
use self::{
    in_flight::{InFlight, Requests},
    patience::{Patience, Resets},
    protocols::{Maker, Protocol, Protocols},
    proxied::Proxies,
    refusal::Refusing,
    sockets::Sockets,
    switch::Parties,
};
use crate::tls::Tls;

mod capacity;
mod heard;
mod in_flight;
pub mod limits;
mod patience;
mod peer;
mod protocols;
mod proxied;
mod refusal;
pub mod reply;
mod secure;
mod sockets;
mod switch;

/// How long to rest when the system has no more files or memory for us.
const EXHAUSTED: Duration = Duration::from_millis(50);

/// What answers the requests of a listener.
pub trait Handler: Send + Sync + 'static {
    /// The body of an answer.
    type Body: Body<Data: Send, Error: std::error::Error + Send + Sync + 'static> + Send + Unpin + 'static;

    /// Answer one request of this peer. There is always an answer; failures have one too.
    fn answer(&self, request: Request<Incoming>, peer: &Peer) -> impl Future<Output = Response<Self::Body>> + Send;
}

/// Bound addresses.
pub struct Listener {
    sockets: Sockets,
    /// For connections. Those that find none wait in the system's queue.
    room: Arc<Semaphore>,
    /// What it shows to its clients, if it speaks TLS.
    tls: Option<Arc<Tls>>,
    /// Who says whose connections they are, if that is not seen from them.
    proxies: Option<Arc<Proxies>>,
}

/// The connections of a listener that accepts no more.
pub struct Connections(GracefulShutdown);

impl Listener {
    /// Bind the addresses of each of these names, for so many connections at once. None is
    /// accepted before [`Listener::serve`].
    pub async fn bind(names: &[Vec<SocketAddr>], connections: usize) -> io::Result<Listener> {
        Ok(Listener::of(Sockets::of(names).await?, connections))
    }

    /// Listen on these, which are bound, for so many connections at once. They stay theirs who
    /// have them: what waits in one when this is dropped waits on.
    pub fn on(bound: &[std::net::TcpListener], connections: usize) -> io::Result<Listener> {
        Ok(Listener::of(Sockets::on(bound)?, connections))
    }

    fn of(sockets: Sockets, connections: usize) -> Listener {
        Listener { sockets, room: Arc::new(Semaphore::new(connections)), tls: None, proxies: None }
    }

    /// Speak TLS alone, if there is something to show.
    pub fn over(self, tls: Option<Arc<Tls>>) -> Listener {
        Listener { tls, ..self }
    }

    /// Have each connection begin with a header of the PROXY protocol: from these networks
    /// alone, unless there are none.
    pub fn proxied(self, networks: Vec<IpNet>) -> Listener {
        Listener { proxies: Some(Arc::new(Proxies::new(networks))), ..self }
    }

    /// Where it listens; the port is a real one even if 0 was asked for.
    pub fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        self.sockets.addresses()
    }

    /// Whether it speaks TLS.
    pub fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// Serve until `stop` completes. What is in flight then is left to be finished.
    pub async fn serve<H: Handler>(self, handler: Arc<H>, stop: impl Future<Output = ()>) -> Connections {
        let (protocols, graceful) = (Protocols::new(), GracefulShutdown::new());
        // Closed when no more are accepted: whoever has not even begun then is left.
        let (_accepting, accepts) = watch::channel(());
        tokio::pin!(stop);
        loop {
            let (stream, peer, room) = tokio::select! {
                () = &mut stop => break,
                Some(accepted) = self.accept() => accepted,
            };
            let _ = stream.set_nodelay(true);
            // Each for its part: the connection's HTTP, and what may be spoken after that.
            let (handler, watcher) = (handler.clone(), [graceful.watcher(), graceful.watcher()]);
            if self.tls.is_none() && self.proxies.is_none() {
                let connection = connection(stream, peer, protocols.any(), handler, watcher, accepts.clone());
                tokio::spawn(async move {
                    connection.await;
                    drop(room);
                });
                continue;
            }
            let (proxies, tls) = (self.proxies.clone(), self.tls.as_ref().map(|tls| tls.config()));
            let (protocols, mut accepts) = (protocols.clone(), accepts.clone());
            tokio::spawn(async move {
                let begun = tokio::select! {
                    begun = begin(stream, peer, proxies, tls) => begun,
                    _ = accepts.changed() => None,
                };
                match begun {
                    Some((Begun::Plain(stream), peer)) => {
                        connection(stream, peer, protocols.any(), handler, watcher, accepts).await;
                    }
                    Some((Begun::Secure(stream, protocol), peer)) => {
                        let maker = protocols.of(protocol);
                        connection(*stream, peer.secure(), maker, handler, watcher, accepts).await;
                    }
                    None => {}
                }
                drop(room);
            });
        }
        Connections(graceful)
    }

    /// The next connection, as soon as there is room for it.
    async fn accept(&self) -> Option<(TcpStream, Peer, OwnedSemaphorePermit)> {
        // It is never closed.
        let room = self.room.clone().acquire_owned().await.ok()?;
        loop {
            match self.sockets.accept().await {
                Ok((stream, from)) => return Some((stream, Peer::new(from.ip()), room)),
                Err(error) if is_the_clients(&error) => {}
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "a connection could not be accepted");
                    tokio::time::sleep(EXHAUSTED).await;
                }
            }
        }
    }
}

/// A connection on which HTTP begins.
enum Begun {
    /// As it was accepted.
    Plain(TcpStream),
    /// Over TLS, and what is spoken there.
    Secure(Box<TlsStream<TcpStream>>, Protocol),
}

/// What comes before HTTP: whose connection it is, then TLS. None if that fails, which is a line
/// for who looks for it.
async fn begin(
    mut stream: TcpStream,
    from: Peer,
    proxies: Option<Arc<Proxies>>,
    tls: Option<Arc<ServerConfig>>,
) -> Option<(Begun, Peer)> {
    let peer = match proxies {
        None => from,
        Some(proxies) => {
            let proxy = from.address();
            let asked = proxies.ask(&mut stream, from).await.inspect_err(|error| {
                let error = error as &dyn std::error::Error;
                tracing::debug!(error, %proxy, "a connection was closed: nobody said whose it is");
            });
            asked.ok()?
        }
    };
    match tls {
        None => Some((Begun::Plain(stream), peer)),
        Some(config) => {
            let (stream, protocol) = secure::begin(stream, &peer, config).await?;
            Some((Begun::Secure(Box::new(stream), protocol), peer))
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

/// The life of one connection. Its failures are the client's: it went away, was
/// too slow, or spoke no HTTP. `accepts` is closed when it is to end.
fn connection<H: Handler>(
    stream: impl AsyncRead + AsyncWrite + Resets + Unpin + Send + 'static,
    peer: Peer,
    maker: Maker,
    handler: Arc<H>,
    [watcher, until_over]: [Watcher; 2],
    mut accepts: watch::Receiver<()>,
) -> impl Future<Output = ()> + Send + 'static {
    let requests = Arc::<Requests>::default();
    let io = TokioIo::new(Refusing::new(Patience::new(stream, requests.clone()), requests.clone()));
    let after = Arc::<Mutex<Option<Switched>>>::default();
    let answers = Arc::new((handler, peer, after.clone()));
    let service = service_fn(move |request: Request<Incoming>| {
        let (answers, requests, in_flight) = (answers.clone(), requests.clone(), InFlight::new(&requests));
        async move {
            let is_framed = request.version() > Version::HTTP_10;
            let (handler, peer, after) = &*answers;
            let mut answer = handler.answer(request, peer).await;
            if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
                *after.lock().unwrap_or_else(PoisonError::into_inner) = Switched::of(&mut answer, &requests);
            }
            Ok::<_, std::convert::Infallible>(answer.map(|body| in_flight.until_made(body, is_framed)))
        }
    });
    async move {
        let served = match maker {
            Maker::Any(any) => watcher.watch(any.serve_connection_with_upgrades(io, service).into_owned()).await,
            // No watcher can watch one of these.
            Maker::Http1(http1) => {
                let mut served = pin!(http1.serve_connection(io, service).with_upgrades());
                let ended = tokio::select! {
                    ended = &mut served => ended,
                    _ = accepts.changed() => {
                        served.as_mut().graceful_shutdown();
                        served.await
                    }
                };
                ended.map_err(Into::into)
            }
            Maker::Http2(http2) => watcher.watch(http2.serve_connection(io, service).into_owned()).await,
        };
        if let Err(error) = served {
            tracing::debug!(error = &*error, "a connection ended early");
        }
        let switched = after.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Switched { parties, _in_flight }) = switched
            && let Err(error) = parties.talk().await
        {
            tracing::debug!(error = &error as &dyn std::error::Error, "a connection that was switched ended early");
        }
        drop(until_over);
    }
}

/// What is spoken on a connection after its HTTP.
struct Switched {
    parties: Parties,
    /// It counts as a request that goes on.
    _in_flight: InFlight,
}

impl Switched {
    /// What an answer has begun.
    fn of<B>(answer: &mut Response<B>, requests: &Arc<Requests>) -> Option<Switched> {
        let parties = answer.extensions_mut().remove::<Switch>()?.parties()?;
        requests.switch();
        Some(Switched { parties, _in_flight: InFlight::new(requests) })
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

    use hyper_util::rt::{TokioExecutor, TokioTimer};

    use super::*;

    struct Greeter;

    impl Handler for Greeter {
        type Body = String;

        async fn answer(&self, _: Request<Incoming>, _: &Peer) -> Response<String> {
            Response::new("hello".into())
        }
    }

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n";

    /// A client of a connection on which each request is answered.
    fn connected() -> DuplexStream {
        let (client, server) = duplex(1024);
        let graceful = GracefulShutdown::new();
        let peer = Peer::new(std::net::Ipv4Addr::LOCALHOST.into());
        let connection = connection(
            server,
            peer,
            Protocols::new().any(),
            Arc::new(Greeter),
            [graceful.watcher(), graceful.watcher()],
            watch::channel(()).1,
        );
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
    async fn a_head_that_drips_is_told_so_and_cut_off() {
        let mut client = connected();
        answered(&mut client).await;
        let begun = Instant::now();
        for byte in &REQUEST[..REQUEST.len() - 1] {
            client.write_u8(*byte).await.expect("it reads");
            if begun.elapsed() + Duration::from_secs(5) > patience::IDLE {
                break;
            }
            sleep(Duration::from_secs(5)).await;
        }
        let mut told = String::new();
        client.read_to_string(&mut told).await.expect("it ends");
        assert_eq!(begun.elapsed().as_secs(), patience::IDLE.as_secs());
        assert!(told.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{told}");
        assert!(told.ends_with(r#"{"error":"The request did not come in time"}"#), "{told}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_for_nothing_is_told_nothing() {
        let mut client = connected();
        answered(&mut client).await;
        let mut told = String::new();
        client.read_to_string(&mut told).await.expect("it ends");
        assert_eq!(told, "");
    }

    #[tokio::test(start_paused = true)]
    async fn who_speaks_http_2_is_told_nothing_in_http_1() {
        let mut client = connected();
        // The preface, in two pieces, and empty settings.
        for piece in [&b"PRI * H"[..], b"TTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"] {
            client.write_all(piece).await.expect("it reads");
            sleep(Duration::from_secs(1)).await;
        }
        let mut told = Vec::new();
        client.read_to_end(&mut told).await.expect("it ends");
        assert!(!told.is_empty() && !told.windows(5).any(|part| part == b"HTTP/"), "{}", told.escape_ascii());
    }

    /// What comes back for this, after another request was answered and before.
    async fn refused(bytes: &[u8]) -> [String; 2] {
        let mut refusals = [String::new(), String::new()];
        for (number, refusal) in refusals.iter_mut().enumerate() {
            let mut client = connected();
            if number > 0 {
                answered(&mut client).await;
            }
            // It may answer before it has read all.
            let (reading, mut writing) = tokio::io::split(client);
            let sent = bytes.to_vec();
            let sending = tokio::spawn(async move { writing.write_all(&sent).await });
            tokio::io::BufReader::new(reading).read_to_string(refusal).await.expect("it ends");
            sending.abort();
        }
        refusals
    }

    #[tokio::test(start_paused = true)]
    async fn what_hyper_refuses_is_refused_with_a_reason() {
        let long = "x".repeat(protocols::LARGEST_HEAD);
        for (what, bytes, status, reason) in [
            (
                "no HTTP",
                "no HTTP\r\n\r\n".to_owned(),
                "400 Bad Request",
                "The request is not as HTTP has it".to_owned(),
            ),
            ("a long URL", format!("GET /{long} HTTP/1.1\r\n"), "414 URI Too Long", limits::long_url()),
            ("a URL without end", format!("GET /{long}{long}"), "414 URI Too Long", limits::long_url()),
            (
                "a large header",
                format!("GET / HTTP/1.1\r\nx: {long}\r\n\r\n"),
                "431 Request Header Fields Too Large",
                limits::large_fields(),
            ),
            (
                "many headers",
                format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(limits::MOST_FIELDS + 1)),
                "431 Request Header Fields Too Large",
                limits::large_fields(),
            ),
        ] {
            for refused in refused(bytes.as_bytes()).await {
                let (head, body) = refused.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{what}: {refused:?}"));
                assert_eq!(body, serde_json::json!({ "error": reason }).to_string(), "{what}: {refused}");
                let mut lines: Vec<_> = head.lines().filter(|line| !line.starts_with("date: ")).collect();
                lines.sort_unstable();
                let length = format!("content-length: {}", body.len());
                let mut expected =
                    [&*format!("HTTP/1.1 {status}"), "connection: close", &length, "content-type: application/json"];
                expected.sort_unstable();
                assert_eq!(lines, expected, "{what}: {refused}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_right_behind_an_answer_has_a_reason_too() {
        let mut client = connected();
        client.write_all(&[REQUEST, REQUEST, b"no HTTP\r\n\r\n"].concat()).await.expect("it reads");
        let mut answers = String::new();
        client.read_to_string(&mut answers).await.expect("it ends");
        assert_eq!(answers.matches("hello").count(), 2, "{answers}");
        assert!(answers.ends_with(r#"{"error":"The request is not as HTTP has it"}"#), "{answers}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_an_answer_holds_is_left_alone() {
        struct Mimic;
        const REFUSAL: &str = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
        impl Handler for Mimic {
            type Body = String;

            async fn answer(&self, _: Request<Incoming>, _: &Peer) -> Response<String> {
                Response::new(REFUSAL.into())
            }
        }
        let (mut client, server) = duplex(1024);
        let peer = Peer::new(std::net::Ipv4Addr::LOCALHOST.into());
        let graceful = GracefulShutdown::new();
        let connection = connection(
            server,
            peer,
            Protocols::new().any(),
            Arc::new(Mimic),
            [graceful.watcher(), graceful.watcher()],
            watch::channel(()).1,
        );
        tokio::spawn(async move { (connection.await, graceful) });
        client.write_all(b"GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").await.expect("it reads");
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.expect("it ends");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with(REFUSAL), "{answer}");
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
