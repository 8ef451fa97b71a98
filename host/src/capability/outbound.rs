//! `wasi:http/outgoing-handler`: requests to the hosts that a service was granted.
//!
//! The check is on the URL that is connected to, and redirects are the
//! component's own business: it must ask again, and is checked again.

use std::sync::Arc;

use http::{Request, Response, uri::Scheme};
use http_body_util::BodyExt;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks, default_send_request};

use super::Grants;

/// Sends a component's requests.
pub struct Outbound(pub Arc<Grants>);

type Ended = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sending = Box<dyn Future<Output = Result<(Response<WasiBody>, Ended), Error>> + Send>;

impl WasiHttpHooks for Outbound {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _body_sent: Ended,
    ) -> Sending {
        if !self.allows(&request) {
            let to = format!("{}://{}", scheme(&request), request.uri().authority().map_or("", |a| a.as_str()));
            self.0.refuse("send a request to", "outbound", &to);
            return Box::new(async { Err(Error::HttpRequestDenied) });
        }
        Box::new(async move {
            let (response, ended) = default_send_request(request, options).await?;
            Ok((response.map(BodyExt::boxed_unsync), Box::new(ended) as Ended))
        })
    }
}

impl Outbound {
    fn allows(&self, request: &Request<WasiBody>) -> bool {
        let Some(authority) = request.uri().authority() else { return false };
        let scheme = scheme(request);
        // Without a port the one of the scheme is connected to.
        let port = match authority.port() {
            Some(port) => port.as_u16(),
            None if scheme == "https" => 443,
            None => 80,
        };
        self.0.outbound.iter().any(|host| host.allows(scheme, authority.host(), port))
    }
}

fn scheme(request: &Request<WasiBody>) -> &str {
    match request.uri().scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => "https",
        _ => "http",
    }
}
