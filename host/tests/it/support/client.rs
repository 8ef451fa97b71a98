//! A client over one connection, so that a test knows which requests share one.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header, uri::Scheme};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{
    body::{Frame, Incoming},
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::mpsc,
};

use super::PATIENCE;

/// What a request's body is made of.
pub type Body = BoxBody<Bytes, io::Error>;

/// A connection that requests are sent on one after the other (or, over HTTP/2,
/// side by side by clones of it).
pub struct Client {
    sender: Sender,
    scheme: Scheme,
    host: String,
}

/// What a connection goes over.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}

enum Sender {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// A body that is all there.
pub fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed()
}

/// A body that is sent as its pieces are given. It ends when the sender is
/// dropped, and breaks off at a piece that is an error.
pub fn pieces() -> (mpsc::Sender<io::Result<Bytes>>, Body) {
    let (sender, receiver) = mpsc::channel(1);
    (sender, Pieces(receiver).boxed())
}

struct Pieces(mpsc::Receiver<io::Result<Bytes>>);

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_recv(cx).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

impl Client {
    /// Connect with HTTP/1.1.
    pub async fn http1(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).await.expect("the host listens");
        Client::http1_over(stream, address.to_string()).await
    }

    /// Speak HTTP/1.1 with a host of this name.
    pub async fn http1_over(stream: impl Stream, host: String) -> Client {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("HTTP/1.1");
        tokio::spawn(connection);
        Client { sender: Sender::Http1(sender), scheme: Scheme::HTTP, host }
    }

    /// Speak HTTP/2 with a host of this name, by URLs of this scheme.
    pub async fn http2_over(stream: impl Stream, scheme: Scheme, host: String) -> Client {
        let client = http2::Builder::new(TokioExecutor::new());
        let (sender, connection) = client.handshake(TokioIo::new(stream)).await.expect("HTTP/2");
        tokio::spawn(connection);
        Client { sender: Sender::Http2(sender), scheme, host }
    }

    /// Connect with HTTP/2, with prior knowledge.
    pub async fn http2(address: SocketAddr) -> Client {
        Client::http2_as(address, &http2::Builder::new(TokioExecutor::new())).await
    }

    /// The same, and it takes no byte of any body.
    pub async fn http2_that_takes_nothing(address: SocketAddr) -> Client {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        Client::http2_as(address, builder.initial_stream_window_size(0)).await
    }

    async fn http2_as(address: SocketAddr, builder: &http2::Builder<TokioExecutor>) -> Client {
        let stream = TcpStream::connect(address).await.expect("the host listens");
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.expect("HTTP/2");
        tokio::spawn(connection);
        Client { sender: Sender::Http2(sender), scheme: Scheme::HTTP, host: address.to_string() }
    }

    /// Another handle to a connection of HTTP/2.
    pub fn share(&self) -> Option<Client> {
        match &self.sender {
            Sender::Http1(_) => None,
            Sender::Http2(sender) => {
                let (sender, scheme) = (Sender::Http2(sender.clone()), self.scheme.clone());
                Some(Client { sender, scheme, host: self.host.clone() })
            }
        }
    }

    /// Send a request as it is, but for `Host`, and return its answer with the
    /// body still to come.
    pub async fn start(&mut self, mut request: Request<Body>) -> hyper::Result<Response<Incoming>> {
        match &mut self.sender {
            Sender::Http1(sender) => {
                request.headers_mut().entry(header::HOST).or_insert(self.host.parse().expect("a header value"));
                sender.ready().await?;
                sender.send_request(request).await
            }
            Sender::Http2(sender) => {
                let uri = format!("{}://{}{}", self.scheme, self.host, request.uri());
                *request.uri_mut() = uri.parse().expect("a URI");
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }

    /// Send a request and wait for the whole answer; an error if the connection
    /// broke.
    pub async fn try_send(&mut self, request: Request<Body>) -> hyper::Result<Answer> {
        let (head, body) = self.start(request).await?.into_parts();
        Ok(Answer { status: head.status, headers: head.headers, body: body.collect().await?.to_bytes() })
    }

    /// Send a request and wait for the whole answer.
    pub async fn send(&mut self, request: Request<Body>) -> Answer {
        let answer = tokio::time::timeout(PATIENCE, self.try_send(request)).await;
        answer.expect("an answer in time").expect("an answer")
    }

    /// A request without a body.
    pub async fn ask(&mut self, method: Method, path: &str) -> Answer {
        self.send(request(method, path, "")).await
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.ask(Method::GET, path).await
    }

    /// POST a JSON body.
    pub async fn post(&mut self, path: &str, json: &str) -> Answer {
        self.send(post(path, json.to_owned())).await
    }
}

/// A request with a body in one piece.
pub fn request(method: Method, path: &str, body: impl Into<Bytes>) -> Request<Body> {
    Request::builder().method(method).uri(path).body(whole(body)).expect("a valid request")
}

/// A POST of JSON.
pub fn post(path: &str, json: impl Into<Bytes>) -> Request<Body> {
    let mut request = request(Method::POST, path, json);
    request.headers_mut().insert(header::CONTENT_TYPE, "application/json".parse().expect("a header value"));
    request
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {:?}", self.body))
    }

    /// A header's value, or an empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }
}
