//! A request, and its way in.

use std::cell::OnceCell;

use wasip2::http::types::{ErrorCode, Fields, IncomingBody};
use wasip2::http::types::{IncomingRequest, Method, ResponseOutparam, http_error_code};
use wasip2::io::streams::StreamError;

use crate::etag::{self, Comparison, etag};
use crate::{Error, IdempotencyKey, Query, Reply};

/// The longest body that is read, in bytes. A host has a limit of its own; this
/// one holds on a host that has none.
const BODY_LIMIT: usize = 1024 * 1024;

/// How much of a body is asked for at a time, in bytes. Most bodies are shorter
/// and come in one piece.
const READ_SIZE: u64 = 64 * 1024;

/// Answer one request.
pub fn serve(incoming: IncomingRequest, out: ResponseOutparam, answer: impl FnOnce(&Request) -> Result<Reply, Error>) {
    let request = Request::new(incoming);
    answer(&request).unwrap_or_else(Error::into_reply).send(out);
}

/// A request, of which only what is asked for is fetched from the host.
pub struct Request {
    /// The request's child, which has to go first.
    headers: OnceCell<Fields>,
    incoming: IncomingRequest,
    /// Path and query as they came.
    target: String,
    /// Where the path ends in `target`.
    path_end: usize,
}

impl Request {
    fn new(incoming: IncomingRequest) -> Self {
        let target = incoming.path_with_query().unwrap_or_default();
        let path_end = target.find('?').unwrap_or(target.len());
        Self { headers: OnceCell::new(), incoming, target, path_end }
    }

    /// The method.
    pub fn method(&self) -> Method {
        self.incoming.method()
    }

    /// The path, without the query.
    pub fn path(&self) -> &str {
        &self.target[..self.path_end]
    }

    /// The query, empty if there is none.
    pub fn query(&self) -> Query<'_> {
        Query::new(self.target.get(self.path_end + 1..).unwrap_or_default())
    }

    /// The answer to a read of what has this JSON: with its tag, or, if the client has
    /// it under that tag already, without a body. Refused if the client wants another.
    pub fn reply(&self, json: Vec<u8>) -> Result<Reply, Error> {
        if !self.is_about(&json) {
            return Err(Error::precondition_failed("This is not what If-Match names"));
        }
        let etag = etag(&json);
        Ok(match self.is_of_others(&etag) {
            true => Reply::not_modified(etag),
            false => Reply::ok(json).with_header("etag", etag),
        })
    }

    /// Whether the request is about what has this JSON: it is, unless it names others.
    pub fn is_about(&self, json: &[u8]) -> bool {
        self.header("if-match").is_none_or(|list| etag::names(&list, &etag(json), Comparison::Strong))
    }

    /// Whether the request is about anything but what has this JSON.
    pub fn is_about_others(&self, json: &[u8]) -> bool {
        self.is_of_others(&etag(json))
    }

    /// The key under which the request may be sent again.
    pub fn idempotency_key(&self) -> Result<Option<IdempotencyKey>, Error> {
        IdempotencyKey::of(self.headers())
    }

    /// The body, if it says to be JSON and is UTF-8. Whether it is JSON is for
    /// [`fields`](crate::fields) to tell.
    pub fn json(&self) -> Result<String, Error> {
        if !self.says_json() {
            return Err(Error::not_json());
        }
        String::from_utf8(self.body()?).map_err(|error| {
            let byte = error.utf8_error().valid_up_to() + 1;
            Error::bad_request(format!("the body is not valid UTF-8 at byte {byte}"))
        })
    }

    fn headers(&self) -> &Fields {
        self.headers.get_or_init(|| self.incoming.headers())
    }

    /// The header of this name, its lines together as one list.
    fn header(&self, name: &str) -> Option<String> {
        let values = self.headers().get(name);
        let lines: Vec<_> = values.iter().map(|value| String::from_utf8_lossy(value)).collect();
        (!lines.is_empty()).then(|| lines.join(","))
    }

    fn is_of_others(&self, etag: &str) -> bool {
        self.header("if-none-match").is_some_and(|list| etag::names(&list, etag, Comparison::Weak))
    }

    /// Two types are none: others may go by the second.
    fn says_json(&self) -> bool {
        let values = self.headers().get("content-type");
        matches!(&values[..], [value] if is_json(value))
    }

    fn body(&self) -> Result<Vec<u8>, Error> {
        let body = self.incoming.consume().map_err(|()| unreadable())?;
        read(&body)
    }
}

fn read(body: &IncomingBody) -> Result<Vec<u8>, Error> {
    let stream = body.stream().map_err(|()| unreadable())?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(READ_SIZE) {
            Ok(piece) if bytes.is_empty() => bytes = piece,
            Ok(piece) => bytes.extend_from_slice(&piece),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(match http_error_code(&error) {
                    Some(ErrorCode::HttpRequestBodySize(_)) => Error::body_too_large("the body is too large"),
                    _ => unreadable(),
                });
            }
        }
        if bytes.len() > BODY_LIMIT {
            return Err(Error::body_too_large(format!("the body is larger than {BODY_LIMIT} bytes")));
        }
    }
}

fn unreadable() -> Error {
    Error::bad_request("body could not be read")
}

/// Whether a `content-type` means JSON, whatever parameters follow it.
fn is_json(content_type: &[u8]) -> bool {
    let end = content_type.iter().position(|&byte| byte == b';');
    content_type[..end.unwrap_or(content_type.len())].trim_ascii().eq_ignore_ascii_case(b"application/json")
}

#[cfg(test)]
mod tests {
    use super::is_json;

    #[test]
    fn json_is_told_from_other_content() {
        for yes in ["application/json", "Application/JSON", "application/json; charset=utf-8", " application/json ;"] {
            assert!(is_json(yes.as_bytes()), "{yes}");
        }
        for no in ["", ";", "text/plain", "application/json5", "application/ld+json"] {
            assert!(!is_json(no.as_bytes()), "{no}");
        }
    }
}
