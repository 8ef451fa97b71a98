//! A service that decides whether the requests of a route go on.
//!
//! Nothing opens by a failure: a trap, a deadline, and an answer that is none are refusals
//! (503). What it allows is remembered for as long as it says, by all that it was told, and
//! by the revision that said it: so a swap forgets it. While a canary has a part of the calls
//! nothing is remembered, for each may say otherwise. What it refuses is asked each time.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use hashlink::LruCache;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use ring::digest::{Context, SHA256};
use wasmtime::component::Val;

use super::{
    forwarded::{self, FOR},
    hop, reply,
};
use crate::{
    app::App,
    manifest::{Authorize, Policy, Priority},
    service::{CallError, Caller, Identity, ReplyBody, Service},
};

/// The most that is remembered of a route; what was not asked for longest is forgotten first.
const MOST: usize = 4096;

/// The longest that anything is remembered.
const LONGEST: Duration = Duration::from_secs(3600);

/// Decides on the requests of a route.
pub struct Authorizer {
    /// The service, and the function that decides: see [`App::authorizer`]. None, which a
    /// manifest that has been checked leads to never, decides nothing.
    decides: Option<(Arc<Service>, String)>,
    /// The route, as the manifest has it.
    route: String,
    headers: Vec<HeaderName>,
    /// That of the route: nobody holds an instance who waits for this one.
    priority: Priority,
    /// Protects what was allowed: held to look it up, and to add to it.
    allowed: Mutex<LruCache<Print, Allowed>>,
}

/// SHA-256 of all that it was told.
type Print = [u8; 32];

/// What was allowed.
#[derive(Clone)]
struct Allowed {
    headers: Arc<[(HeaderName, HeaderValue)]>,
    until: Instant,
}

/// What the service said.
enum Decision {
    Allow { headers: Vec<(HeaderName, HeaderValue)>, seconds: u32 },
    Refuse(StatusCode, String),
}

impl Authorizer {
    /// That of a route with this policy, if it has one.
    pub fn of(policy: &Policy, route: &str, app: &App) -> Option<Authorizer> {
        let Some(Authorize::Service { name, headers }) = &policy.authorize else { return None };
        let (headers, priority, route) = (headers.clone(), policy.priority.unwrap_or_default(), route.to_owned());
        let (decides, allowed) = (app.authorizer(name), Mutex::new(LruCache::new(MOST)));
        Some(Authorizer { decides, route, headers, priority, allowed })
    }

    /// Let a request go on, with what is to be told in its headers; or the answer to whoever
    /// sent it. It is decided until the deadline, if there is one.
    pub async fn decide<B>(
        &self,
        request: &mut Request<B>,
        identity: Option<&Arc<Identity>>,
        deadline: Option<Instant>,
    ) -> Result<(), Response<ReplyBody>> {
        let Some((service, export)) = &self.decides else { return Err(undecided()) };
        let number = revision(service);
        let print = number.map(|number| self.print(number, request, identity));
        if let Some(allowed) = print.and_then(|print| self.remembered(&print)) {
            set(request.headers_mut(), &allowed.headers);
            return Ok(());
        }
        let told = self.told(request, identity.map(|identity| &**identity));
        let (identity_of_call, priority) = (identity.cloned(), Some(self.priority));
        let caller = Caller { deadline, identity: identity_of_call, priority, ..Caller::default() };
        let said = service.ask(export, &[told], caller).await;
        match said.map(|said| decision(&said)) {
            Ok(Some(Decision::Allow { headers, seconds })) => {
                set(request.headers_mut(), &headers);
                if let Some(print) = print.filter(|_| seconds > 0 && revision(service) == number) {
                    self.remember(print, headers.into(), seconds, identity.and_then(|identity| identity.expires));
                }
                Ok(())
            }
            Ok(Some(Decision::Refuse(status, sentence))) => Err(reply::error(status, &sentence)),
            Ok(None) => {
                say(service, None);
                Err(undecided())
            }
            Err(error) => {
                say(service, Some(&error));
                Err(undecided())
            }
        }
    }

    fn remembered(&self, print: &Print) -> Option<Allowed> {
        let mut all = self.allowed();
        let allowed = all.get(print)?.clone();
        if Instant::now() < allowed.until {
            return Some(allowed);
        }
        all.remove(print);
        None
    }

    /// Remember what was allowed, not beyond the end of the token that it was allowed for.
    fn remember(&self, print: Print, headers: Arc<[(HeaderName, HeaderValue)]>, seconds: u32, end: Option<u64>) {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let left = end.map_or(LONGEST, |end| Duration::from_secs(end).saturating_sub(since_1970));
        let until = Instant::now() + Duration::from_secs(seconds.into()).min(LONGEST).min(left);
        self.allowed().insert(print, Allowed { headers, until });
    }

