//! A user service that keeps nothing: Alice and Bob are all there is.

use rest::{Error, Reply, Request};
use wasip2::exports::http::incoming_handler::Guest as Http;
use wasip2::http::types::{IncomingRequest, ResponseOutparam};

use bindings::exports::shop::users::directory::{DirectoryError, Guest, User};

const NAMES: [&str; 2] = ["Alice", "Bob"];

struct PlainUser;

#[allow(missing_docs, unsafe_code)]
mod bindings {
    use super::PlainUser;

    wit_bindgen::generate!({
        inline: "
            package bench:peers;
            world plain-user {
                export shop:users/directory@0.1.0;
            }
        ",
        path: "../../../wit",
        generate_all,
    });

    export!(PlainUser);
    wasip2::http::proxy::export!(PlainUser);
}

impl Guest for PlainUser {
    fn get_user(id: u64) -> Result<Option<User>, DirectoryError> {
        Ok(name(id).map(|name| User { id, name: name.to_owned() }))
    }

    fn admit(id: u64) -> Result<bool, DirectoryError> {
        Ok(name(id).is_some())
    }
}

impl Http for PlainUser {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        rest::serve(request, out, answer);
    }
}

fn answer(request: &Request) -> Result<Reply, Error> {
    let id = request.path().rsplit('/').next().and_then(rest::id);
    let user = id.and_then(|id| Some((id, name(id)?)));
    let (id, name) = user.ok_or_else(|| Error::not_found("User not found"))?;
    Ok(Reply::ok(format!(r#"{{"id":{id},"name":"{name}"}}"#).into_bytes()))
}

fn name(id: u64) -> Option<&'static str> {
    NAMES.get(usize::try_from(id).ok()?.checked_sub(1)?).copied()
}
