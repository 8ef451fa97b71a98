//! An issuer that says where its keys are, and whose keys a test changes.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use http::{Response, StatusCode};
use http_body_util::Full;
use hyper::{body::Bytes, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

/// Serves its configuration and its keys over HTTP.
pub struct Issuer {
    /// What its tokens say that it is.
    pub url: String,
    keys: Arc<Mutex<Vec<Value>>>,
    asked: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl Issuer {
    /// One with these keys, at this address of the machine.
    pub async fn at(address: SocketAddr, keys: Vec<Value>) -> Issuer {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let (keys, asked) = (Arc::new(Mutex::new(keys)), Arc::new(AtomicUsize::new(0)));
        let told = (url.clone(), keys.clone(), asked.clone());
        let serving = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                let (url, keys, asked) = told.clone();
                let answer = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                    let answer = answer(request.uri().path(), &url, &keys, &asked);
                    async move { answer }
                });
                let mut served = hyper::server::conn::http1::Builder::new();
                tokio::spawn(served.keep_alive(false).serve_connection(TokioIo::new(stream), answer));
            }
        });
        Issuer { url, keys, asked, serving }
    }

    /// Have other keys.
    pub fn rotate(&self, keys: Vec<Value>) {
        *self.keys.lock().expect("nobody panics") = keys;
    }

    /// How often its keys were asked for.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// Go away.
    pub async fn stop(self) {
        self.serving.abort();
        let _ = self.serving.await;
    }
}

fn answer(path: &str, url: &str, keys: &Mutex<Vec<Value>>, asked: &AtomicUsize) -> http::Result<Response<Full<Bytes>>> {
    let told = match path {
        "/.well-known/openid-configuration" => json!({ "issuer": url, "jwks_uri": format!("{url}/keys") }),
        "/keys" => {
            asked.fetch_add(1, Ordering::Relaxed);
            json!({ "keys": *keys.lock().expect("nobody panics") })
        }
        _ => return Response::builder().status(StatusCode::NOT_FOUND).body(Full::default()),
    };
    Response::builder().body(told.to_string().into())
}
