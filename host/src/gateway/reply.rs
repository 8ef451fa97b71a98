//! Answers that the host gives itself: a status and a sentence that is safe to
//! show. What happened in full goes to the log.

use http::{HeaderValue, Response, StatusCode, header};

use crate::{
    listener::reply,
    service::{CallError, Fault, NotEmitted, ReplyBody, Service},
};

/// A JSON answer `{"error": …}`.
pub fn error(status: StatusCode, sentence: &str) -> Response<ReplyBody> {
    reply::error(status, sentence).map(ReplyBody::whole)
}

/// The body is over its service's limit of bytes.
pub fn too_large(limit: u64) -> Response<ReplyBody> {
    error(StatusCode::PAYLOAD_TOO_LARGE, &format!("The body must have at most {limit} bytes"))
}

/// The answer has not begun in time.
pub fn late() -> Response<ReplyBody> {
    error(StatusCode::GATEWAY_TIMEOUT, "The service took too long")
}

/// A call of a service that failed, in the request of this id, whose body may have `limit` bytes.
/// A failure behind a link is answered as what it was there: a service that waits for a busy one
/// is busy, too.
pub fn failure(service: &Service, limit: u64, failed: &CallError, id: &HeaderValue) -> Response<ReplyBody> {
    let root = failed.root();
    // It is visible ASCII.
    let id = id.to_str().unwrap_or_default();
    if let CallError::Client { fault, .. } = root {
        tracing::debug!(id, error = failed as &dyn std::error::Error, "a call ended early");
        return blamed(limit, *fault);
    }
    service.failures().line(|_| {
        // The chain names each service that it went through.
        let error = failed as &dyn std::error::Error;
        match root {
            // Too many requests are no defect.
            CallError::Busy { .. } | CallError::Crowded { .. } => tracing::warn!(id, error, "a call failed"),
            _ => tracing::error!(id, error, "a call failed"),
        }
    });
    match root {
        CallError::Busy { .. } | CallError::Crowded { .. } => busy(),
        CallError::NotEmitted { source: NotEmitted::Full { .. }, .. } => {
            error(StatusCode::SERVICE_UNAVAILABLE, "The service has too much to do; try again later")
        }
        CallError::Store { .. }
        | CallError::NotKept { .. }
        | CallError::NotEmitted { source: NotEmitted::Store(_), .. } => {
            error(StatusCode::SERVICE_UNAVAILABLE, "The store cannot keep anything now; try again later")
        }
        CallError::Deadline { .. } | CallError::CallersDeadline { .. } => late(),
        CallError::Stopped { .. } => error(StatusCode::SERVICE_UNAVAILABLE, "The service was replaced meanwhile"),
        _ => error(StatusCode::INTERNAL_SERVER_ERROR, "The service failed"),
    }
}

/// There is more to do than can be done.
pub fn busy() -> Response<ReplyBody> {
    let mut response = error(StatusCode::SERVICE_UNAVAILABLE, "The service is busy; try again");
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// What a client is told that did something wrong after its request had begun.
pub fn blamed(limit: u64, fault: Fault) -> Response<ReplyBody> {
    match fault {
        Fault::TooLarge => too_large(limit),
        Fault::Slow => error(StatusCode::REQUEST_TIMEOUT, "The body did not come in time"),
        Fault::Broken | Fault::Gone => error(StatusCode::BAD_REQUEST, "The body is broken or not all there"),
    }
}
