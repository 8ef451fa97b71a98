//! Sending a request to one of several addresses.

use std::{
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response, Uri, uri::Authority};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, default_send_request};

use super::Ended;

/// Send a request of HTTP to the first of these addresses that takes a connection.
pub async fn send_to(
    addresses: &[SocketAddr],
    request: Request<WasiBody>,
    options: Option<RequestOptions>,
) -> Result<(Response<WasiBody>, Ended), Error> {
    let (head, body) = request.into_parts();
    let body = Shared(Arc::new(Mutex::new(body)));
    let mut failed = Error::DestinationNotFound;
    for address in addresses {
        // `Host` says the name since the component made the request.
        let mut head = head.clone();
        head.uri = at(&head.uri, *address)?;
        match send(Request::from_parts(head, body.clone()), options).await {
            // Nobody has read of the body.
            Err(error @ Error::Connect(_)) => failed = error,
            sent => return sent,
        }
    }
    Err(failed)
}

/// Send a request to the host that its URL names.
pub async fn send<B>(request: Request<B>, options: Option<RequestOptions>) -> Result<(Response<WasiBody>, Ended), Error>
where
    B: Body<Data = Bytes, Error = Error> + Send + 'static,
{
    let (response, ended) = default_send_request(request, options).await?;
    Ok((response.map(BodyExt::boxed_unsync), Box::new(ended)))
}

fn at(uri: &Uri, address: SocketAddr) -> Result<Uri, Error> {
    let mut parts = uri.clone().into_parts();
    parts.authority = Authority::try_from(address.to_string()).ok();
    Uri::from_parts(parts).map_err(|_| Error::HttpRequestUriInvalid)
}

/// A body that is not lost with a request that could not be sent. The lock is held
/// while it is polled, by the one request that there is at a time.
#[derive(Clone)]
struct Shared(Arc<Mutex<WasiBody>>);

impl Shared {
    fn body(&self) -> MutexGuard<'_, WasiBody> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Body for Shared {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Pin::new(&mut *self.body()).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body().size_hint()
    }
}
