//! The end of every chain: knows a user of any id, over links and as JSON over HTTP.

use rest::{Error, Reply, Request};
use wasip2::exports::http::incoming_handler::Guest as Http;
use wasip2::http::types::{IncomingRequest, ResponseOutparam};

use bindings::exports::bench::links::directory::{DirectoryError, Guest, User};

struct Leaf;

#[allow(missing_docs, unsafe_code)]
mod bindings {
    use super::Leaf;

    wit_bindgen::generate!({ path: "../wit", world: "leaf" });

    export!(Leaf);
    wasip2::http::proxy::export!(Leaf);
}

impl Guest for Leaf {
    fn get_user(id: u64) -> Result<Option<User>, DirectoryError> {
        Ok(Some(User { id, name: "Alice".to_owned() }))
    }

    fn double(number: u32) -> u32 {
        number.wrapping_mul(2)
    }
}

impl Http for Leaf {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        rest::serve(request, out, answer);
    }
}

fn answer(request: &Request) -> Result<Reply, Error> {
    let id = request.path().rsplit('/').next().and_then(rest::id);
    let id = id.ok_or_else(|| Error::bad_request("the path must end in an id"))?;
    Ok(Reply::ok(format!(r#"{{"id":{id},"name":"Alice"}}"#).into_bytes()))
}
