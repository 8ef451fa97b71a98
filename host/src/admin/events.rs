//! Events over HTTP: what waits for whom, and what is to become of it.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use serde_json::{json, value::RawValue};

use super::{Admin, query::parameters};
use crate::{
    event::{Cleared, EventError, Kept, Place, Record, State, Told, Upcoming},
    listener::reply::{error, json},
    manifest::percent_decoded,
};

/// A message with all that is known of it.
#[derive(Serialize)]
struct Shown<'a> {
    subscriber: &'a str,
    event: String,
    state: State,
    /// What came of it, if it was tried.
    record: Option<Record>,
    /// Its CloudEvent, as it is kept.
    message: Box<RawValue>,
}

/// What a list is asked for.
#[derive(Default)]
struct Wanted {
    event: Option<String>,
    from: Place,
    only_parked: bool,
}

impl Admin {
    /// `GET /v1/events`.
    pub(super) async fn queues(&self) -> Response<Bytes> {
        match self.events.standings().await {
            Ok(queues) => {
                let schedules = Upcoming::all(self.swapper.load().app().manifest());
                json(StatusCode::OK, &json!({ "queues": queues, "schedules": schedules }))
            }
            Err(failed) => refusal(&failed),
        }
    }

    /// `GET /v1/events/{subscriber}[?event=…][&after=…][&only=parked]`.
    pub(super) async fn messages(&self, subscriber: &str, query: &str) -> Response<Bytes> {
        let Wanted { event, from, only_parked } = match wanted(query) {
            Ok(wanted) => wanted,
            Err(why) => return error(StatusCode::BAD_REQUEST, &why),
        };
        match self.events.messages(subscriber, event.as_deref(), from, only_parked).await {
            Ok(listing) => {
                let told = json!({ "subscriber": subscriber, "messages": listing.messages, "next": listing.next });
                json(StatusCode::OK, &told)
            }
            Err(failed) => refusal(&failed),
        }
    }

    /// `GET /v1/events/{subscriber}/{id}`.
    pub(super) async fn message(&self, subscriber: &str, id: &str) -> Response<Bytes> {
        let id = match id.parse() {
            Ok(id) => id,
            Err(no_id) => return error(StatusCode::BAD_REQUEST, &format!("{no_id}")),
        };
        match self.events.message(subscriber, id).await {
            Ok((event, Kept { state, record, document, .. })) => {
                exactly(&Shown { subscriber, event, state, record, message: document })
            }
            Err(failed) => refusal(&failed),
        }
    }

    /// `POST /v1/events/{subscriber}/{id}/retry`, and `DELETE /v1/events/{subscriber}/{id}`.
    pub(super) async fn steer(&self, subscriber: &str, id: &str, retry: bool) -> Response<Bytes> {
        let id = match id.parse() {
            Ok(id) => id,
            Err(no_id) => return error(StatusCode::BAD_REQUEST, &format!("{no_id}")),
        };
        let done = match retry {
            true => self.events.retry(subscriber, id).await,
            false => self.events.remove(subscriber, id).await,
        };
        match done {
            Ok(was) => {
                let Told { state, attempts, .. } = &was;
                let what = if retry { "to be tried again" } else { "dropped" };
                tracing::info!(service = subscriber, event = was.event, %id, ?state, attempts, "an event is {what}");
                json(StatusCode::OK, &json!(was))
            }
            Err(failed) => refusal(&failed),
        }
    }

    /// `DELETE /v1/events/{subscriber}`.
    pub(super) async fn clear(&self, subscriber: &str) -> Response<Bytes> {
        let store = self.swapper.load().app().share_store();
        match self.events.clear(&*store, subscriber).await {
            Ok(Cleared { dropped, on_delivery }) => {
                tracing::info!(service = subscriber, dropped, on_delivery, "all events of a subscriber are dropped");
                let told = json!({ "subscriber": subscriber, "dropped": dropped, "on_delivery": on_delivery });
                json(StatusCode::OK, &told)
            }
            Err(failed) => refusal(&failed),
        }
    }

    /// `POST /v1/events/{subscriber}/pause` and `…/resume`.
    pub(super) async fn pause(&self, subscriber: &str, paused: bool) -> Response<Bytes> {
        match self.events.pause(subscriber, paused).await {
            Ok(()) => {
                let what = if paused { "paused" } else { "resumed" };
                tracing::info!(service = subscriber, "deliveries are {what}");
                json(StatusCode::OK, &json!({ "subscriber": subscriber, "paused": paused }))
            }
            Err(failed) => refusal(&failed),
        }
    }
}

fn wanted(query: &str) -> Result<Wanted, String> {
    let mut wanted = Wanted::default();
    for (key, value) in parameters(query) {
        match key {
            "event" => wanted.event = Some(percent_decoded(value).ok_or("event must be an interface of the manifest")?),
            "after" => {
                wanted.from = value.parse().map_err(|_| "after must be what was told as next".to_owned())?;
            }
            "only" if value == "parked" => wanted.only_parked = true,
            "only" => return Err("only must be parked".to_owned()),
            _ => return Err(format!("there is no parameter {key:?}; there are event, after and only")),
        }
    }
    Ok(wanted)
}

/// An answer with documents of others in it, as they are.
fn exactly(value: &impl Serialize) -> Response<Bytes> {
    match serde_json::to_vec(value) {
        Ok(text) => {
            let mut response = Response::new(Bytes::from(text));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Err(failed) => error(StatusCode::INTERNAL_SERVER_ERROR, &failed.to_string()),
    }
}

fn refusal(failed: &EventError) -> Response<Bytes> {
    let status = match failed {
        EventError::NoSubscriber { .. } | EventError::NoMessage { .. } => StatusCode::NOT_FOUND,
        EventError::OnDelivery(_) | EventError::NotTried(_) | EventError::Behind { .. } | EventError::Over => {
            StatusCode::CONFLICT
        }
        EventError::Store(_) => {
            tracing::warn!(error = failed as &dyn std::error::Error, "events cannot be shown or steered");
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    error(status, &failed.to_string())
}
