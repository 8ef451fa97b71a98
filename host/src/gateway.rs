//! The gateway: HTTP from outside, given to the service whose route it matches.
//!
//! It knows routes, what HTTP has a server refuse, drop or keep, limits on requests, what
//! a component is told of its client, and how a failed call is answered. What a request
//! means is the service's business, and so are the answers to most bad ones; how
//! connections are kept is `listener`'s.

use std::sync::Arc;

use arc_swap::ArcSwap;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header, uri::Scheme};
use http_body::Body;
use hyper::body::Incoming;
use ipnet::IpNet;
use route::{Answer, Asked, Routes};

pub use self::redirect::Redirect;
use self::{
    access::Access, answer::AnswerBody, authorizer::Authorizer, client::Client, gate::Gate, refused::Refused,
    served::Served,
};
use crate::{
    app::App,
    identity::Identities,
    listener::{self, Handler, Peer, limits},
    service::{OverTls, REQUEST_ID, ReplyBody},
};

mod access;
mod answer;
mod authority;
mod authorizer;
mod body;
mod client;
mod crumbs;
mod forwarded;
mod gate;
mod hop;
mod redirect;
mod refused;
pub mod reply;
mod served;
mod target;
mod trailers;

/// Answers the requests of an app.
pub struct Gateway {
    routes: ArcSwap<Routes<Arc<Served>>>,
    /// Where the proxies are that may say whose a request is.
    trusted: ArcSwap<Vec<IpNet>>,
}

impl Gateway {
    /// The gateway to an app's routes, for those whom these know.
    pub fn new(app: &App, identities: &Identities) -> Gateway {
        let trusted = app.manifest().gateway.trusted.clone();
        Gateway { routes: ArcSwap::from_pointee(routes(app, identities)), trusted: ArcSwap::from_pointee(trusted) }
    }

    /// Have new requests answered by another app, by one store of a pointer. Those
    /// in flight finish where they began.
    pub fn publish(&self, app: &App, identities: &Identities) {
        self.trusted.store(Arc::new(app.manifest().gateway.trusted.clone()));
        self.routes.store(Arc::new(routes(app, identities)));
    }

    /// The route of a request for this host. The others are let go of at once: they keep an
    /// app.
    fn served<B>(&self, request: &Request<B>, host: &HeaderValue) -> Result<Arc<Served>, Answer> {
        let has = |name: &str, value: Option<&str>| {
            let mut values = request.headers().get_all(name).iter();
            values.any(|has| value.is_none_or(|value| has.as_bytes() == value.as_bytes()))
        };
        let (method, host) = (request.method().as_str(), host.to_str().unwrap_or_default());
        self.routes.load().choose(&Asked { method, host, target: request.uri().path(), has: &has }).cloned()
    }

    async fn route(
        &self,
        mut request: Request<Incoming>,
        client: Client,
        id: &HeaderValue,
        access: Option<&mut Access>,
    ) -> Response<ReplyBody> {
        target::root(request.uri_mut());
        let version = request.version();
        let unasked = |answer| listener::reply::unasked(answer, version).map(ReplyBody::whole);
        match route::path(request.method().as_str(), request.uri().path()) {
            // Whatever else is wrong: what follows on the connection may be no request, and
            // what is no target is said to be none.
            Err(answer) if answer.closes || answer.status == StatusCode::BAD_REQUEST => return unasked(answer),
            _ => {}
        }
        if let Some(refused) = limits::refusal(&request) {
            return refused.map(ReplyBody::whole);
        }
        let host = match prepare(&mut request, client) {
            Ok(host) => host,
            Err(refused) => return refused.into(),
        };
        let served = match self.served(&request, &host) {
            Ok(served) => served,
            Err(answer) => return unasked(answer),
        };
        if let Some(access) = access {
            access.found(served.name());
        }
        served.answer(request, id).await
    }
}

impl Handler for Gateway {
    type Body = AnswerBody;

    async fn answer(&self, request: Request<Incoming>, peer: &Peer) -> Response<AnswerBody> {
        let client = Client::of(request.headers(), peer, &self.trusted.load());
        let (id, is_head) = (client.id.clone(), request.method() == Method::HEAD);
        let mut access = Access::begin(&request, &client);
        let mut response = self.route(request, client, &id, access.as_deref_mut()).await;
        if is_head {
            response = listener::reply::without_body(response, ReplyBody::whole(""));
        }
        response.headers_mut().insert(REQUEST_ID, id);
        if let Some(access) = &mut access {
            access.answered(response.status().as_u16());
        }
        response.map(|body| AnswerBody::new(body, access))
    }
}

/// The routes of an app, none of which conflict: its manifest has been checked.
fn routes(app: &App, identities: &Identities) -> Routes<Arc<Served>> {
    let routes = app.routes();
    let served = routes.map(|(route, service)| {
        let gate = Gate::of(&route.policy, identities, app.name());
        let authorizer = Authorizer::of(&route.policy, &route.route.to_string(), app);
        (&route.route, Arc::new(Served::new(service.clone(), route.policy.clone(), gate, authorizer)))
    });
    served.collect()
}

/// Refuse what no component may be given, and make of the rest what it is to be given. The
/// answer is the host that it asks for.
fn prepare<B: Body>(request: &mut Request<B>, client: Client) -> Result<HeaderValue, Refused> {
    let scheme = client.peer.scheme();
    if client.is_of_proxy {
        target::of_proxy(request.uri_mut(), &scheme);
    }
    let host = authority::of(request, &scheme)?;
    refused::check_demands(request)?;
    let (has_authority, version) = (request.uri().authority().is_some(), request.version());
    if scheme == Scheme::HTTPS {
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
    let asked = client.host.clone().unwrap_or_else(|| host.clone());
    forwarded::set(headers, client, host);
    Ok(asked)
}
