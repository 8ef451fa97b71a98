//! A connection to an address, which has one request at a time.

use std::{
    future::poll_fn,
    io,
    net::SocketAddr,
    path::Path,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body::Body;
use hyper::{
    body::Incoming,
    client::conn::http1::{self, Parts, SendRequest},
};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    task::coop::unconstrained,
    time::Instant,
};
use tokio_rustls::TlsConnector;

use super::{
    address::Use,
    answer::{AnswerBody, Lease},
    places::Place,
    sent::{Failed, Progress, SentBody},
    stream::Stream,
};
use crate::{
    manifest::Origin,
    tls::{self, ClientError},
};

/// The most bytes of an answer's head.
const LARGEST_HEAD: usize = 64 * 1024;

/// What makes connections.
pub struct Connector {
    /// None if no origin speaks it.
    tls: Option<TlsConnector>,
}

/// A connection.
pub struct Connection {
    sender: SendRequest<SentBody>,
    driver: Driver,
    /// How far the request is that it has.
    body: Progress,
    is_fresh: bool,
    rests_since: Instant,
}

/// What moves a connection on.
enum Driver {
    Going(Box<http1::Connection<TokioIo<Stream>, SentBody>>),
    /// It speaks another protocol than HTTP now.
    Switched(Parts<TokioIo<Stream>>),
    Ended,
}

/// What is answered.
pub enum Answered {
    /// An answer, with its body to come.
    Whole(Response<AnswerBody>),
    /// Another protocol is spoken from now on.
    Switched(Response<()>, Opened),
}

/// A connection on which another protocol than HTTP is spoken.
pub struct Opened {
    /// Where.
    pub stream: Stream,
    /// What came of it already.
    pub begun: Bytes,
    /// It counts as a request until this is dropped.
    pub held: (Use, Option<Place>),
}

impl Connector {
    /// What makes connections to these; over TLS to who has a certificate of those who are
    /// in the file, or whom the system trusts.
    pub fn new(origins: &[Origin], authorities: Option<&Path>) -> Result<Connector, ClientError> {
        let tls = match origins.iter().any(|origin| origin.is_secure) {
            true => Some(Arc::new(tls::client(authorities, None)?).into()),
            false => None,
        };
        Ok(Connector { tls })
    }

    /// Connect with an address of an origin.
    pub async fn connect(&self, origin: &Origin, address: SocketAddr) -> io::Result<Connection> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let stream = match self.tls.as_ref().filter(|_| origin.is_secure) {
            None => Stream::Plain(stream),
            Some(tls) => {
                let name = ServerName::try_from(origin.host.clone()).map_err(io::Error::other)?;
                Stream::Secure(Box::new(tls.connect(name, stream).await?))
            }
        };
        let begun = http1::Builder::new().max_buf_size(LARGEST_HEAD).handshake(TokioIo::new(stream)).await;
        let (sender, connection) = begun.map_err(io::Error::other)?;
        let (driver, body) = (Driver::Going(Box::new(connection)), SentBody::none().progress());
        Ok(Connection { sender, driver, body, is_fresh: true, rests_since: Instant::now() })
    }
}

impl Connection {
    /// Whether it has had no request.
    pub fn is_fresh(&self) -> bool {
        self.is_fresh
    }

    /// Since when it has had none.
    pub fn rests_since(&self) -> Instant {
        self.rests_since
    }

    /// Whether the other side has not ended it, as far as is known.
    pub fn is_alive(&mut self) -> bool {
        // What else wakes it is of no interest until it has a request.
        let mut context = Context::from_waker(Waker::noop());
        let driven = poll_fn(|cx| {
            self.driver.drive(cx);
            Poll::Ready(())
        });
        let _ = pin!(unconstrained(driven)).poll(&mut context);
        matches!(self.driver, Driver::Going(_)) && self.sender.is_ready()
    }

    /// Make ready for another request, if it can have one.
    pub fn rest(&mut self) -> bool {
        self.is_fresh = false;
        self.rests_since = Instant::now();
        self.is_alive()
    }