    fn allowed(&self) -> MutexGuard<'_, LruCache<Print, Allowed>> {
        self.allowed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All that is told, each part with its length before it, so that none can be taken for
    /// another. The route is that of this memory.
    fn print<B>(&self, number: u64, request: &Request<B>, identity: Option<&Arc<Identity>>) -> Print {
        let mut context = Context::new(&SHA256);
        let mut add = |part: &[u8]| {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part);
        };
        add(&number.to_le_bytes());
        add(request.method().as_str().as_bytes());
        add(path(request).as_bytes());
        add(client(request.headers()).as_bytes());
        for name in &self.headers {
            let values = request.headers().get_all(name);
            add(&values.iter().count().to_le_bytes());
            values.iter().for_each(|value| add(value.as_bytes()));
        }
        if let Some(identity) = identity {
            add(identity.auth.as_bytes());
            add(identity.subject.as_bytes());
            add(identity.issuer.as_deref().unwrap_or_default().as_bytes());
            add(identity.claims.as_deref().unwrap_or_default().as_bytes());
            identity.scopes.iter().for_each(|scope| add(scope.as_bytes()));
        }
        let mut print = Print::default();
        print.copy_from_slice(context.finish().as_ref());
        print
    }

    fn told<B>(&self, request: &Request<B>, identity: Option<&Identity>) -> Val {
        let headers = self.headers.iter().flat_map(|name| {
            let values = request.headers().get_all(name).iter();
            values.map(move |value| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                Val::Tuple(vec![Val::String(name.as_str().to_owned()), Val::String(value)])
            })
        });
        let identity = identity.map(|identity| {
            record([
                ("auth", text(&identity.auth)),
                ("subject", text(&identity.subject)),
                ("issuer", optional(identity.issuer.as_deref())),
                ("scopes", Val::List(identity.scopes.iter().map(|scope| text(scope)).collect())),
                ("claims", optional(identity.claims.as_deref())),
            ])
        });
        record([
            ("method", text(request.method().as_str())),
            ("route", text(&self.route)),
            ("path", Val::String(path(request).into_owned())),
            ("headers", Val::List(headers.collect())),
            ("identity", Val::Option(identity.map(Box::new))),
            ("client", text(client(request.headers()))),
        ])
    }
}

/// The number of the revision that decides, if there is but one.
fn revision(service: &Service) -> Option<u64> {
    let serving = service.serving();
    serving.canary.is_none().then(|| serving.live.number())
}

/// The answer where nothing was decided.
fn undecided() -> Response<ReplyBody> {
    let mut response = reply::error(StatusCode::SERVICE_UNAVAILABLE, "It cannot be decided now; try again");
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// Say why nothing was decided.
fn say(service: &Service, failed: Option<&CallError>) {
    service.failures().line(|service| match failed {
        // Too many requests are no defect.
        Some(error) if matches!(error.root(), CallError::Busy { .. } | CallError::Crowded { .. }) => {
            let error = error as &dyn std::error::Error;
            tracing::warn!(service, error, "a request was not decided on, and refused");
        }
        Some(error) => {
            let error = error as &dyn std::error::Error;
            tracing::error!(service, error, "a request was not decided on, and refused");
        }
        None => tracing::error!(
            service,
            "a request was not decided on, and refused: the answer has a status below 400 or above 599, or a header \
             that is none or the gateway's own"
        ),
    });
}

/// The path as its route was found by it.
fn path<B>(request: &Request<B>) -> std::borrow::Cow<'_, str> {
    let path = request.uri().path();
    // What has none has no route.
    route::normalised(path).unwrap_or_default()
}

/// The client's address, which the gateway has set.
fn client(headers: &HeaderMap) -> &str {
    headers.get(FOR).and_then(|address| address.to_str().ok()).unwrap_or_default()
}

/// Set fields in place of those of a client, in whatever spelling these are taken for them.
fn set(headers: &mut HeaderMap, given: &[(HeaderName, HeaderValue)]) {
    hop::remove(headers, |name| given.iter().any(|(own, _)| forwarded::are_same(name, own.as_str())));
    for (name, value) in given {
        headers.append(name.clone(), value.clone());
    }
}

fn text(text: &str) -> Val {
    Val::String(text.to_owned())
}

fn optional(value: Option<&str>) -> Val {
    Val::Option(value.map(|value| Box::new(text(value))))
}

fn record<const N: usize>(fields: [(&str, Val); N]) -> Val {
    Val::Record(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// What was said, if it can be done: a status of an error, and headers that are the service's
/// own to set.
fn decision(said: &Val) -> Option<Decision> {
    let Val::Variant(case, Some(value)) = said else { return None };
    let Val::Record(fields) = &**value else { return None };
    match (case.as_str(), &fields[..]) {
        ("allow", [(_, Val::List(headers)), (_, Val::U32(seconds))]) => {
            let headers = headers.iter().map(given).collect::<Option<Vec<_>>>()?;
            Some(Decision::Allow { headers, seconds: *seconds })
        }
        ("refuse", [(_, Val::U16(status)), (_, Val::String(sentence))]) if (400..=599).contains(status) => {
            Some(Decision::Refuse(StatusCode::from_u16(*status).ok()?, sentence.clone()))
        }
        _ => None,
    }
}

fn given(header: &Val) -> Option<(HeaderName, HeaderValue)> {
    let Val::Tuple(pair) = header else { return None };
    let [Val::String(name), Val::String(value)] = &pair[..] else { return None };
    let name: HeaderName = name.parse().ok()?;
    let frames = [header::HOST, header::CONTENT_LENGTH, header::EXPECT, header::TRAILER];
    let is_own = forwarded::is_claim(name.as_str()) || hop::is_connections(name.as_str()) || frames.contains(&name);
    (!is_own).then_some((name, value.parse().ok()?))
}
