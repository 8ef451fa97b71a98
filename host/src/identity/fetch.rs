//! Asks an issuer by HTTP: one request, one connection, no redirects.

use std::{io, path::PathBuf, sync::Arc};

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header, uri::Scheme};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::spawn_blocking,
};
use tokio_rustls::TlsConnector;

use crate::tls::{self, ClientError};

/// The longest answer, in bytes.
const LARGEST: usize = 1 << 20;

/// What HTTP over TLS listens on, and without.
const PORTS: [u16; 2] = [443, 80];

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum FetchError {
    /// The URL is of nobody who can be asked.
    #[error("it is no URL with TLS, nor one of this machine")]
    Url,
    /// TLS cannot be begun with anybody.
    #[error("TLS cannot be begun")]
    Tls(#[from] ClientError),
    /// Nobody answers there, or not who is meant.
    #[error("it cannot be reached")]
    Connect(#[from] io::Error),
    /// It speaks no HTTP, or stops in the middle.
    #[error("its answer breaks off")]
    Http(#[from] hyper::Error),
    /// Its answer is too long, or broken.
    #[error("its answer has more than 1 MiB, or breaks off")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It answers something else.
    #[error("it answers with {0}")]
    Status(StatusCode),
}

/// What is there. A server over TLS has the name's certificate, and those in the file of `ca`
/// vouch for it, or whom the system trusts.
pub async fn get(url: &Uri, ca: Option<PathBuf>) -> Result<Bytes, FetchError> {
    let (Some(host), Some(scheme)) = (url.host(), url.scheme()) else { return Err(FetchError::Url) };
    let is_secure = *scheme == Scheme::HTTPS;
    let host = host.trim_matches(['[', ']']);
    let port = url.port_u16().unwrap_or(PORTS[usize::from(!is_secure)]);
    if !is_secure {
        return answer(TcpStream::connect((host, port)).await?, url).await;
    }
    // Read each time, for they may be others by now.
    let config = spawn_blocking(move || tls::client(ca.as_deref(), None)).await.map_err(io::Error::other)??;
    let name = ServerName::try_from(host.to_owned()).map_err(|_| FetchError::Url)?;
    let stream = TcpStream::connect((host, port)).await?;
    answer(TlsConnector::from(Arc::new(config)).connect(name, stream).await?, url).await
}

async fn answer<S>(stream: S, url: &Uri) -> Result<Bytes, FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let authority = url.authority().map_or("", |authority| authority.as_str());
    let target = url.path_and_query().map_or("/", |target| target.as_str());
    let request = Request::get(target).header(header::HOST, authority).header(header::ACCEPT, "application/json");
    let request = request.body(Empty::<Bytes>::new()).map_err(|_| FetchError::Url)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await?.into_parts();
    if head.status != StatusCode::OK {
        connection.abort();
        return Err(FetchError::Status(head.status));
    }
    Ok(Limited::new(body, LARGEST).collect().await.map_err(FetchError::Body)?.to_bytes())
}
