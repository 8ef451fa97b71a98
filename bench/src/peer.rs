//! The peer: the shop as it would be written natively, with axum and SQLite, in one
//! process and without a host. What a service on Dovetail costs is the difference.
//!
//! It answers as the shop does, and keeps the same entries in the same table.

use std::{net::Ipv4Addr, path::PathBuf, sync::Arc};

use anyhow::Result;
use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State, rejection::JsonRejection},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
    serve::ListenerExt,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub use self::store::Commit;
use self::{
    shop::{Made, Shop},
    store::Store,
};

mod shop;
mod store;

/// The longest text that a field may hold, in characters.
const LONGEST_TEXT: usize = 1000;

/// What it serves.
#[derive(clap::Args)]
pub struct Arguments {
    /// The database
    file: PathBuf,
    /// What one transaction takes
    #[arg(long, value_enum)]
    commit: Commit,
}

/// Serve on a free port, which is printed, until the end of the process.
pub async fn serve(arguments: &Arguments) -> Result<()> {
    let shop = Shop::new(Store::open(&arguments.file, arguments.commit)?).await?;
    let app = Router::new()
        .route("/users", post(create_user))
        .route("/users/{id}", get(user))
        .route("/orders", post(create_order))
        .route("/orders/{id}", get(order))
        .with_state(Arc::new(shop));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?);
    let listener = listener.tap_io(|stream| {
        // Without it an answer may wait for an acknowledgement, and is right all the same.
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, app).await?)
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

/// A status and a sentence.
struct Refusal(StatusCode, String);

async fn create_user(
    State(shop): State<Arc<Shop>>,
    body: Result<Json<NewUser>, JsonRejection>,
) -> Result<Response, Refusal> {
    let Json(user) = body?;
    let made = shop.create_user(text("name", user.name)?).await?;
    Ok(created("/users", made))
}

async fn create_order(
    State(shop): State<Arc<Shop>>,
    body: Result<Json<NewOrder>, JsonRejection>,
) -> Result<Response, Refusal> {
    let Json(order) = body?;
    let (user_id, item) = (whole("user_id", order.user_id)?, text("item", order.item)?);
    if shop.user(user_id)?.is_none() {
        return Err(bad("User does not exist"));
    }
    let made = shop.create_order(user_id, item).await?;
    Ok(created("/orders", made))
}

async fn user(State(shop): State<Arc<Shop>>, Path(id): Path<String>) -> Result<Response, Refusal> {
    let user = id.parse().ok().map(|id| shop.user(id)).transpose()?.flatten();
    found(user, "User not found")
}

async fn order(State(shop): State<Arc<Shop>>, Path(id): Path<String>) -> Result<Response, Refusal> {
    let order = id.parse().ok().map(|id| shop.order(id)).transpose()?.flatten();
    found(order, "Order not found")
}

fn created(collection: &str, Made { id, json }: Made) -> Response {
    let location = [(header::LOCATION, format!("{collection}/{id}"))];
    (StatusCode::CREATED, location, as_json(json)).into_response()
}

fn found(json: Option<Vec<u8>>, otherwise: &str) -> Result<Response, Refusal> {
    let json = json.ok_or_else(|| Refusal(StatusCode::NOT_FOUND, otherwise.to_owned()))?;
    Ok(as_json(json).into_response())
}

fn as_json(json: Vec<u8>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], Bytes::from(json))
}

fn whole(name: &str, field: Option<Value>) -> Result<u64, Refusal> {
    let value = field.ok_or_else(|| bad(format!("{name} is missing")))?;
    value.as_u64().ok_or_else(|| bad(format!("{name} must be a whole number of 0 or more")))
}

fn text(name: &str, field: Option<Value>) -> Result<String, Refusal> {
    match field {
        None => Err(bad(format!("{name} is missing"))),
        Some(Value::String(text)) if text.trim().is_empty() => Err(bad(format!("{name} must not be empty"))),
        Some(Value::String(text)) if text.chars().count() > LONGEST_TEXT => {
            Err(bad(format!("{name} must be at most {LONGEST_TEXT} characters long")))
        }
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(bad(format!("{name} must be a string"))),
    }
}

fn bad(sentence: impl Into<String>) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, sentence.into())
}

impl From<JsonRejection> for Refusal {
    fn from(rejection: JsonRejection) -> Refusal {
        match rejection {
            JsonRejection::JsonDataError(_) => bad("the body must be a JSON object"),
            JsonRejection::MissingJsonContentType(_) => {
                Refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-type must be application/json".to_owned())
            }
            other => bad(format!("malformed JSON: {other}")),
        }
    }
}

impl From<anyhow::Error> for Refusal {
    fn from(error: anyhow::Error) -> Refusal {
        eprintln!("{error:#}");
        Refusal(StatusCode::SERVICE_UNAVAILABLE, "The store is unavailable".to_owned())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Refusal(status, sentence) = self;
        (status, Json(json!({ "error": sentence }))).into_response()
    }
}
