//! The users over HTTP.

use rest::{Error, Query, Reply, Request, Target, fields, target};
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{IncomingRequest, Method, ResponseOutparam};

use crate::{Service, users};

impl Guest for Service {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        rest::serve(request, out, answer);
    }
}

fn answer(request: &Request) -> Result<Reply, Error> {
    match target(request.path(), "/users") {
        Some(Target::Collection) => match request.method() {
            Method::Get | Method::Head => list(request.query()),
            Method::Post => create(request),
            _ => Err(Error::method_not_allowed("GET, HEAD, POST")),
        },
        Some(Target::Item(id)) => match request.method() {
            Method::Get | Method::Head => get(id),
            Method::Delete => delete(id),
            _ => Err(Error::method_not_allowed("GET, HEAD, DELETE")),
        },
        None => Err(Error::not_found("Not found")),
    }
}

fn list(query: Query<'_>) -> Result<Reply, Error> {
    let page = users::page(query.paging()?)?;
    let next = page.last_before_more().map(|(id, _)| *id);
    Ok(page.reply("users", next))
}

fn create(request: &Request) -> Result<Reply, Error> {
    let body = request.json()?;
    let [name] = fields(&body, ["name"])?;
    let (id, user) = users::create(name.text()?)?;
    Ok(Reply::created(format!("/users/{id}"), user))
}

fn get(id: &str) -> Result<Reply, Error> {
    let id = rest::id(id).ok_or_else(unknown)?;
    Ok(Reply::ok(users::get(id)?.ok_or_else(unknown)?))
}

fn delete(id: &str) -> Result<Reply, Error> {
    let id = rest::id(id).ok_or_else(unknown)?;
    match users::delete(id)? {
        true => Ok(Reply::no_content()),
        false => Err(unknown()),
    }
}

fn unknown() -> Error {
    Error::not_found("User not found")
}
