//! The gateway: HTTP from outside, given to the service, or the upstream, whose route it matches.
//!
//! It knows routes, what HTTP has a server refuse, drop or keep, limits on requests, what
//! a component is told of its client, and how a failed call is answered. What a request
//! means is the service's business, and so are the answers to most bad ones; how
//! connections are kept is `listener`'s.

use std::sync::Arc;

use arc_swap::ArcSwap;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header, uri::Scheme};
use http_body::Body;
use hyper::body::Incoming;
use ipnet::IpNet;
use route::{Answer, Asked, Routes};

pub use self::redirect::Redirect;
use self::{
    access::Access,
    answer::AnswerBody,
    authorizer::Authorizer,
    client::Client,
    gate::Gate,
    rates::{Rate, Rates},
    refused::Refused,
    served::{Served, Target},
    websocket::WebSocket,
};
use crate::{
    app::App,
    identity::Identities,
    listener::{self, Handler, Peer, limits},
    service::{OverTls, REQUEST_ID, ReplyBody},
    upstream::Upstreams,
};

mod accepted;
mod access;
mod answer;
mod authority;
mod authorizer;
mod body;
mod changes;
mod client;
mod compressed;
mod cors;
mod crumbs;
mod files;
mod forwarded;
mod gate;
mod hop;
mod moved;
mod passed;
mod rates;
mod redirect;
mod refused;
pub mod reply;
mod served;
mod target;
mod trailers;
mod vary;
mod websocket;

/// Answers the requests of an app.
pub struct Gateway {
    routes: ArcSwap<Routes<Arc<Served>>>,
    /// Where the proxies are that may say whose a request is.
    trusted: ArcSwap<Vec<IpNet>>,
    /// How often routes may be asked, and how often they were.
    rates: ArcSwap<Vec<Arc<Rate>>>,
}

impl Gateway {
    /// The gateway to an app's routes, and to these upstreams of it, for those whom these
    /// identities know.
    pub fn new(app: &App, upstreams: &Upstreams, identities: &Identities) -> Gateway {
        let trusted = app.manifest().gateway.trusted.clone();
        let rates = rates::all(app, &[]);
        Gateway {
            routes: ArcSwap::from_pointee(routes(app, upstreams, identities, &rates)),
            trusted: ArcSwap::from_pointee(trusted),
            rates: ArcSwap::from_pointee(rates),
        }
    }

    /// Have new requests answered by another app, by one store of a pointer. Those
    /// in flight finish where they began.
    pub fn publish(&self, app: &App, upstreams: &Upstreams, identities: &Identities) {
        self.trusted.store(Arc::new(app.manifest().gateway.trusted.clone()));
        let rates = rates::all(app, &self.rates.load());
        self.routes.store(Arc::new(routes(app, upstreams, identities, &rates)));
        self.rates.store(Arc::new(rates));
    }

    /// The route of a request for this host. The others are let go of at once: they keep an
    /// app.
    fn served<B>(&self, request: &Request<B>, host: &HeaderValue) -> Result<Arc<Served>, Answer> {
        let has = |name: &str, value: Option<&str>| has(request.headers(), name, value);
        self.choose(request, request.method().as_str(), host, &has)
    }

    /// The answer to a preflight, if the request is one and the route says what is allowed that
    /// the request behind it will have.
    fn preflight<B>(&self, request: &Request<B>, host: &HeaderValue) -> Option<Response<ReplyBody>> {
        let (method, headers) = (cors::asked(request)?, request.headers());
        let has = |name: &str, value: Option<&str>| has(headers, name, value) || cors::will_have(headers, name);
        let served = self.choose(request, method, host, &has).ok()?;
        Some(served.preflight(served.cors()?, headers))
    }

    fn choose<B>(
        &self,
        request: &Request<B>,
        method: &str,
        host: &HeaderValue,
        has: &dyn Fn(&str, Option<&str>) -> bool,
    ) -> Result<Arc<Served>, Answer> {
        let host = host.to_str().unwrap_or_default();
        self.routes.load().choose(&Asked { method, host, target: request.uri().path(), has }).cloned()
    }

    async fn route(
        &self,
        mut request: Request<Incoming>,
        client: Client,
        id: &HeaderValue,
        access: Option<&mut Access>,
    ) -> Response<ReplyBody> {
        let version = request.version();
        let unasked = |answer| listener::reply::unasked(answer, version).map(ReplyBody::whole);
        match route::path(request.method().as_str(), target::path(request.uri(), version)) {
            // Whatever else is wrong: what follows on the connection may be no request, and
            // what is no target is said to be none.
            Err(answer) if answer.closes || answer.status == StatusCode::BAD_REQUEST => return unasked(answer),
            _ => {}
        }
        target::meant(request.uri_mut());
        if let Some(refused) = limits::refusal(&request) {
            return refused.map(ReplyBody::whole);
        }
        WebSocket::note(&mut request);
        let address = client.address();
        let host = match prepare(&mut request, client) {
            Ok(host) => host,
            Err(refused) => return refused.into(),
        };
        if let Some(preflight) = self.preflight(&request, &host) {
            return preflight;
        }
        let served = match self.served(&request, &host) {
            Ok(served) => served,
            Err(answer) => return unasked(answer),
        };
        if let Some(access) = access {
            served.name().into_iter().for_each(|name| access.found(name));
        }
        served.answer(request, address, id).await
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

/// Whether a field is there with this value, or with any if that is none.
fn has(headers: &HeaderMap, name: &str, value: Option<&str>) -> bool {
    let mut values = headers.get_all(name).iter();
    values.any(|has| value.is_none_or(|value| has.as_bytes() == value.as_bytes()))
}

/// The routes of an app, none of which conflict: its manifest has been checked.
fn routes(app: &App, upstreams: &Upstreams, identities: &Identities, rates: &[Arc<Rate>]) -> Routes<Arc<Served>> {
    let of_services = app.routes().map(|(route, service)| (route, service.cloned().map(Target::Service)));
    let of_upstreams = app.manifest().upstreams.iter().flat_map(|it| {
        let upstream = upstreams.get(&it.name).cloned();
        it.routes.iter().map(move |route| (route, upstream.clone().map(Target::Upstream)))
    });
    let routes = of_services.chain(of_upstreams);
    let served = routes.filter_map(|(route, target)| {
        let gate = Gate::of(&route.policy, identities, app.name());
        let authorizer = Authorizer::of(&route.policy, &route.route.to_string(), app);
        let rates = Rates::of(&route.route.to_string(), &route.policy, rates);
        Some((&route.route, Arc::new(Served::new(route, target, rates, gate, authorizer)?)))
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
