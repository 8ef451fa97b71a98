//! Users and orders over HTTP.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State, rejection::JsonRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    directory::Directory,
    kept::{Kept, Made},
    refusal::{Refusal, bad, text, whole},
};

/// What the handlers work with.
pub struct Services {
    pub kept: Kept,
    pub directory: Directory,
}

/// The user service.
pub fn users() -> Router<Arc<Services>> {
    Router::new().route("/users", post(create_user)).route("/users/{id}", get(user))
}

/// The order service.
pub fn orders() -> Router<Arc<Services>> {
    Router::new().route("/orders", post(create_order)).route("/orders/{id}", get(order))
}

#[derive(Deserialize)]
struct NewUser {
    name: Option<Value>,
}

#[derive(Deserialize)]
struct NewOrder {
    user_id: Option<Value>,
    item: Option<Value>,
}

async fn create_user(
    State(services): State<Arc<Services>>,
    body: Result<Json<NewUser>, JsonRejection>,
) -> Result<Response, Refusal> {
    let Json(user) = body?;
    let made = services.kept.create_user(text("name", user.name)?).await?;
    Ok(created("/users", made))
}

async fn create_order(
    State(services): State<Arc<Services>>,
    body: Result<Json<NewOrder>, JsonRejection>,
) -> Result<Response, Refusal> {
    let Json(order) = body?;
    let (user_id, item) = (whole("user_id", order.user_id)?, text("item", order.item)?);
    let Services { kept, directory } = &*services;
    if !directory.knows(kept, user_id).await? {
        return Err(bad("User does not exist"));
    }
    let made = kept.create_order(user_id, item).await?;
    Ok(created("/orders", made))
}

async fn user(
    State(services): State<Arc<Services>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let user = id.parse().ok().map(|id| services.kept.user(id)).transpose()?.flatten();
    found(user, &headers, "User not found")
}

async fn order(
    State(services): State<Arc<Services>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let order = id.parse().ok().map(|id| services.kept.order(id)).transpose()?.flatten();
    found(order, &headers, "Order not found")
}

fn created(collection: &str, Made { id, json }: Made) -> Response {
    let location = [(header::LOCATION, format!("{collection}/{id}"))];
    (StatusCode::CREATED, location, as_json(json)).into_response()
}

/// With its tag, or without a body for a client that has it under that tag.
fn found(json: Option<Vec<u8>>, headers: &HeaderMap, otherwise: &'static str) -> Result<Response, Refusal> {
    let json = json.ok_or_else(|| Refusal::not_found(otherwise))?;
    let etag = etag(&json);
    let is_known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known == etag.as_str());
    let tagged = [(header::ETAG, etag)];
    Ok(match is_known {
        true => (StatusCode::NOT_MODIFIED, tagged).into_response(),
        false => (tagged, as_json(json)).into_response(),
    })
}

/// The shop's tags: FNV-1a of 64 bits.
fn etag(body: &[u8]) -> String {
    let hash = body
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("\"{hash:016x}\"")
}

fn as_json(json: Vec<u8>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], Bytes::from(json))
}
