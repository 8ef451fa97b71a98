//! What is answered to a request that is not done, and what a field must be.

use axum::{
    Json,
    extract::rejection::JsonRejection,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

/// The longest text that a field may hold, in characters.
const LONGEST_TEXT: usize = 1000;

/// A status and a sentence.
pub struct Refusal(StatusCode, String);

impl Refusal {
    pub fn not_found(sentence: impl Into<String>) -> Refusal {
        Refusal(StatusCode::NOT_FOUND, sentence.into())
    }
}

pub fn whole(name: &str, field: Option<Value>) -> Result<u64, Refusal> {
    let value = field.ok_or_else(|| bad(format!("{name} is missing")))?;
    value.as_u64().ok_or_else(|| bad(format!("{name} must be a whole number of 0 or more")))
}

pub fn text(name: &str, field: Option<Value>) -> Result<String, Refusal> {
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

pub fn bad(sentence: impl Into<String>) -> Refusal {
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
