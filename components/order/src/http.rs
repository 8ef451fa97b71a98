//! The orders over HTTP.

use rest::{Error, Query, Reply, Request, Target, fields, target};
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{IncomingRequest, Method, ResponseOutparam};

use crate::bindings::shop::users::directory::{self, DirectoryError};
use crate::{Service, orders};

impl Guest for Service {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        rest::serve(request, out, answer);
    }
}

fn answer(request: &Request) -> Result<Reply, Error> {
    match target(request.path(), "orders") {
        Some(Target::Collection) => match request.method() {
            Method::Get | Method::Head => list(request.query()),
            Method::Post => create(request),
            _ => Err(Error::method_not_allowed("GET, HEAD, POST")),
        },
        Some(Target::Item(id)) => match request.method() {
            Method::Get | Method::Head => get(request, &id),
            _ => Err(Error::method_not_allowed("GET, HEAD")),
        },
        None => Err(Error::not_found("Not found")),
    }
}

/// The orders of one user. `after` and `next` are ids of orders, as they are
/// elsewhere; the place in the user's own list stays inside.
fn list(query: Query<'_>) -> Result<Reply, Error> {
    let user_id = query.whole("user_id")?.ok_or_else(|| Error::bad_request("user_id is missing"))?;
    let mut paging = query.paging()?;
    if paging.after != 0 {
        paging.after = orders::position(paging.after, user_id)?
            .ok_or_else(|| Error::bad_request("after must be the id of an order of this user"))?;
    }
    let page = orders::page(user_id, paging)?;
    let next = match page.last_before_more() {
        Some((_, json)) => Some(orders::parse(json)?.id),
        None => None,
    };
    Ok(page.reply("orders", next))
}

fn create(request: &Request) -> Result<Reply, Error> {
    let key = request.idempotency_key()?;
    let body = request.json()?;
    let [user_id, item] = fields(&body, ["user_id", "item"])?;
    let order = orders::create(key, user_id.whole()?, item.text()?, admit)?;
    Ok(Reply::created(format!("/orders/{}", orders::parse(&order)?.id), order))
}

/// The user is asked for last: whatever can be refused without the directory is.
fn admit(user_id: u64) -> Result<(), Error> {
    match directory::admit(user_id) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::bad_request("User does not exist")),
        Err(DirectoryError::Unavailable(cause)) => Err(Error::unavailable("The user directory is unavailable", cause)),
    }
}

fn get(request: &Request, id: &str) -> Result<Reply, Error> {
    let unknown = || Error::not_found("Order not found");
    let id = rest::id(id).ok_or_else(unknown)?;
    request.reply(orders::get(id)?.ok_or_else(unknown)?)
}
