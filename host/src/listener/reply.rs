//! Answers that the host gives itself.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, Version, header};
use http_body::Body;
use route::Answer;

/// An answer in JSON.
pub fn json(status: StatusCode, value: &serde_json::Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(value.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A JSON answer `{"error": …}`, with a sentence that is safe to show.
pub fn error(status: StatusCode, sentence: &str) -> Response<Bytes> {
    json(status, &serde_json::json!({ "error": sentence }))
}

/// An answer to HEAD: all that GET would have but the body (RFC 9110, section 9.3.2),
/// which is `none`.
pub fn without_body<B: Body>(mut response: Response<B>, none: B) -> Response<B> {
    if let Some(length) = response.body().size_hint().exact().filter(|length| *length > 0) {
        response.headers_mut().entry(header::CONTENT_LENGTH).or_insert(length.into());
    }
    response.map(|_| none)
}

/// The answer to a request that is for nobody here.
pub fn unasked(answer: Answer, version: Version) -> Response<Bytes> {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = match answer.sentence {
        Some(sentence) => error(status, sentence),
        None => Response::new(Bytes::new()),
    };
    *response.status_mut() = status;
    // Methods are tokens.
    if let Some(methods) = answer.allow.and_then(|methods| HeaderValue::from_str(&methods).ok()) {
        response.headers_mut().insert(header::ALLOW, methods);
    }
    // A stream of HTTP/2 ends by itself.
    if answer.closes && version < Version::HTTP_2 {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
