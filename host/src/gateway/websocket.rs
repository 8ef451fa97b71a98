//! Requests for a WebSocket (RFC 6455), which an upstream may open.
//!
//! No other protocol is passed on that a client may ask for by `Upgrade`: what it says of
//! requests behind that, such as `h2c` does, would be seen by nobody here.

use http::{HeaderMap, HeaderValue, Method, Request, Response, Version, header};
use http_body::Body;
use hyper::upgrade::OnUpgrade;

use crate::{listener::Switch, service::ReplyBody};

/// A client that asks for a WebSocket.
pub struct WebSocket(OnUpgrade);

/// Told by a request whose fields of its connection are gone.
#[derive(Clone, Copy)]
struct Asked;

impl WebSocket {
    /// What it is called in `Upgrade`.
    pub const NAME: HeaderValue = HeaderValue::from_static("websocket");

    /// Remember that a request asks for one, before what says so is taken out of it.
    pub fn note<B: Body>(request: &mut Request<B>) {
        if request.headers().contains_key(header::UPGRADE) && is_asked_for(request) {
            request.extensions_mut().insert(Asked);
        }
    }

    /// The client of a request that asks for one.
    pub fn of<B>(request: &mut Request<B>) -> Option<WebSocket> {
        request.extensions_mut().remove::<Asked>()?;
        Some(WebSocket(hyper::upgrade::on(request)))
    }

    /// The answer that opens one.
    pub fn answer(self, head: Response<()>, switch: impl FnOnce(OnUpgrade) -> Switch) -> Response<ReplyBody> {
        let mut response = head.map(|()| ReplyBody::whole(""));
        super::hop::strip_answer(response.headers_mut());
        response.headers_mut().remove(header::CONTENT_LENGTH);
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        response.headers_mut().insert(header::UPGRADE, WebSocket::NAME);
        response.extensions_mut().clear();
        response.extensions_mut().insert(switch(self.0));
        response
    }
}

fn is_asked_for<B: Body>(request: &Request<B>) -> bool {
    let headers = request.headers();
    let is_http = request.version() == Version::HTTP_11 && request.method() == Method::GET;
    is_http
        && request.body().is_end_stream()
        && !headers.contains_key(header::TRANSFER_ENCODING)
        && are(headers, header::UPGRADE, b"websocket")
        && has(headers, header::CONNECTION, b"upgrade")
}

/// Whether this is all that a field says.
fn are(headers: &HeaderMap, name: header::HeaderName, value: &[u8]) -> bool {
    let mut values = headers.get_all(name).iter();
    values.next().is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(value)) && values.next().is_none()
}

/// Whether this is in the list of a field.
fn has(headers: &HeaderMap, name: header::HeaderName, option: &[u8]) -> bool {
    let mut options = headers.get_all(name).iter().flat_map(|list| list.as_bytes().split(|byte| *byte == b','));
    options.any(|it| it.trim_ascii().eq_ignore_ascii_case(option))
}
