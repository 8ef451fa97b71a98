//! The access log: a line for each request, when its answer has left or will not.

use std::{net::IpAddr, sync::Arc, time::Instant};

use http::{HeaderValue, Method, Request};
use tracing::Level;

use super::client::Client;

/// What the lines are chosen by: `DOVETAIL_LOG=dovetail::access=debug` shows them and
/// nothing else.
const TARGET: &str = "dovetail::access";

/// A line to come. It is logged when this is dropped.
pub struct Access {
    client: IpAddr,
    id: HeaderValue,
    method: Method,
    /// Without the query, where secrets may be.
    path: String,
    begun: Instant,
    service: Option<Arc<str>>,
    status: Option<u16>,
    /// Of the answer's body, as far as it was handed out.
    bytes: u64,
}

impl Access {
    /// Begin a line, if anybody wants to see it. Otherwise nothing is made.
    pub fn begin<B>(request: &Request<B>, client: &Client) -> Option<Box<Access>> {
        tracing::enabled!(target: TARGET, Level::DEBUG).then(|| {
            Box::new(Access {
                client: client.address(),
                id: client.id.clone(),
                method: request.method().clone(),
                path: request.uri().path().to_owned(),
                begun: Instant::now(),
                service: None,
                status: None,
                bytes: 0,
            })
        })
    }

    /// Whose route it was.
    pub fn found(&mut self, service: &str) {
        self.service = Some(service.into());
    }

    /// Its answer has begun.
    pub fn answered(&mut self, status: u16) {
        self.status = Some(status);
    }

    /// So many bytes of it go out.
    pub fn sent(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        let Access { client, id, method, path, begun, service, status, bytes } = self;
        let ms = begun.elapsed().as_micros() as f64 / 1000.0;
        let (service, method) = (service.as_deref(), method.as_str());
        let id = id.to_str().unwrap_or_default();
        // Whoever went away before there was an answer has no status.
        tracing::debug!(target: TARGET, %client, method, path, status, bytes, ms, service, id, "answered");
    }
}
