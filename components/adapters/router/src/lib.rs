//! Gives each request to the service whose route it matches: what the host's
//! gateway does, for an app that is composed into one component.
//!
//! A component can import `wasi:http/incoming-handler` only once. So the services
//! come behind one interface of ours, by number; what ties the two together is
//! made by `dovetail compose`, which knows the routes.

use std::{io::Write, sync::OnceLock};

use bindings::dovetail::router::services;
use matchit::Router;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

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

                /// Patterns, and the service that answers what matches.
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
        let target = request.path_with_query().unwrap_or_default();
        let path = target.split('?').next().unwrap_or_default();
        match routes().at(path) {
            Ok(found) => services::handle(*found.value, request, out),
            Err(_) => not_found(out),
        }
    }
}

/// Made once in an instance.
fn routes() -> &'static Router<u32> {
    static ROUTES: OnceLock<Router<u32>> = OnceLock::new();
    ROUTES.get_or_init(|| {
        let mut router = Router::new();
        for (pattern, service) in services::routes() {
            // The manifest's check has seen to it that none conflict.
            let _ = router.insert(pattern, service);
        }
        router
    })
}

/// As the gateway answers it.
fn not_found(out: ResponseOutparam) {
    const BODY: &[u8] = br#"{"error":"Not found"}"#;
    let headers = [
        ("content-type".to_owned(), b"application/json".to_vec()),
        ("content-length".to_owned(), BODY.len().to_string().into_bytes()),
    ];
    let response = OutgoingResponse::new(Fields::from_list(&headers).unwrap_or_else(|_| Fields::new()));
    // A status that is no status is the one way to fail.
    let _ = response.set_status_code(404);
    let body = response.body();
    ResponseOutparam::set(out, Ok(response));
    let Ok(body) = body else { return };
    let written = body.write().map(|mut stream| stream.write_all(BODY));
    if let Ok(Ok(())) = written {
        let _ = OutgoingBody::finish(body, None);
    }
}
