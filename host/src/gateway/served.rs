//! A route as it is served: by whom, and by what policy.

use std::{net::IpAddr, sync::Arc, time::Instant};

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body::Body;
use hyper::body::Incoming;
use tokio::time::timeout_at;

use super::{
    authorizer::Authorizer, body::RequestBody, changes, compressed::Compressed, cors::Allowed, files::Files,
    gate::Gate, moved, passed, rates::Rates, reply,
};
use crate::{
    manifest::{Content, Moved, Policy, Route, RouteManifest},
    service::{Caller, Identity, ReplyBody, Service},
    upstream::Upstream,
};

/// Who answers the requests of a route, and what is done with them on the way.
pub struct Served {
    target: Target,
    policy: Policy,
    /// How often it may be asked, if that is bounded.
    rates: Option<Rates>,
    cors: Option<Allowed>,
    /// Who may ask; none if everybody may.
    gate: Option<Gate>,
    /// Who decides; none if nobody does.
    authorizer: Option<Authorizer>,
}

/// Who answers.
pub enum Target {
    /// A component.
    Service(Arc<Service>),
    /// Who is none.
    Upstream(Arc<Upstream>),
    /// The gateway itself: where what was asked for is now.
    Moved(Route, Moved),
    /// The gateway itself, with files.
    Files(Arc<Files>),
}

impl Served {
    /// A route, and whose it is. None is for one that nobody answers: manifests have no such
    /// route.
    pub fn new(
        route: &RouteManifest,
        whose: Option<Target>,
        rates: Option<Rates>,
        gate: Option<Gate>,
        authorizer: Option<Authorizer>,
    ) -> Option<Served> {
        let target = match &route.content {
            Some(Content::Moved(moved)) => Target::Moved(route.route.clone(), moved.clone()),
            Some(Content::Files(files)) => Target::Files(Files::new(route.route.clone(), files.clone())),
            None => whose?,
        };
        let cors = route.policy.cors.as_ref().map(Allowed::new);
        Some(Served { target, policy: route.policy.clone(), rates, cors, gate, authorizer })
    }

    /// By what those are known who answer, if that is not the gateway.
    pub fn name(&self) -> Option<&str> {
        match &self.target {
            Target::Service(service) => Some(service.name()),
            Target::Upstream(upstream) => Some(upstream.name()),
            Target::Moved(..) | Target::Files(_) => None,
        }
    }

    /// What pages of other origins may ask, if anything is said of that.
    pub fn cors(&self) -> Option<&Allowed> {
        self.cors.as_ref()
    }

    /// Answer a preflight of a request of this route.
    pub fn preflight(&self, cors: &Allowed, headers: &HeaderMap) -> Response<ReplyBody> {
        self.marked(cors.preflight(headers))
    }

    /// Answer a request of the client at this address, which is known by this id.
    pub async fn answer(
        &self,
        mut request: Request<Incoming>,
        client: IpAddr,
        id: &HeaderValue,
    ) -> Response<ReplyBody> {
        let origin = self.cors.as_ref().and_then(|_| request.headers().get(header::ORIGIN).cloned());
        let codings = self.policy.compress.as_deref().filter(|codings| !codings.is_empty());
        let method = request.method().clone();
        let compressed = codings.map(|codings| Compressed::of(codings, &method, request.headers_mut()));
        let mut response = self.count(request, client, id).await;
        // What follows is another protocol's.
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return response;
        }
        if let Some(compressed) = compressed {
            response = compressed.apply(response);
        }
        if let Some(cors) = &self.cors {
            cors.mark(origin.as_ref(), response.headers_mut());
        }
        self.marked(response)
    }

    /// An answer, with what is changed in all.
    fn marked(&self, mut response: Response<ReplyBody>) -> Response<ReplyBody> {
        if let Some(headers) = &self.policy.headers {
            changes::apply(headers, response.headers_mut());
        }
        response
    }

    /// Answer a request, unless it is one too many.
    async fn count(&self, request: Request<Incoming>, client: IpAddr, id: &HeaderValue) -> Response<ReplyBody> {
        let Some(rates) = &self.rates else { return self.look(request, id).await };
        match rates.admit(client, request.headers()).await {
            Ok(said) => {
                let mut response = self.look(request, id).await;
                said.tell(response.headers_mut());
                response
            }
            Err(refused) => refused,
        }
    }

    /// Answer a request, unless who sends it may not.
    async fn look(&self, mut request: Request<Incoming>, id: &HeaderValue) -> Response<ReplyBody> {
        let deadline = self.policy.timeout.map(|timeout| Instant::now() + timeout);
        match self.admit(&mut request, deadline).await {
            Ok(identity) => self.let_in(request, identity, deadline, id).await,
            Err(refused) => refused,
        }
    }

    /// Who asks, if it is known and may; or how it is refused.
    async fn admit(
        &self,
        request: &mut Request<Incoming>,
        deadline: Option<Instant>,
    ) -> Result<Option<Arc<Identity>>, Response<ReplyBody>> {
        let identity = match (&self.gate, deadline) {
            (Some(gate), None) => Some(gate.admit(request.headers_mut()).await?),
            (Some(gate), Some(deadline)) => {
                let admitted = timeout_at(deadline.into(), gate.admit(request.headers_mut())).await;
                Some(admitted.map_err(|_| reply::late())??)
            }
            (None, _) => None,
        };
        if let Some(authorizer) = &self.authorizer {
            authorizer.decide(request, identity.as_ref(), deadline).await?;
        }
        Ok(identity)
    }

    /// Answer a request that may be answered.
    async fn let_in(
        &self,
        request: Request<Incoming>,
        identity: Option<Arc<Identity>>,
        deadline: Option<Instant>,
        id: &HeaderValue,
    ) -> Response<ReplyBody> {
        match &self.target {
            Target::Service(service) => {
                let priority = Some(self.policy.priority.unwrap_or_default());
                self.ask(service, request, Caller { deadline, identity, priority, ..Caller::default() }, id).await
            }
            Target::Upstream(upstream) => self.pass(upstream, request, deadline, id).await,
            Target::Moved(route, moved) => moved::answer(moved, route, &request),
            Target::Files(files) => files.answer(&request).await,
        }
    }

    async fn ask(
        &self,
        service: &Arc<Service>,
        request: Request<Incoming>,
        caller: Caller,
        id: &HeaderValue,
    ) -> Response<ReplyBody> {
        let limit = self.policy.body.unwrap_or(service.limits().body).0;
        let Some(request) = bounded(request, limit) else { return reply::too_large(limit) };
        let conduct = request.body().conduct();
        let answered = service.handle(request, conduct, caller).await;
        answered.unwrap_or_else(|error| reply::failure(service, limit, &error, id))
    }

    async fn pass(
        &self,
        upstream: &Arc<Upstream>,
        request: Request<Incoming>,
        deadline: Option<Instant>,
        id: &HeaderValue,
    ) -> Response<ReplyBody> {
        let limit = self.policy.body.map_or(passed::LARGEST_BODY, |most| most.0);
        let Some(request) = bounded(request, limit) else { return reply::too_large(limit) };
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        passed::pass(upstream, request, left, limit, id).await
    }
}

/// A request whose body is held to so many bytes; none if it is known before that it has more.
fn bounded(request: Request<Incoming>, limit: u64) -> Option<Request<RequestBody>> {
    let version = request.version();
    (request.body().size_hint().lower() <= limit).then(|| request.map(|body| RequestBody::new(body, limit, version)))
}
