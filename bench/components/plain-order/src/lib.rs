//! An order service that keeps nothing: it asks the directory for the user and
//! answers each order as the first. And `POST /echo` sends a body back as it comes.

mod echo;

use rest::{Error, Reply, Request, fields};
use serde_json::Value;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{IncomingRequest, ResponseOutparam};

use bindings::shop::users::directory::{self, DirectoryError};

struct PlainOrder;

#[allow(missing_docs, unsafe_code)]
mod bindings {
    use super::PlainOrder;

    wit_bindgen::generate!({
        inline: "
            package bench:peers;
            world plain-order {
                import shop:users/directory@0.1.0;
            }
        ",
        path: "../../../wit",
        generate_all,
    });

    wasip2::http::proxy::export!(PlainOrder);
}

impl Guest for PlainOrder {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        match request.path_with_query().as_deref() {
            Some("/echo") => echo::serve(&request, out),
            _ => rest::serve(request, out, create),
        }
    }
}

fn create(request: &Request) -> Result<Reply, Error> {
    let body = request.json()?;
    let [user_id, item] = fields(&body, ["user_id", "item"])?;
    let (user_id, item) = (user_id.whole()?, item.text()?);
    match directory::get_user(user_id) {
        Ok(Some(user)) => {
            let item = Value::from(item.as_ref());
            let order = format!(r#"{{"id":1,"user_id":{},"item":{item}}}"#, user.id);
            Ok(Reply::created("/orders/1".to_owned(), order.into_bytes()))
        }
        Ok(None) => Err(Error::bad_request("User does not exist")),
        Err(DirectoryError::Unavailable(cause)) => Err(Error::unavailable("The user directory is unavailable", cause)),
    }
}
