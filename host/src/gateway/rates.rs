//! How often a route may be asked, by whom that is counted, and what clients are told of it.
//!
//! Answers say it by `RateLimit` and `RateLimit-Policy`, as draft 10 of "RateLimit header fields
//! for HTTP" (draft-ietf-httpapi-ratelimit-headers) has them. A request is counted before anything
//! else is done with it, so that one which is refused costs little.

use std::{fmt::Write, net::IpAddr, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use self::count::Count;
pub use self::rate::{Asker, Rate};
use super::reply;
use crate::{app::App, manifest::Policy, service::ReplyBody};

mod count;
mod key;
mod ledger;
mod rate;
mod windows;

/// What is left now.
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// What there is.
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Room for what is left of one rate, unless its name is long.
const ITEM: usize = 48;

/// The rates of a route, in the order in which they are counted.
pub struct Rates {
    rates: Vec<Arc<Rate>>,
    route: String,
    policy: HeaderValue,
}

/// What the answer to a request that may pass says.
pub struct Said {
    policy: HeaderValue,
    limit: HeaderValue,
}

impl Rates {
    /// Those of a route with this policy, of all that the app has; none if there are none.
    pub fn of(route: &str, policy: &Policy, all: &[Arc<Rate>]) -> Option<Rates> {
        let names = policy.rates.as_deref().unwrap_or_default();
        let rates: Vec<_> =
            names.iter().filter_map(|name| all.iter().find(|rate| rate.name() == name).cloned()).collect();
        let policies: Vec<_> = rates.iter().map(|rate| rate.policy()).collect();
        let policy = HeaderValue::try_from(policies.join(", ")).ok()?;
        (!rates.is_empty()).then(|| Rates { rates, route: route.to_owned(), policy })
    }

    /// Count a request, with all rates up to the first that it is over. The answer is what the
    /// client is told if it may pass, or else its answer.
    pub async fn admit(&self, address: IpAddr, headers: &HeaderMap) -> Result<Said, Response<ReplyBody>> {
        let asker = Asker { address, headers, route: &self.route };
        let mut told = String::with_capacity(ITEM * self.rates.len());
        for rate in &self.rates {
            let count = rate.count(&asker).await;
            let separator = if told.is_empty() { "" } else { ", " };
            // To write to a string does not fail.
            let _ = write!(told, "{separator}\"{}\";r={};t={}", rate.name(), count.left, count.seconds());
            if count.is_over {
                return Err(self.refuse(told, &count));
            }
        }
        Ok(self.said(told))
    }

    fn said(&self, told: String) -> Said {
        // Names, digits and punctuation.
        let limit = HeaderValue::try_from(told).unwrap_or_else(|_| HeaderValue::from_static(""));
        Said { policy: self.policy.clone(), limit }
    }

    fn refuse(&self, told: String, count: &Count) -> Response<ReplyBody> {
        let seconds = count.seconds();
        let sentence = format!("Too many requests; try again in {seconds} s");
        let mut response = reply::error(StatusCode::TOO_MANY_REQUESTS, &sentence);
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        self.said(told).tell(response.headers_mut());
        response
    }
}

impl Said {
    /// Say it in the head of an answer, beside what whoever answers says of limits of its own.
    pub fn tell(self, headers: &mut HeaderMap) {
        headers.append(POLICY, self.policy);
        headers.append(LIMIT, self.limit);
    }
}

/// The rates of an app, for all its routes. One that is as it was `before` goes on counting.
pub fn all(app: &App, before: &[Arc<Rate>]) -> Vec<Arc<Rate>> {
    let rates = app.manifest().rates.iter().map(|manifest| {
        let same = before.iter().find(|rate| rate.is(manifest));
        same.cloned().unwrap_or_else(|| Arc::new(Rate::new(manifest.clone(), app.share_store())))
    });
    rates.collect()
}
