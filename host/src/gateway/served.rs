//! A route as it is served: by whom, and by what policy.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body::Body;
use hyper::body::Incoming;

use super::{body::RequestBody, changes, compressed::Compressed, cors::Allowed, files::Files, moved, reply};
use crate::{
    manifest::{Content, Moved, Policy, Route, RouteManifest},
    service::{ReplyBody, Service},
};

/// Who answers the requests of a route, and what is done with them on the way.
pub struct Served {
    target: Target,
    policy: Policy,
    cors: Option<Allowed>,
}

/// Who answers.
enum Target {
    Service(Arc<Service>),
    Moved(Route, Moved),
    Files(Arc<Files>),
}

impl Served {
    /// A route, and the service whose it is. None is for one that nobody answers: manifests have
    /// no such route.
    pub fn new(route: &RouteManifest, service: Option<&Arc<Service>>) -> Option<Served> {
        let target = match &route.content {
            Some(Content::Moved(moved)) => Target::Moved(route.route.clone(), moved.clone()),
            Some(Content::Files(files)) => Target::Files(Files::new(route.route.clone(), files.clone())),
            None => Target::Service(service?.clone()),
        };
        let cors = route.policy.cors.as_ref().map(Allowed::new);
        Some(Served { target, policy: route.policy.clone(), cors })
    }

    /// By what the service is known that answers.
    pub fn name(&self) -> Option<&str> {
        match &self.target {
            Target::Service(service) => Some(service.name()),
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

    /// Answer a request, which is known by this id.
    pub async fn answer(&self, mut request: Request<Incoming>, id: &HeaderValue) -> Response<ReplyBody> {
        let origin = self.cors.as_ref().and_then(|_| request.headers().get(header::ORIGIN).cloned());
        let codings = self.policy.compress.as_deref().filter(|codings| !codings.is_empty());
        let method = request.method().clone();
        let compressed = codings.map(|codings| Compressed::of(codings, &method, request.headers_mut()));
        let mut response = match &self.target {
            Target::Service(service) => self.ask(service, request, id).await,
            Target::Moved(route, moved) => moved::answer(moved, route, &request),
            Target::Files(files) => files.answer(&request).await,
        };
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

    async fn ask(&self, service: &Arc<Service>, request: Request<Incoming>, id: &HeaderValue) -> Response<ReplyBody> {
        let limit = self.policy.body.unwrap_or(service.limits().body).0;
        if request.body().size_hint().lower() > limit {
            return reply::too_large(limit);
        }
        let version = request.version();
        let request = request.map(|body| RequestBody::new(body, limit, version));
        let conduct = request.body().conduct();
        let answered = service.handle(request, conduct, self.policy.timeout).await;
        answered.unwrap_or_else(|error| reply::failure(service, limit, &error, id))
    }
}
