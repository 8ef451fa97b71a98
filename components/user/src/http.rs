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
    match target(request.path(), "users") {
        Some(Target::Collection) => match request.method() {
            Method::Get | Method::Head => list(request.query()),
            Method::Post => create(request),
            _ => Err(Error::method_not_allowed("GET, HEAD, POST")),
        },
        Some(Target::Item(id)) => match request.method() {
            Method::Get | Method::Head => get(request, &id),
            Method::Delete => delete(request, &id),
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
    let key = request.idempotency_key()?;
    let body = request.json()?;
    let [name] = fields(&body, ["name"])?;
    let name = name.text()?;
    let user = users::create(key, name)?;
    let id = users::parse(&user).map_err(|error| Error::internal("The user is unreadable", error))?.id;
    Ok(Reply::created(format!("/users/{id}"), user))
}

fn get(request: &Request, id: &str) -> Result<Reply, Error> {
    let id = rest::id(id).ok_or_else(unknown)?;
    request.reply(users::get(id)?.ok_or_else(unknown)?)
}

/// No user changes, so the one that was compared is the one that is deleted.
fn delete(request: &Request, id: &str) -> Result<Reply, Error> {
    let id = rest::id(id).ok_or_else(unknown)?;
    let user = users::get(id)?.ok_or_else(unknown)?;
    if !request.is_about(&user) {
        return Err(Error::precondition_failed("The user is not the one that If-Match names"));
    }
    if request.is_about_others(&user) {
        return Err(Error::precondition_failed("The user is one that If-None-Match names"));
    }
    match users::delete(id)? {
        true => Ok(Reply::no_content()),
        // Another deletion came first.
        false => Err(unknown()),
    }
}

fn unknown() -> Error {
    Error::not_found("User not found")
}
