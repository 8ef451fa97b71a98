//! The gateway: HTTP from outside, given to the service whose route it matches.
//!
//! It knows routes, limits on requests, and how a failed call is answered. What
//! a request means is the service's business, and so are the answers to most
//! bad ones; how connections are kept is `listener`'s.

use std::sync::Arc;

use arc_swap::ArcSwap;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header};
use http_body::Body;
use hyper::body::Incoming;
use route::{Answer, Routes};

use self::body::RequestBody;
use crate::{
    app::App,
    listener::{self, Handler, Peer, limits},
    service::{ReplyBody, Service},
};

mod body;
pub mod reply;
mod target;

/// Answers the requests of an app.
pub struct Gateway {
    routes: ArcSwap<Routes<Arc<Service>>>,
}

impl Gateway {
    /// The gateway to an app's routes.
    pub fn new(app: &App) -> Gateway {
        Gateway { routes: ArcSwap::from_pointee(routes(app)) }
    }

    /// Have new requests answered by another app, by one store of a pointer. Those
    /// in flight finish where they began.
    pub fn publish(&self, app: &App) {
        self.routes.store(Arc::new(routes(app)));
    }

    /// Who answers a request. The routes are let go of at once: they keep an app.
    fn service<B>(&self, request: &Request<B>) -> Result<Arc<Service>, Answer> {
        self.routes.load().choose(request.method().as_str(), request.uri().path()).cloned()
    }

    async fn route(&self, mut request: Request<Incoming>) -> Response<ReplyBody> {
        if let Some(refused) = limits::refusal(&request) {
            return refused.map(ReplyBody::whole);
        }
        target::root(request.uri_mut());
        let service = match self.service(&request) {
            Ok(service) => service,
            Err(answer) => return listener::reply::unasked(answer, request.version()).map(ReplyBody::whole),
        };
        match prepare(request, service.limits().body.0) {
            Ok(request) => call(&service, request).await,
            Err(refusal) => *refusal,
        }
    }
}

impl Handler for Gateway {
    type Body = ReplyBody;

    async fn answer(&self, request: Request<Incoming>, _: &Peer) -> Response<ReplyBody> {
        if request.method() == Method::HEAD {
            return without_body(self.route(request).await);
        }
        self.route(request).await
    }
}

/// The routes of an app, none of which conflict: its manifest has been checked.
fn routes(app: &App) -> Routes<Arc<Service>> {
    app.routes.iter().map(|(route, place)| (route, app.services[*place].clone())).collect()
}

/// Check what every request must have, and bound its body.
fn prepare(mut request: Request<Incoming>, limit: u64) -> Result<Request<RequestBody>, Box<Response<ReplyBody>>> {
    let refuse = |sentence| Err(Box::new(reply::error(StatusCode::BAD_REQUEST, sentence)));
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return refuse("The Host header is there more than once");
    }
    let has_authority = request.uri().authority().is_some();
    let is_named = match (host, request.version()) {
        (Some(host), _) => names_host(host),
        // It needs one even where the URL has the same (RFC 9112, section 3.2).
        (None, Version::HTTP_11) => false,
        (None, version) => has_authority || version < Version::HTTP_11,
    };
    if !is_named {
        return refuse("The Host header is missing or not readable");
    }
    if host.is_none() && !has_authority {
        // HTTP/1.0 has no Host, and a component is always told one.
        request.headers_mut().insert(header::HOST, HeaderValue::from_static("localhost"));
    }
    if request.body().size_hint().lower() > limit {
        return Err(Box::new(reply::too_large(limit)));
    }
    let version = request.version();
    Ok(request.map(|body| RequestBody::new(body, limit, version)))
}

/// Whether it has nothing but what a host and a port may have (RFC 3986, section 3.2.2).
fn names_host(host: &HeaderValue) -> bool {
    host.as_bytes().iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(byte))
}

async fn call(service: &Arc<Service>, request: Request<RequestBody>) -> Response<ReplyBody> {
    let conduct = request.body().conduct();
    service.handle(request, conduct).await.unwrap_or_else(|error| reply::failure(service, &error))
}

/// An answer to HEAD has all that GET would have but the body.
fn without_body(mut response: Response<ReplyBody>) -> Response<ReplyBody> {
    if let Some(length) = response.body().size_hint().exact().filter(|length| *length > 0) {
        response.headers_mut().entry(header::CONTENT_LENGTH).or_insert(length.into());
    }
    response.map(|_| ReplyBody::whole(""))
}
