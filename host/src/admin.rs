//! The admin API: what runs, and whether it can serve. Its [`Guard`] decides
//! who is answered.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use serde::Serialize;

use crate::{
    app::App,
    listener::{
        Handler,
        reply::{error, json},
    },
};

pub use self::{guard::Guard, token::Token};

mod guard;
mod token;

/// Answers for one app.
pub struct Admin {
    app: Arc<App>,
    guard: Guard,
    stopping: AtomicBool,
}

/// A service as `GET /v1/services` shows it.
#[derive(Serialize)]
struct ServiceStatus<'a> {
    name: &'a str,
    digest: &'a str,
    routes: Vec<&'a str>,
    /// By interface, the service that is called.
    links: BTreeMap<&'a str, &'a str>,
    instances: Instances,
    calls: u64,
    traps: u64,
}

#[derive(Serialize)]
struct Instances {
    idle: usize,
    busy: usize,
    max: u32,
}

impl Admin {
    /// The admin API of an app.
    pub fn new(app: Arc<App>, guard: Guard) -> Admin {
        Admin { app, guard, stopping: AtomicBool::new(false) }
    }

    /// Say from now on that no more requests are wanted.
    pub fn stopping(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    fn services(&self) -> Response<Bytes> {
        let revisions: Vec<_> = self.app.services.iter().map(|service| service.live()).collect();
        let services =
            self.app.services.iter().zip(&revisions).enumerate().map(|(place, (service, revision))| ServiceStatus {
                name: service.name(),
                digest: revision.digest(),
                routes: self.app.routes_of(place).map(|route| route.as_str()).collect(),
                links: self.app.links_of(service.name()),
                instances: Instances { idle: revision.idle(), busy: revision.busy(), max: service.limits().instances },
                calls: service.calls(),
                traps: service.traps(),
            });
        json(StatusCode::OK, &serde_json::json!({ "app": self.app.name, "services": services.collect::<Vec<_>>() }))
    }

    /// Ready is who can read its store, and is not about to end.
    async fn ready(&self) -> Response<Bytes> {
        if self.stopping.load(Ordering::Relaxed) {
            return json(StatusCode::SERVICE_UNAVAILABLE, &serde_json::json!({ "status": "stopping" }));
        }
        match self.app.store.exists("dovetail", "ready").await {
            Ok(_) => json(StatusCode::OK, &serde_json::json!({ "status": "ready" })),
            Err(error) => {
                let why = error.to_string();
                json(StatusCode::SERVICE_UNAVAILABLE, &serde_json::json!({ "status": "not ready", "error": why }))
            }
        }
    }
}

impl Handler for Admin {
    type Body = Full<Bytes>;

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if let Some(refused) = self.guard.refusal(&request) {
            return refused.map(Full::new);
        }
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let response = match request.uri().path() {
            "/healthz" | "/readyz" | "/v1/services" if !reads => {
                let mut response = error(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed");
                response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
                response
            }
            "/healthz" => json(StatusCode::OK, &serde_json::json!({ "status": "ok" })),
            "/readyz" => self.ready().await,
            "/v1/services" => self.services(),
            _ => error(StatusCode::NOT_FOUND, "Not found"),
        };
        response.map(Full::new)
    }
}
