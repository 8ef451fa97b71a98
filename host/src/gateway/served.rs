//! A route as it is served: by whom, and by what policy.

use std::{net::IpAddr, sync::Arc};

use http::{HeaderValue, Request, Response};
use http_body::Body;
use hyper::body::Incoming;

use super::{body::RequestBody, rates::Rates, reply};
use crate::{
    manifest::Policy,
    service::{ReplyBody, Service},
};

/// Who answers the requests of a route, and what is done with them on the way.
pub struct Served {
    service: Arc<Service>,
    policy: Policy,
    /// How often it may be asked, if that is bounded.
    rates: Option<Rates>,
}

impl Served {
    /// A route of a service.
    pub fn new(service: Arc<Service>, policy: Policy, rates: Option<Rates>) -> Served {
        Served { service, policy, rates }
    }

    /// By what those are known who answer.
    pub fn name(&self) -> &str {
        self.service.name()
    }

    /// Answer a request of the client at this address, which is known by this id.
    pub async fn answer(&self, request: Request<Incoming>, client: IpAddr, id: &HeaderValue) -> Response<ReplyBody> {
        let Some(rates) = &self.rates else { return self.ask(request, id).await };
        match rates.admit(client, request.headers()).await {
            Ok(said) => {
                let mut response = self.ask(request, id).await;
                said.tell(response.headers_mut());
                response
            }
            Err(refused) => refused,
        }
    }

    async fn ask(&self, request: Request<Incoming>, id: &HeaderValue) -> Response<ReplyBody> {
        let limit = self.policy.body.unwrap_or(self.service.limits().body).0;
        if request.body().size_hint().lower() > limit {
            return reply::too_large(limit);
        }
        let version = request.version();
        let request = request.map(|body| RequestBody::new(body, limit, version));
        let conduct = request.body().conduct();
        let answered =
            self.service.handle(request, conduct, self.policy.timeout, self.policy.priority.unwrap_or_default()).await;
        answered.unwrap_or_else(|error| reply::failure(&self.service, limit, &error, id))
    }
}
