//! What is answered where no service is asked.

use std::{borrow::Cow, fmt};

/// An answer: its status, and what goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The sentence for the body, `{"error": …}`, in which nothing needs an escape in
    /// JSON; without one there is no body.
    pub sentence: Option<&'static str>,
    /// The value of `Allow`.
    pub allow: Option<Cow<'static, str>>,
    /// Whether nothing more may be read of a connection of HTTP/1.1.
    pub closes: bool,
}

impl Answer {
    /// No route matches.
    pub const NOT_FOUND: Answer = Answer::error(404, "Not found");
    /// `CONNECT`, which asks for a tunnel (RFC 9110, section 9.3.6), and there is none
    /// here; a service's 200 would open one to nowhere. What a client sends after it
    /// may be meant for the tunnel, and must not be taken for a request: the connection
    /// ends.
    pub(crate) const CONNECT: Answer = Answer {
        status: 501,
        sentence: Some("The method CONNECT is not implemented: this is no proxy"),
        allow: None,
        closes: true,
    };
    /// `TRACE`, which is to be answered with the request (RFC 9110, section 9.3.8), the
    /// client's credentials included: no service is let do that.
    pub(crate) const TRACE: Answer = Answer::error(501, "The method TRACE is not implemented");
    /// `OPTIONS *`, which asks of the server as a whole (RFC 9110, section 9.3.7).
    pub(crate) const OPTIONS: Answer = Answer {
        status: 204,
        sentence: None,
        allow: Some(Cow::Borrowed("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")),
        closes: false,
    };
    /// `*` with a method that it is not for (RFC 9112, section 3.2.4).
    pub(crate) const STAR: Answer = Answer::error(400, "The target * is for OPTIONS alone");
    /// The target has another form than a path.
    pub(crate) const NO_PATH: Answer = Answer::error(400, "The target of the request is no path that begins with /");
    /// A `%` that begins no escape (RFC 3986, section 2.1).
    pub(crate) const NO_ESCAPE: Answer =
        Answer::error(400, "The path has a % that two hexadecimal digits do not follow; write %25 for the sign");
    /// The escape of a NUL, at which some readers would end the path and others not.
    pub(crate) const NUL: Answer = Answer::error(400, "The path has a NUL (%00)");

    /// There are routes for the path, but for other methods (RFC 9110, section 15.5.6), which
    /// are all of these.
    pub(crate) fn other_methods(methods: impl IntoIterator<Item = impl AsRef<str>>) -> Answer {
        let methods: Vec<String> = methods.into_iter().map(|method| method.as_ref().to_owned()).collect();
        let allow = Some(Cow::Owned(methods.join(", ")));
        Answer { allow, ..Answer::error(405, "The method is not allowed here") }
    }

    const fn error(status: u16, sentence: &'static str) -> Answer {
        Answer { status, sentence: Some(sentence), allow: None, closes: false }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence.unwrap_or_default())
    }
}

impl std::error::Error for Answer {}
