//! How a connection over TLS begins: from its first byte until it is known what it speaks.
//!
//! It has its place among the connections from the start, and so little time for this. A
//! client that begins in plain HTTP is told so, in plain HTTP.

use std::{
    io::{self, ErrorKind},
    sync::Arc,
};

use http::StatusCode;
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{
    Peer,
    patience::{HANDSHAKE, Patience, Resets},
    protocols::Protocol,
    refusal,
};
use crate::tls::server::PROOF;

/// What TLS calls HTTP/2 (RFC 9113, section 3.2).
const HTTP2: &[u8] = b"h2";

/// What was begun with a client, and what it speaks.
type Begun<S> = (TlsStream<S>, Protocol);

/// Have the client begin. What is wrong with it is no more than a line for who looks for it.
pub async fn begin(stream: TcpStream, peer: &Peer, config: Arc<ServerConfig>) -> Option<Begun<TcpStream>> {
    let begun = in_time(async {
        if is_plain(&stream).await? {
            refuse(stream).await?;
            return Err(io::Error::new(ErrorKind::InvalidData, "it speaks plain HTTP"));
        }
        handshake(stream, config).await
    });
    let failed = |error: &io::Error| {
        let client = peer.address();
        tracing::debug!(error = error as &dyn std::error::Error, %client, "a client began no TLS");
    };
    begun.await.inspect_err(failed).ok()
}

async fn handshake<S>(stream: S, config: Arc<ServerConfig>) -> io::Result<Begun<S>>
where
    S: Resets + AsyncRead + AsyncWrite + Unpin,
{
    let stream = match TlsAcceptor::from(config).accept(stream).into_fallible().await {
        Ok(stream) => stream,
        Err((error, stream)) => {
            // It was told why, and is to read that.
            let _ = Patience::new(stream, Arc::default()).shutdown().await;
            return Err(error);
        }
    };
    let mut stream = stream;
    if stream.get_ref().1.alpn_protocol() == Some(PROOF) {
        // It has seen what it wanted to see.
        let _ = stream.shutdown().await;
        return Err(io::Error::other("it is an authority that looked at a proof"));
    }
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(HTTP2);
    Ok((stream, if is_http2 { Protocol::Http2 } else { Protocol::Http1 }))
}

async fn in_time<T>(begun: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(HANDSHAKE, begun).await.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
}

/// Whether the client begins with a method of HTTP, as no TLS does.
async fn is_plain(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    Ok(stream.peek(&mut first).await? == 1 && first[0].is_ascii_uppercase())
}

async fn refuse(stream: TcpStream) -> io::Result<()> {
    let answer = refusal::answer(StatusCode::BAD_REQUEST, "Only https is spoken here, not http", "");
    let mut stream = Patience::new(stream, Arc::default());
    stream.write_all(&answer).await?;
    stream.shutdown().await
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use tokio::{
        io::{AsyncReadExt, duplex},
        time::{Duration, Instant, sleep},
    };

    use super::*;

    /// How a client of TLS begins: a record of 512 bytes, which is a ClientHello.
    const HELLO: [u8; 9] = [22, 3, 1, 2, 0, 1, 0, 1, 252];

    fn config() -> Arc<ServerConfig> {
        let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().expect("there are some");
        let none = Arc::new(rustls::server::ResolvesServerCertUsingSni::new());
        Arc::new(builder.with_no_client_auth().with_cert_resolver(none))
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_finish_has_its_place_for_a_while_alone() {
        for drips in [false, true] {
            let (mut client, server) = duplex(1024);
            let begun = Instant::now();
            let client = tokio::spawn(async move {
                client.write_all(&HELLO).await.expect("it reads");
                while drips && client.write_u8(7).await.is_ok() {
                    sleep(Duration::from_secs(1)).await;
                }
                client.read_to_end(&mut Vec::new()).await
            });
            let ended = in_time(handshake(server, config())).await.map(drop);
            assert_eq!(ended.expect_err("there is no end").kind(), ErrorKind::TimedOut);
            assert_eq!(begun.elapsed(), HANDSHAKE);
            // It is left.
            let _ = client.await.expect("no panic");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_no_tls_is_told_so_and_left() {
        let (mut client, server) = duplex(1024);
        client.write_all(b"\x80\x2e\x01\x00\x02\x00\x15").await.expect("it reads");
        let ended = in_time(handshake(server, config())).await.map(drop);
        assert_eq!(ended.expect_err("it is no TLS").kind(), ErrorKind::InvalidData);
        // An alert, and no more.
        let mut told = Vec::new();
        client.read_to_end(&mut told).await.expect("it ends");
        assert_eq!((told.len(), told.first()), (7, Some(&21)));
    }
}
