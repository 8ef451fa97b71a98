//! A route as it is served: by whom, and by what policy.

use std::{sync::Arc, time::Instant};

use http::{HeaderValue, Request, Response};
use http_body::Body;
use hyper::body::Incoming;

use super::{authorizer::Authorizer, body::RequestBody, gate::Gate, reply};
use crate::{
    manifest::Policy,
    service::{Caller, ReplyBody, Service},
};

/// Who answers the requests of a route, and what is done with them on the way.
pub struct Served {
    service: Arc<Service>,
    policy: Policy,
    /// Who may ask; none if everybody may.
    gate: Option<Gate>,
    /// Who decides; none if nobody does.
    authorizer: Option<Authorizer>,
}

impl Served {
    /// A route of a service.
    pub fn new(service: Arc<Service>, policy: Policy, gate: Option<Gate>, authorizer: Option<Authorizer>) -> Served {
        Served { service, policy, gate, authorizer }
    }

    /// By what those are known who answer.
    pub fn name(&self) -> &str {
        self.service.name()
    }

    /// Answer a request, which is known by this id.
    pub async fn answer(&self, mut request: Request<Incoming>, id: &HeaderValue) -> Response<ReplyBody> {
        let identity = match &self.gate {
            Some(gate) => match gate.admit(request.headers_mut()).await {
                Ok(identity) => Some(identity),
                Err(closed) => return closed,
            },
            None => None,
        };
        if let Some(authorizer) = &self.authorizer
            && let Err(refused) = authorizer.decide(&mut request, identity.as_ref()).await
        {
            return refused;
        }
        let limit = self.policy.body.unwrap_or(self.service.limits().body).0;
        if request.body().size_hint().lower() > limit {
            return reply::too_large(limit);
        }
        let version = request.version();
        let request = request.map(|body| RequestBody::new(body, limit, version));
        let conduct = request.body().conduct();
        let deadline = self.policy.timeout.map(|timeout| Instant::now() + timeout);
        let is_bound = deadline.is_some() || identity.is_some();
        let caller = is_bound.then(|| Caller { deadline, identity, ..Caller::default() });
        let answered = self.service.handle(request, conduct, caller).await;
        answered.unwrap_or_else(|error| reply::failure(&self.service, limit, &error, id))
    }
}
