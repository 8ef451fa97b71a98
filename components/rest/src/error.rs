//! Why a request was not granted.

use std::borrow::Cow;
use std::fmt;
use std::io::Write;

use crate::Reply;

/// A refusal: a status and a sentence for the client, and a cause for the log.
/// The two are kept apart, so that a client never reads how a store failed.
#[derive(Debug)]
pub struct Error {
    status: u16,
    sentence: Cow<'static, str>,
    allow: Option<&'static str>,
    cause: Option<String>,
}

impl Error {
    /// 400: the sentence names what is wrong and says what would be right.
    pub fn bad_request(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, sentence)
    }

    /// 404: nothing is there.
    pub fn not_found(sentence: &'static str) -> Self {
        Self::new(404, sentence)
    }

    /// 405: the resource is there and does not do this; `allow` lists what it does.
    pub fn method_not_allowed(allow: &'static str) -> Self {
        Self { allow: Some(allow), ..Self::new(405, format!("Method not allowed, only {allow}")) }
    }

    /// 409: it cannot be done as things are, and may be later.
    pub fn conflict(sentence: &'static str) -> Self {
        Self::new(409, sentence)
    }

    /// 412: it is no longer what the request is about.
    pub fn precondition_failed(sentence: &'static str) -> Self {
        Self::new(412, sentence)
    }

    /// 413: the body is longer than a service of the shop reads.
    pub fn body_too_large(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self::new(413, sentence)
    }

    /// 415: the body is in another format than JSON.
    pub fn not_json() -> Self {
        Self::new(415, "content-type must be application/json")
    }

    /// 422: it is well formed, and contradicts what was asked before.
    pub fn unprocessable(sentence: &'static str) -> Self {
        Self::new(422, sentence)
    }

    /// 503: something this service needs failed; asking again may help.
    pub fn unavailable(sentence: &'static str, cause: impl fmt::Display) -> Self {
        Self::new(503, sentence).because(cause)
    }

    /// 500: asking again will not help; somebody has to read the log.
    pub fn internal(sentence: &'static str, cause: impl fmt::Display) -> Self {
        Self::new(500, sentence).because(cause)
    }

    /// The answer to the client. The cause goes to stderr here and nowhere else.
    pub fn into_reply(self) -> Reply {
        if let Some(cause) = &self.cause {
            // Not `eprintln!`, which panics where a host closed stderr.
            let _ = writeln!(std::io::stderr(), "{}: {cause}", self.sentence);
        }
        let body = serde_json::to_string(&*self.sentence).unwrap_or_default();
        let reply = Reply::json(self.status, format!("{{\"error\":{body}}}").into_bytes());
        match self.allow {
            Some(methods) => reply.with_header("allow", methods),
            None => reply,
        }
    }

    fn new(status: u16, sentence: impl Into<Cow<'static, str>>) -> Self {
        Self { status, sentence: sentence.into(), allow: None, cause: None }
    }

    fn because(mut self, cause: impl fmt::Display) -> Self {
        self.cause = Some(cause.to_string());
        self
    }
}

/// For whoever is no client, such as the caller of a link: with the cause.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Some(cause) => write!(f, "{}: {cause}", self.sentence),
            None => f.write_str(&self.sentence),
        }
    }
}
