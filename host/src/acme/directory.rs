//! Requests to an authority. There are a dozen for each certificate, so that each has a
//! connection of its own.

use std::{io, path::Path, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::pki_types::ServerName;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

use crate::tls::{self, ClientError};

/// How long an answer may take, from the name's address on.
const PATIENCE: Duration = Duration::from_secs(30);

/// The longest answer, in bytes: a chain of certificates has some thousands.
const LONGEST: usize = 1 << 20;

/// The port of `https`.
const HTTPS: u16 = 443;

/// Sends requests.
pub struct Requests(TlsConnector);

/// What went wrong with a request.
#[derive(Debug, thiserror::Error)]
#[error("{asked} cannot be asked")]
struct Unanswered {
    asked: Uri,
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// Whether a file says whom to trust.
pub fn trusted(file: &Path) -> Result<(), ClientError> {
    tls::client(Some(file), None).map(drop)
}

impl Requests {
    /// Trust those servers which the authorities of this file vouch for, or those that the system
    /// trusts.
    pub fn new(authorities: Option<&Path>) -> Result<Requests, ClientError> {
        Ok(Requests(TlsConnector::from(Arc::new(tls::client(authorities, None)?))))
    }
}

impl HttpClient for Requests {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let (tls, asked) = (self.0.clone(), request.uri().clone());
        Box::pin(async move {
            let answered = timeout(PATIENCE, ask(tls, request)).await;
            let answered = answered.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()));
            let answered = answered.map_err(|source| Error::Other(Box::new(Unanswered { asked, source })));
            Ok(BytesResponse::from(answered?))
        })
    }
}

async fn ask(
    tls: TlsConnector,
    mut request: Request<BodyWrapper<Bytes>>,
) -> Result<Response<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
    let uri = request.uri().clone();
    let authority = uri.authority().filter(|_| uri.scheme_str() == Some("https")).ok_or("it is no https URL")?;
    let host = authority.host().trim_matches(['[', ']']);
    let stream = TcpStream::connect((host, authority.port_u16().unwrap_or(HTTPS))).await?;
    let stream = tls.connect(ServerName::try_from(host.to_owned())?, stream).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    request.headers_mut().insert(header::HOST, HeaderValue::from_str(authority.as_str())?);
    *request.uri_mut() = uri.path_and_query().map_or("/", |it| it.as_str()).parse()?;
    let answered = async {
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, LONGEST).collect().await?;
        Ok(Response::from_parts(head, Full::new(body.to_bytes())))
    };
    // It has to be driven until the body is there.
    tokio::select! {
        answered = answered => answered,
        Err(error) = connection => Err(error.into()),
    }
}
