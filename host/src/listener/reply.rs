//! Answers that the host gives itself.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

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
