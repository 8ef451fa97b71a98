//! A route as it is served: by whom, and by what policy.

use std::sync::Arc;

use http::{HeaderValue, Request, Response};
use http_body::Body;
use hyper::body::Incoming;

use super::{body::RequestBody, gate::Gate, reply};
use crate::{
    manifest::Policy,
    service::{ReplyBody, Service},
};

/// Who answers the requests of a route, and what is done with them on the way.
pub struct Served {
    service: Arc<Service>,
    policy: Policy,
    /// Who may ask; none if everybody may.
    gate: Option<Gate>,
}

impl Served {
    /// A route of a service.
    pub fn new(service: Arc<Service>, policy: Policy, gate: Option<Gate>) -> Served {
        Served { service, policy, gate }
    }

    /// By what those are known who answer.
    pub fn name(&self) -> &str {
        self.service.name()
    }

    /// Answer a request, which is known by this id.
    pub async fn answer(&self, mut request: Request<Incoming>, id: &HeaderValue) -> Response<ReplyBody> {
        if let Some(gate) = &self.gate {
            if let Err(closed) = gate.admit(request.headers_mut()).await {
                return closed;
            }
        }
        let limit = self.policy.body.unwrap_or(self.service.limits().body).0;
        if request.body().size_hint().lower() > limit {
            return reply::too_large(limit);
        }
        let version = request.version();
        let request = request.map(|body| RequestBody::new(body, limit, version));
        let conduct = request.body().conduct();
        let answered = self.service.handle(request, conduct, self.policy.timeout).await;
        answered.unwrap_or_else(|error| reply::failure(&self.service, limit, &error, id))
    }
}
