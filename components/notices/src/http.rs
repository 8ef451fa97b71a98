//! The notices over HTTP.

use rest::{Error, Query, Reply, Request, Target, target};
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{IncomingRequest, Method, ResponseOutparam};

use crate::{Service, notices};

impl Guest for Service {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        rest::serve(request, out, answer);
    }
}

fn answer(request: &Request) -> Result<Reply, Error> {
    match target(request.path(), "notices") {
        Some(Target::Collection) => match request.method() {
            Method::Get | Method::Head => list(request.query()),
            _ => Err(Error::method_not_allowed("GET, HEAD")),
        },
        Some(Target::Item(_)) | None => Err(Error::not_found("Not found")),
    }
}

/// The notices of one user.
fn list(query: Query<'_>) -> Result<Reply, Error> {
    let user_id = query.whole("user_id")?.ok_or_else(|| Error::bad_request("user_id is missing"))?;
    let page = notices::page(user_id, query.paging()?)?;
    let next = page.last_before_more().map(|(id, _)| *id);
    Ok(page.reply("notices", next))
}
