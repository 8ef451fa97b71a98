//! One connection of HTTP/1.1.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response,
    body::Bytes,
    client::conn::http1::{SendRequest, handshake},
    header,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A connection that is kept alive, and made again where the server ends it.
pub struct Client {
    sender: SendRequest<Full<Bytes>>,
    address: SocketAddr,
    host: String,
}

impl Client {
    /// Connect.
    pub async fn connect(address: SocketAddr) -> Result<Client> {
        Ok(Client { sender: connect(address).await?, address, host: address.to_string() })
    }

    /// Read.
    pub async fn get(&mut self, path: &str) -> Result<Response<Bytes>> {
        self.send(Method::GET, path, Bytes::new()).await
    }

    /// Send JSON.
    pub async fn post(&mut self, path: &str, json: Bytes) -> Result<Response<Bytes>> {
        self.send(Method::POST, path, json).await
    }

    /// Send a file.
    pub async fn put(&mut self, path: &str, file: Bytes) -> Result<Response<Bytes>> {
        self.send(Method::PUT, path, file).await
    }

    /// Send a request.
    pub async fn send(&mut self, method: Method, path: &str, body: Bytes) -> Result<Response<Bytes>> {
        if self.sender.ready().await.is_err() {
            self.sender = connect(self.address).await?;
        }
        let request = Request::builder().method(method).uri(path);
        let request = request.header(header::HOST, &self.host).header(header::USER_AGENT, "dovetail-bench");
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let (head, body) = self.sender.send_request(request.body(Full::new(body))?).await?.into_parts();
        Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
    }
}

async fn connect(address: SocketAddr) -> Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await;
    let stream = stream.with_context(|| format!("there is no connection to {address}"))?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}
