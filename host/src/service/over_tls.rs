//! How a request came, of which its component is told the URL's scheme.

use http::Request;

/// Marks a request, as one of its extensions, that came over TLS. Without it the component
/// finds `http`.
#[derive(Clone, Copy, Debug)]
pub struct OverTls;

/// Whether a request is marked so.
pub fn came_over_tls<B>(request: &Request<B>) -> bool {
    request.extensions().get::<OverTls>().is_some()
}
