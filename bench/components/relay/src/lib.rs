//! Asks the next over a link: once on behalf of the one before it, or as often as a
//! request says. `GET /…/get-user/{calls}` and `GET /…/double/{calls}` answer with the
//! sum of what they were told, so that no call can be left out.

use rest::{Error, Reply, Request};
use wasip2::exports::http::incoming_handler::Guest as Http;
use wasip2::http::types::{IncomingRequest, ResponseOutparam};

use bindings::bench::links::directory;
use bindings::exports::bench::links::directory::{DirectoryError, Guest, User};

struct Relay;

#[allow(missing_docs, unsafe_code)]
mod bindings {
    use super::Relay;

    wit_bindgen::generate!({ path: "../wit", world: "relay" });

    export!(Relay);
    wasip2::http::proxy::export!(Relay);
}

impl Guest for Relay {
    fn get_user(id: u64) -> Result<Option<User>, DirectoryError> {
        match directory::get_user(id) {
            Ok(user) => Ok(user.map(|user| User { id: user.id, name: user.name })),
            Err(directory::DirectoryError::Unavailable(cause)) => Err(DirectoryError::Unavailable(cause)),
        }
    }

    fn double(number: u32) -> u32 {
        directory::double(number)
    }
}

impl Http for Relay {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        rest::serve(request, out, answer);
    }
}

fn answer(request: &Request) -> Result<Reply, Error> {
    let mut segments = request.path().rsplit('/');
    let calls = segments.next().and_then(rest::id);
    let calls = calls.ok_or_else(|| Error::bad_request("the path must end in a number of calls"))?;
    let sum: u64 = match segments.next() {
        Some("get-user") => (1..=calls).map(user).sum(),
        Some("double") => (1..=calls).map(|number| u64::from(directory::double(number as u32))).sum(),
        _ => return Err(Error::not_found("Not found")),
    };
    Ok(Reply::ok(sum.to_string().into_bytes()))
}

/// The id of the user with this id.
fn user(id: u64) -> u64 {
    directory::get_user(id).ok().flatten().map_or(0, |user| user.id)
}
