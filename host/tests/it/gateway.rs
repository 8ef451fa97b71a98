//! What the gateway itself does with the requests of a route, and with their answers.

use http::{HeaderName, Method};

use crate::support::{Answer, Client, request};

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
    let mut asked = request(method, target, "");
    for (name, value) in fields.split('\n').filter_map(|field| field.split_once(": ")) {
        let name: HeaderName = name.parse().expect("a name");
        asked.headers_mut().append(name, value.parse().expect("a value"));
    }
    client.send(asked).await
}
