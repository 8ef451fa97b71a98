//! Gives each request to the service whose route it matches: what the host's
//! gateway does, by the same crate, for an app that is composed into one component.
//!
//! A component can import `wasi:http/incoming-handler` only once. So the services
//! come behind one interface of ours, by number; what ties the two together is
//! made by `dovetail compose`, which knows the routes.

use std::{io::Write, sync::OnceLock};

use bindings::dovetail::router::services;
use route::{Answer, Asked, Route, Routes};
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam};

/// What the host calls.
struct Component;

#[allow(missing_docs, unsafe_code)]
mod bindings {
    use super::Component;

    wit_bindgen::generate!({
        inline: "
            package dovetail:router@0.1.0;

            interface services {
                use wasi:http/types@0.2.12.{incoming-request, response-outparam};

                /// Routes as lines, and the service that answers what matches.
                routes: func() -> list<tuple<string, u32>>;
                handle: func(service: u32, request: incoming-request, response-out: response-outparam);
            }

            world router {
                import services;
            }

            /// As much of it as is named above. The version is that of the crate
            /// `wasip2`, whose types these are.
            package wasi:http@0.2.12 {
                interface types {
                    resource incoming-request;
                    resource response-outparam;
                }
            }
        ",
        with: { "wasi:http/types@0.2.12": wasip2::http::types },
    });

    wasip2::http::proxy::export!(Component);
}

impl Guest for Component {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let (method, host) = (request.method(), request.authority().unwrap_or_default());
        let (target, headers) = (request.path_with_query(), request.headers());
        let has = |name: &str, value: Option<&str>| {
            let values = headers.get(name);
            values.iter().any(|has| value.is_none_or(|value| has.trim_ascii() == value.as_bytes()))
        };
        let asked = Asked { method: self::method(&method), host: &host, target: path(target.as_deref()), has: &has };
        match routes().choose(&asked) {
            Ok(service) => services::handle(*service, request, out),
            Err(answer) => answered(answer, out),
        }
    }
}

/// Made once in an instance.
fn routes() -> &'static Routes<u32> {
    static ROUTES: OnceLock<Routes<u32>> = OnceLock::new();
    ROUTES.get_or_init(|| {
        // The manifest's check has seen to it that all are routes, and none conflict.
        let routes = services::routes().into_iter();
        routes.filter_map(|(pattern, service)| Some((Route::from_lines(&pattern).ok()?, service))).collect()
    })
}

/// The target without its query. Where there is nothing before that it asks for the
/// root (RFC 9110, section 4.2.3).
fn path(target: Option<&str>) -> &str {
    match target.map(|target| target.split('?').next().unwrap_or_default()) {
        Some("") => "/",
        path => path.unwrap_or_default(),
    }
}

fn method(method: &Method) -> &str {
    match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Connect => "CONNECT",
        Method::Options => "OPTIONS",
        Method::Trace => "TRACE",
        Method::Patch => "PATCH",
        Method::Other(name) => name,
    }
}

/// As the gateway does. What becomes of the connection is the host's affair.
fn answered(answer: Answer, out: ResponseOutparam) {
    let body = answer.sentence.map(|sentence| format!(r#"{{"error":"{sentence}"}}"#));
    let mut headers = Vec::new();
    if let Some(body) = &body {
        headers.push(("content-type".to_owned(), b"application/json".to_vec()));
        headers.push(("content-length".to_owned(), body.len().to_string().into_bytes()));
    }
    if let Some(methods) = answer.allow {
        headers.push(("allow".to_owned(), methods.into_owned().into_bytes()));
    }
    let response = OutgoingResponse::new(Fields::from_list(&headers).unwrap_or_else(|_| Fields::new()));
    // A status that is no status is the one way to fail.
    let _ = response.set_status_code(answer.status);
    let outgoing = response.body();
    ResponseOutparam::set(out, Ok(response));
    let Ok(outgoing) = outgoing else { return };
    let written = outgoing.write().map(|mut stream| stream.write_all(body.unwrap_or_default().as_bytes()));
    if let Ok(Ok(())) = written {
        let _ = OutgoingBody::finish(outgoing, None);
    }
}
