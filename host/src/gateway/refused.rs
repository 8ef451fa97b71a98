//! Requests that no component is given.

use http::{HeaderMap, Request, Response, StatusCode, Version, header};
use http_body::Body;

use super::reply;
use crate::service::ReplyBody;

/// Why a request is answered by the gateway itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What it is answered with.
    pub status: StatusCode,
    /// A sentence for the client.
    pub sentence: &'static str,
}

impl Refused {
    /// A request that is not as HTTP has it.
    pub fn bad(sentence: &'static str) -> Refused {
        Refused { status: StatusCode::BAD_REQUEST, sentence }
    }
}

impl From<Refused> for Response<ReplyBody> {
    fn from(Refused { status, sentence }: Refused) -> Self {
        reply::error(status, sentence)
    }
}

/// Refuse what asks for more than the host can do: to wait for something other than its
/// word to go on (RFC 9110, section 10.1.1), or to undo an encoding of the body for this
/// connection (RFC 9112, section 6.1).
pub fn check_demands<B: Body>(request: &Request<B>) -> Result<(), Refused> {
    let headers = request.headers();
    let expects_more =
        headers.get_all(header::EXPECT).iter().any(|it| !it.as_bytes().eq_ignore_ascii_case(b"100-continue"));
    if expects_more && request.version() >= Version::HTTP_11 {
        let sentence = "Nothing can be expected but 100-continue";
        return Err(Refused { status: StatusCode::EXPECTATION_FAILED, sentence });
    }
    check_encodings(headers)
}

/// Refuse a body that is more than chunked: codings that are not known here, and what is
/// wrong everywhere, to chunk it more than once (RFC 9112, section 7.1).
fn check_encodings(headers: &HeaderMap) -> Result<(), Refused> {
    let lists = headers.get_all(header::TRANSFER_ENCODING).iter();
    let encodings = lists.flat_map(|list| list.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    // Empty elements of a list are none (RFC 9110, section 5.6.1.2).
    let chunks = encodings.filter(|encoding| !encoding.is_empty()).try_fold(0, |chunks, encoding| {
        match encoding.eq_ignore_ascii_case(b"chunked") {
            true => Ok(chunks + 1),
            false => {
                let sentence = "Transfer-Encoding must be chunked, and nothing else";
                Err(Refused { status: StatusCode::NOT_IMPLEMENTED, sentence })
            }
        }
    })?;
    match chunks > 1 {
        true => Err(Refused::bad("Transfer-Encoding must say chunked only once")),
        false => Ok(()),
    }
}
