//! The admin API: what runs, whether it can serve, swaps, and the events that wait.
//! Its [`Guard`] decides who is answered.

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::json;

use crate::{
    event::Events,
    listener::{
        Handler, Peer, limits,
        reply::{error, json, unasked, without_body},
    },
    swap::Swapper,
    upstream::Upstreams,
};

pub use self::{guard::Guard, token::Token};

mod events;
mod guard;
mod query;
mod status;
mod swaps;
mod token;

/// Answers for the app that serves.
pub struct Admin {
    /// That of the app, which another may take the place of.
    swapper: Arc<ArcSwap<Swapper>>,
    events: Arc<Events>,
    /// Those of the app.
    upstreams: Arc<ArcSwap<Upstreams>>,
    guard: Guard,
    stopping: AtomicBool,
}

impl Admin {
    /// The admin API of the app that this swaps for, and whose events and upstreams these are.
    pub fn new(
        swapper: Arc<ArcSwap<Swapper>>,
        events: Arc<Events>,
        upstreams: Arc<ArcSwap<Upstreams>>,
        guard: Guard,
    ) -> Admin {
        Admin { swapper, events, upstreams, guard, stopping: AtomicBool::new(false) }
    }

    /// Say from now on that no more requests are wanted.
    pub fn stopping(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    async fn route(&self, path: &str, request: Request<Incoming>) -> Response<Bytes> {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let Some(allowed) = allowed(&segments) else { return nothing() };
        if !allowed.split(", ").any(|method| method == request.method().as_str()) {
            let mut response = error(StatusCode::METHOD_NOT_ALLOWED, &format!("Method not allowed, only {allowed}"));
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
            return response;
        }
        let query = request.uri().query().unwrap_or_default().to_owned();
        let takes_some =
            request.method().is_safe() || matches!(segments[..], ["v1", "services", _, "component" | "rollback"]);
        if let Err(why) = query::check(&query, takes_some) {
            return error(StatusCode::BAD_REQUEST, &why);
        }
        match segments[..] {
            ["healthz"] => json(StatusCode::OK, &json!({ "status": "ok" })),
            ["readyz"] => self.ready().await,
            ["v1", "openapi.json"] => described(),
            ["v1", "services"] => self.services(),
            ["v1", "services", service, "history"] => self.history(service).await,
            ["v1", "services", service, "drained"] => self.drained(service).await,
            ["v1", "services", service, "component"] => self.swap(service, request).await,
            ["v1", "services", service, "rollback"] => self.rollback(service, &request).await,
            ["v1", "services", service, ..] => self.promote(service, &request).await,
            ["v1", "events"] => self.queues().await,
            ["v1", "events", subscriber] if request.method() == Method::DELETE => self.clear(subscriber).await,
            ["v1", "events", subscriber] => self.messages(subscriber, &query).await,
            ["v1", "events", subscriber, verb @ ("pause" | "resume")] => self.pause(subscriber, verb == "pause").await,
            ["v1", "events", subscriber, id] if request.method() != Method::DELETE => {
                self.message(subscriber, id).await
            }
            ["v1", "events", subscriber, id, ref retry @ ..] => self.steer(subscriber, id, !retry.is_empty()).await,
            _ => nothing(),
        }
    }

    /// Ready is who can use its store, and is not about to end.
    async fn ready(&self) -> Response<Bytes> {
        if self.stopping.load(Ordering::Relaxed) {
            return json(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "stopping" }));
        }
        let store = self.swapper.load().app().share_store();
        match store.health().await {
            Ok(()) => json(StatusCode::OK, &json!({ "status": "ready" })),
            Err(error) => {
                let why = error.to_string();
                json(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "not ready", "error": why }))
            }
        }
    }
}

/// The methods of a path, if there is such a path.
fn allowed(segments: &[&str]) -> Option<&'static str> {
    Some(match segments {
        ["healthz"] | ["readyz"] | ["v1", "openapi.json" | "services"] => "GET, HEAD",
        ["v1", "services", _, "history" | "drained"] => "GET, HEAD",
        ["v1", "services", _, "component"] => "PUT",
        ["v1", "services", _, "rollback" | "promote"] => "POST",
        ["v1", "events"] => "GET, HEAD",
        ["v1", "events", _, "pause" | "resume"] => "POST",
        ["v1", "events", _] | ["v1", "events", _, _] => "DELETE, GET, HEAD",
        ["v1", "events", _, _, "retry"] => "POST",
        _ => return None,
    })
}

fn nothing() -> Response<Bytes> {
    error(StatusCode::NOT_FOUND, "Not found; GET /v1/openapi.json describes what there is")
}

/// The description of this API.
fn described() -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(include_bytes!("admin/openapi.json")));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

impl Handler for Admin {
    type Body = Full<Bytes>;

    async fn answer(&self, request: Request<Incoming>, _: &Peer) -> Response<Full<Bytes>> {
        let is_head = request.method() == Method::HEAD;
        let path = route::path(request.method().as_str(), request.uri().path()).map(Cow::into_owned);
        let response = match path {
            // Whoever sent it: what follows on the connection may be no request.
            Err(answer) if answer.closes => unasked(answer, request.version()),
            path => match (limits::refusal(&request).or_else(|| self.guard.refusal(&request)), path) {
                (Some(refused), _) => refused,
                (None, Err(answer)) => unasked(answer, request.version()),
                (None, Ok(path)) => self.route(&path, request).await,
            },
        };
        let response = response.map(Full::new);
        if is_head { without_body(response, Full::default()) } else { response }
    }
}
