//! Sends the requests of a route on to where its manifest says.

use http::{HeaderValue, Request, Response, StatusCode, header};

use super::reply;
use crate::{
    manifest::{Moved, Route},
    service::ReplyBody,
};

/// Answer a request of this route.
pub fn answer<B>(moved: &Moved, route: &Route, request: &Request<B>) -> Response<ReplyBody> {
    let uri = request.uri();
    // The route has matched, so that it can be normalised.
    let path = route::normalised(uri.path()).unwrap_or_default();
    let (names, parts) = (route.path().parameters(), route.path().parts(&path));
    let part = |name: &str| names.iter().zip(&parts).find(|(other, _)| **other == name).map(|(_, part)| *part);
    match HeaderValue::try_from(moved.to.location(part, uri.query())) {
        Ok(location) => {
            let mut response = Response::new(ReplyBody::whole(""));
            *response.status_mut() = moved.status;
            response.headers_mut().insert(header::LOCATION, location);
            response
        }
        Err(_) => reply::error(StatusCode::BAD_REQUEST, "The URL is none"),
    }
}
