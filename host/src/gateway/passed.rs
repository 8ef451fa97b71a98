//! Requests that are passed on to an upstream, and what comes back.
//!
//! Both are taken apart and made anew, so that who reads them next reads the same: a body has
//! one length or is chunked, and fields of a connection end here. All else is passed on as it
//! came.

use std::time::Duration;

use http::{HeaderValue, Request, Response, StatusCode, Uri, Version, header};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::time::Instant;
use wasmtime_wasi_http::Error as HttpError;

use super::{body::RequestBody, hop, reply, websocket::WebSocket};
use crate::{
    listener::Switch,
    service::{Conduct, Fault, ReplyBody},
    upstream::{Answered, SentBody, Upstream, UpstreamError},
};

/// The longest body of a request, where its route says nothing.
pub const LARGEST_BODY: u64 = 1 << 20;

/// How long an answer may take to begin, where its route says nothing.
const TIMEOUT: Duration = Duration::from_secs(30);

/// By what the host is known to who is asked (RFC 9110, section 7.6.3).
const VIA: [(Version, HeaderValue); 3] = [
    (Version::HTTP_10, HeaderValue::from_static("1.0 dovetail")),
    (Version::HTTP_11, HeaderValue::from_static("1.1 dovetail")),
    (Version::HTTP_2, HeaderValue::from_static("2 dovetail")),
];

/// Pass a request on, which is known by this id, and whose body may have `limit` bytes.
pub async fn pass(
    upstream: &Upstream,
    request: Request<RequestBody>,
    timeout: Option<Duration>,
    limit: u64,
    id: &HeaderValue,
) -> Response<ReplyBody> {
    let (conduct, mut request) = (request.body().conduct(), request);
    let websocket = WebSocket::of(&mut request);
    let request = made_anew(request);
    let deadline = Instant::now() + timeout.unwrap_or(TIMEOUT);
    let protocol = websocket.as_ref().map(|_| WebSocket::NAME);
    match upstream.send(request, protocol, deadline).await {
        Ok(Answered::Whole(response)) => {
            let (mut head, body) = response.into_parts();
            hop::strip_answer(&mut head.headers);
            head.version = Version::HTTP_11;
            let body = match body.is_end_stream() {
                true => ReplyBody::whole(""),
                false => ReplyBody::Passed(body.map_err(|_| HttpError::HttpResponseIncomplete).boxed_unsync()),
            };
            Response::from_parts(head, body)
        }
        Ok(Answered::Switched(head, opened)) => match websocket {
            Some(websocket) => websocket.answer(head, |client| Switch::new(client, opened)),
            None => failure(upstream, &UpstreamError::Broken(None), conduct, limit, id),
        },
        Err(error) => failure(upstream, &error, conduct, limit, id),
    }
}

/// The request as the upstream is to read it.
fn made_anew(request: Request<RequestBody>) -> Request<SentBody> {
    let (mut head, body) = request.into_parts();
    // Whom it asks stands in `Host` alone.
    if let Some(host) = head.uri.authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok()) {
        head.headers.insert(header::HOST, host);
    }
    head.uri = head.uri.path_and_query().map_or_else(Uri::default, |target| Uri::from(target.clone()));
    let (length, is_empty) = (body.size_hint().exact(), body.is_end_stream());
    match length {
        _ if is_empty => {
            if head.headers.contains_key(header::CONTENT_LENGTH) {
                head.headers.insert(header::CONTENT_LENGTH, 0.into());
            }
        }
        Some(length) => _ = head.headers.insert(header::CONTENT_LENGTH, length.into()),
        None => {
            head.headers.remove(header::CONTENT_LENGTH);
            head.headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
    }
    if let Some((_, via)) = VIA.iter().find(|(version, _)| *version == head.version) {
        head.headers.append(header::VIA, via.clone());
    }
    let mut anew = Request::new(SentBody::new(body));
    *anew.method_mut() = head.method;
    *anew.uri_mut() = head.uri;
    *anew.headers_mut() = head.headers;
    anew
}

/// What a client is told when there is no answer. What is its own doing is said to be.
fn failure(
    upstream: &Upstream,
    error: &UpstreamError,
    conduct: Option<Conduct>,
    limit: u64,
    id: &HeaderValue,
) -> Response<ReplyBody> {
    let (name, shown) = (upstream.name(), error as &dyn std::error::Error);
    // It is visible ASCII.
    let id = id.to_str().unwrap_or_default();
    let conduct = conduct.unwrap_or_default();
    let fault = match error {
        UpstreamError::Slow if conduct.is_awaited() => Some(Fault::Slow),
        UpstreamError::Client => Some(conduct.fault().unwrap_or(Fault::Broken)),
        _ => conduct.fault(),
    };
    if let Some(fault) = fault {
        tracing::debug!(id, upstream = name, error = shown, "a request was not passed on to its end");
        return reply::blamed(limit, fault);
    }
    tracing::warn!(id, upstream = name, error = shown, "an upstream did not answer");
    match error {
        UpstreamError::Busy => reply::busy(),
        UpstreamError::NoneWell => {
            reply::error(StatusCode::SERVICE_UNAVAILABLE, "The service is not well; try again later")
        }
        UpstreamError::Slow => reply::error(StatusCode::GATEWAY_TIMEOUT, "The service took too long"),
        UpstreamError::Unreachable(_) => reply::error(StatusCode::BAD_GATEWAY, "The service cannot be reached"),
        UpstreamError::Broken(_) | UpstreamError::Client => {
            reply::error(StatusCode::BAD_GATEWAY, "The service gave no answer that is one")
        }
    }
}
