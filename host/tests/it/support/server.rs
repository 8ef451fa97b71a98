//! A server that services send requests to.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bytes::Bytes;
use http::{Response, StatusCode, header};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinHandle};

/// Answers each request with its method and path, and counts them. Below
/// `/redirect/` it redirects to the host that the rest of the path names.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    stop: tokio::sync::oneshot::Sender<()>,
    served: JoinHandle<u64>,
}

impl Server {
    /// Start one on a free port of 127.0.0.1.
    pub async fn start() -> Server {
        Server::at(Ipv4Addr::LOCALHOST.into()).await
    }

    /// Start one on a free port of this address.
    pub async fn at(address: IpAddr) -> Server {
        Server::on((address, 0).into()).await
    }

    /// Start one on a port that is known.
    pub async fn on(address: SocketAddr) -> Server {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (stop, mut stopped) = tokio::sync::oneshot::channel();
        let served = tokio::spawn(async move {
            let mut served = 0;
            loop {
                let accepted = tokio::select! {
                    biased;
                    accepted = listener.accept() => accepted,
                    _ = &mut stopped => return served,
                };
                served += 1;
                let (stream, _) = accepted.expect("a connection");
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .keep_alive(false)
                        .serve_connection(TokioIo::new(stream), service_fn(async |request| echo(&request))),
                );
            }
        });
        Server { address, stop, served }
    }

    /// Stop, and return how many connections there were.
    pub async fn stop(self) -> u64 {
        self.stop.send(()).expect("it runs");
        self.served.await.expect("it does not panic")
    }
}

fn echo(request: &http::Request<hyper::body::Incoming>) -> http::Result<Response<Full<Bytes>>> {
    let mut response = Response::builder();
    if let Some(host) = request.uri().path().strip_prefix("/redirect/") {
        response = response.status(StatusCode::FOUND).header(header::LOCATION, format!("http://{host}/"));
    }
    response.body(format!("{} {}", request.method(), request.uri()).into())
}
