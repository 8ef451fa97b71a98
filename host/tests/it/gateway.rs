//! What the gateway itself does with the requests of a route, and with their answers.

use http::{HeaderName, Method, Request};

use crate::support::{Answer, Body, Client, request};

mod auth;
mod authorizer;
mod basic;
mod compress;
mod cors;
mod files;
mod headers;
mod identity;
mod issuer;
mod jwt;
mod keys;
mod rates;
mod redirects;
mod shedding;
mod upstream;

/// Ask with these fields, a line each.
async fn ask(client: &mut Client, method: Method, target: &str, fields: &str) -> Answer {
    let fields: Vec<_> = fields.split('\n').filter_map(|field| field.split_once(": ")).collect();
    let mut asked = with(target, &fields);
    *asked.method_mut() = method;
    client.send(asked).await
}

/// Ask with a token.
async fn ask_as(client: &mut Client, target: &str, token: &str) -> Answer {
    client.send(with(target, &[("authorization", &format!("Bearer {token}"))])).await
}

/// A GET with these fields.
fn with(target: &str, fields: &[(&str, &str)]) -> Request<Body> {
    let mut asked = request(Method::GET, target, "");
    for (name, value) in fields {
        let name: HeaderName = name.parse().expect("a name");
        asked.headers_mut().append(name, value.parse().expect("a value"));
    }
    asked
}