    /// Send a request and wait for the head of its answer.
    pub async fn exchange(
        &mut self,
        mut request: Request<SentBody>,
        upgrade: Option<&HeaderValue>,
    ) -> Result<Response<Incoming>, Failed> {
        if let Some(protocol) = upgrade {
            request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            request.headers_mut().insert(header::UPGRADE, protocol.clone());
        }
        self.body = request.body().progress();
        let mut answer = pin!(self.sender.try_send_request(request));
        let driver = &mut self.driver;
        let answered = poll_fn(|cx| {
            driver.drive(cx);
            answer.as_mut().poll(cx)
        });
        answered.await.map_err(|mut failed| {
            let request = failed.take_message().map(Box::new);
            Failed { error: failed.into_error(), request }
        })
    }

    /// Move on. The answer is told to whoever waits for it.
    pub fn drive(&mut self, cx: &mut Context<'_>) {
        self.driver.drive(cx);
    }

    /// What was answered, if it is an answer. The rest of the connection goes with its body.
    pub fn answered(mut self, head: Response<Incoming>, at: Use, place: Option<Place>) -> Option<Answered> {
        let (mut head, incoming) = head.into_parts();
        match (head.status.as_u16(), self.driver) {
            (101, Driver::Switched(parts)) => {
                let opened = Opened { stream: parts.io.into_inner(), begun: parts.read_buf, held: (at, place) };
                return Some(Answered::Switched(Response::from_parts(head, ()), opened));
            }
            (200..=599, driver) => self.driver = driver,
            _ => return None,
        }
        frame(&mut head.headers, &incoming, head.status);
        let body = match self.driver {
            driver if incoming.is_end_stream() && self.body.has_ended() => {
                self.driver = driver;
                at.address().give_back(self);
                AnswerBody::none()
            }
            // Its request must come to an end whether anybody takes the answer or not.
            Driver::Going(mut driver) if !self.body.has_ended() => {
                tokio::spawn(async move { drop(poll_fn(|cx| driver.poll_without_shutdown(cx)).await) });
                AnswerBody::new(incoming, Lease { connection: None, at, _place: place })
            }
            driver => {
                self.driver = driver;
                AnswerBody::new(incoming, Lease { connection: Some(self), at, _place: place })
            }
        };
        Some(Answered::Whole(Response::from_parts(head, body)))
    }
}

impl Driver {
    fn drive(&mut self, cx: &mut Context<'_>) {
        let Driver::Going(connection) = self else { return };
        let Poll::Ready(ended) = connection.poll_without_shutdown(cx) else { return };
        // Whoever waits for an answer learns that there is none when it is dropped.
        if let (Driver::Going(connection), Ok(())) = (std::mem::replace(self, Driver::Ended), ended) {
            *self = Driver::Switched(connection.into_parts());
        }
    }
}

/// Say one length of an answer, or none: the one by which it is read.
fn frame(headers: &mut http::HeaderMap, incoming: &Incoming, status: StatusCode) {
    let is_encoded = headers.remove(header::TRANSFER_ENCODING).is_some();
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let (first, more) = (lengths.next().cloned(), lengths.next().is_some());
    let Some(first) = first else { return };
    let is_number = first.as_bytes().iter().all(u8::is_ascii_digit);
    match incoming.size_hint().exact() {
        _ if is_encoded => _ = headers.remove(header::CONTENT_LENGTH),
        Some(length) if length > 0 => _ = headers.insert(header::CONTENT_LENGTH, length.into()),
        // Of HEAD, and of what has not changed, it is that of another answer.
        _ if !is_number || more || status == StatusCode::NO_CONTENT => _ = headers.remove(header::CONTENT_LENGTH),
        _ => {}
    }
}

impl AsyncRead for Opened {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.begun.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let length = self.begun.len().min(buf.remaining());
        buf.put_slice(&self.begun.split_to(length));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Opened {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
