//! The gateway: HTTP from outside, given to the service whose route it matches.
//!
//! It knows routes, what HTTP has a server refuse, drop or keep, limits on requests, what
//! a component is told of its client, and how a failed call is answered. What a request
//! means is the service's business, and so are the answers to most bad ones; how
//! connections are kept is `listener`'s.

use std::sync::Arc;

use arc_swap::ArcSwap;
use http::{Method, Request, Response, StatusCode, Version, header, uri::Scheme};
use http_body::Body;
use hyper::body::Incoming;
use route::{Answer, Routes};

pub use self::redirect::Redirect;
use self::{access::Access, answer::AnswerBody, body::RequestBody, refused::Refused};
use crate::{
    app::App,
    listener::{self, Handler, Peer, limits},
    service::{OverTls, ReplyBody, Service},
};

mod access;
mod answer;
mod authority;
mod body;
mod crumbs;
mod forwarded;
mod hop;
mod redirect;
mod refused;
pub mod reply;
mod target;
mod trailers;

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

    async fn route(
        &self,
        mut request: Request<Incoming>,
        peer: &Peer,
        access: Option<&mut Access>,
    ) -> Response<ReplyBody> {
        target::root(request.uri_mut());
        let version = request.version();
        let unasked = |answer| listener::reply::unasked(answer, version).map(ReplyBody::whole);
        let service = match self.service(&request) {
            // Whatever else is wrong: what follows on the connection may be no request, and
            // what is no target is said to be none.
            Err(answer) if answer.closes || answer.status == StatusCode::BAD_REQUEST => return unasked(answer),
            service => service,
        };
        if let Some(refused) = limits::refusal(&request) {
            return refused.map(ReplyBody::whole);
        }
        if let Err(refused) = prepare(&mut request, peer) {
            return refused.into();
        }
        let service = match service {
            Ok(service) => service,
            Err(answer) => return unasked(answer),
        };
        if let Some(access) = access {
            access.found(service.name());
        }
        call(&service, request).await
    }
}

impl Handler for Gateway {
    type Body = AnswerBody;

    async fn answer(&self, request: Request<Incoming>, peer: &Peer) -> Response<AnswerBody> {
        let mut access = Access::begin(&request, peer);
        let is_head = request.method() == Method::HEAD;
        let mut response = self.route(request, peer, access.as_deref_mut()).await;
        if is_head {
            response = listener::reply::without_body(response, ReplyBody::whole(""));
        }
        if let Some(access) = &mut access {
            access.answered(response.status().as_u16());
        }
        response.map(|body| AnswerBody::new(body, access))
    }
}

/// The routes of an app, none of which conflict: its manifest has been checked.
fn routes(app: &App) -> Routes<Arc<Service>> {
    app.routes.iter().map(|(route, place)| (route, app.services[*place].clone())).collect()
}

/// Refuse what no component may be given, and make of the rest what it is to be given.
fn prepare<B: Body>(request: &mut Request<B>, peer: &Peer) -> Result<(), Refused> {
    let host = authority::of(request, &peer.scheme())?;
    refused::check_demands(request)?;
    let (has_authority, version) = (request.uri().authority().is_some(), request.version());
    if peer.scheme() == Scheme::HTTPS {
        request.extensions_mut().insert(OverTls);
    }
    let headers = request.headers_mut();
    if version == Version::HTTP_2 {
        crumbs::join(headers);
    }
    if !has_authority && !headers.contains_key(header::HOST) {
        headers.insert(header::HOST, host.clone());
    }
    hop::strip(headers);
    forwarded::set(headers, peer, host);
    Ok(())
}

async fn call(service: &Arc<Service>, request: Request<Incoming>) -> Response<ReplyBody> {
    let limit = service.limits().body.0;
    if request.body().size_hint().lower() > limit {
        return reply::too_large(limit);
    }
    let version = request.version();
    let request = request.map(|body| RequestBody::new(body, limit, version));
    let conduct = request.body().conduct();
    service.handle(request, conduct).await.unwrap_or_else(|error| reply::failure(service, &error))
}
