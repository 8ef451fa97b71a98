//! Files of a folder, as the answers of a route.
//!
//! The folder is opened anew for each request, so that one may be put in its place. Nothing out
//! of it is answered, whatever a path or a symbolic link says: files are opened below a handle of
//! it. What is read is read on threads that may block.

use std::{io, sync::Arc};

use cap_std::{ambient_authority, fs::Dir};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use tokio::task::spawn_blocking;

use self::{asked::Asked, found::Found, place::Place, tags::Tags};
use super::{accepted::Accepted, reply};
use crate::{
    manifest::{Coding, FilesManifest, Route},
    service::ReplyBody,
    telemetry::ServiceLog,
};

mod asked;
mod body;
mod found;
mod place;
mod tags;

/// What a folder answers at its own path.
const PAGE: &str = "index.html";

/// Answers the requests of a route.
pub struct Files {
    route: Route,
    manifest: FilesManifest,
    tags: Tags,
    failures: ServiceLog,
}

/// Where a path leads.
enum Led {
    To(Box<Found>),
    /// To a folder that has a page, without the slash that relative links on it need.
    ToSlash,
    Nowhere,
}

impl Files {
    /// The files of a route.
    pub fn new(route: Route, manifest: FilesManifest) -> Arc<Files> {
        let failures = ServiceLog::new(manifest.text.as_str().into());
        Arc::new(Files { route, manifest, tags: Tags::default(), failures })
    }

    /// Answer a request of this route.
    pub async fn answer<B>(self: &Arc<Self>, request: &Request<B>) -> Response<ReplyBody> {
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            let mut response = reply::error(StatusCode::METHOD_NOT_ALLOWED, "The method is not allowed here");
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        // The route has matched, so that it can be normalised.
        let path = route::normalised(request.uri().path()).unwrap_or_default();
        let place = self.route.path().parts(&path).pop().and_then(Place::of);
        let codings = Accepted::of(request.headers()).ranked(Coding::ALL);
        let files = self.clone();
        let led = match place {
            Some(place) => {
                spawn_blocking(move || files.look(&place, &codings)).await.unwrap_or_else(|_| Ok(Led::Nowhere))
            }
            None => Ok(Led::Nowhere),
        };
        match led {
            Ok(Led::To(found)) => self.found(*found, &Asked::of(request)),
            Ok(Led::ToSlash) => to_slash(&path, request.uri().query()),
            Ok(Led::Nowhere) => reply::error(StatusCode::NOT_FOUND, "Not found"),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                self.failures.line(|folder| tracing::error!(folder, %path, error, "a file cannot be read"));
                reply::error(StatusCode::INTERNAL_SERVER_ERROR, "The file cannot be read")
            }
        }
    }

    fn look(&self, place: &Place, codings: &[Coding]) -> io::Result<Led> {
        let folder = Dir::open_ambient_dir(&self.manifest.folder, ambient_authority())?;
        let find = |path: &str| Found::open(&folder, path, codings, &self.tags);
        let found = match place.is_folder {
            true => find(&place.join(PAGE))?,
            false => match find(&place.path)? {
                None if find(&place.join(PAGE))?.is_some() => return Ok(Led::ToSlash),
                found => found,
            },
        };
        let fallback = self.manifest.fallback.as_deref().filter(|_| found.is_none() && place.may_be_a_page());
        let found = match fallback {
            Some(fallback) => find(fallback)?,
            None => found,
        };
        Ok(found.map_or(Led::Nowhere, |found| Led::To(Box::new(found))))
    }

    fn found(&self, found: Found, asked: &Asked) -> Response<ReplyBody> {
        let cache_control = match found.is_page() {
            // It names the others, which may have changed.
            true => self.manifest.cache_control.as_ref().map(|_| HeaderValue::from_static("no-cache")),
            false => self.manifest.cache_control.clone(),
        };
        let mut response = asked.answer(found);
        // What fails by a condition or by its range is the answer to nobody else.
        let is_the_files = response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED;
        if let Some(value) = cache_control.filter(|_| is_the_files) {
            response.headers_mut().insert(header::CACHE_CONTROL, value);
        }
        response
    }
}

/// The same path with a slash behind it. It begins with one: a route's own segments are not
/// empty, and no [`Place`] has one that is.
fn to_slash(path: &str, query: Option<&str>) -> Response<ReplyBody> {
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    let mut response = Response::new(ReplyBody::whole(""));
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    if let Ok(location) = HeaderValue::try_from(format!("{path}/{query}")) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}
