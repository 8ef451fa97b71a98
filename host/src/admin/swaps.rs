//! Swaps over HTTP.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde_json::json;

use super::Admin;
use crate::{
    listener::reply::{error, json},
    manifest::{self, Report},
    service::Share,
    swap::{self, CanaryTerms, Outcome, Swap, SwapError},
};

impl Admin {
    /// `PUT …/component[?canary=10&for=60s]`.
    pub(super) async fn swap(&self, service: &str, request: Request<Incoming>) -> Response<Bytes> {
        let canary = match canary(request.uri().query().unwrap_or_default()) {
            Ok(canary) => canary,
            Err(why) => return error(StatusCode::BAD_REQUEST, &why),
        };
        let by = who(&request);
        let component = match Limited::new(request.into_body(), swap::LARGEST).collect().await {
            Ok(body) => body.to_bytes(),
            Err(failed) if failed.is::<LengthLimitError>() => {
                let sentence = format!("A component must have at most {} bytes", swap::LARGEST);
                return error(StatusCode::PAYLOAD_TOO_LARGE, &sentence);
            }
            Err(_) => return error(StatusCode::BAD_REQUEST, "The component was not sent in full"),
        };
        answer(self.swapper.swap(Swap { service: service.to_owned(), component, by, canary }).await)
    }

    /// `POST …/rollback`.
    pub(super) async fn rollback(&self, service: &str, request: &Request<Incoming>) -> Response<Bytes> {
        answer(self.swapper.rollback(service, &who(request)).await)
    }

    /// `POST …/promote`.
    pub(super) async fn promote(&self, service: &str, request: &Request<Incoming>) -> Response<Bytes> {
        answer(self.swapper.promote(service, &who(request)).await)
    }

    /// `GET …/drained`: answered when it is so.
    pub(super) async fn drained(&self, service: &str) -> Response<Bytes> {
        match self.swapper.drained(service).await {
            Ok(drained) => json(StatusCode::OK, &json!({ "service": service, "drained": drained })),
            Err(failed) => refusal(&failed),
        }
    }

    /// `GET …/history`.
    pub(super) async fn history(&self, service: &str) -> Response<Bytes> {
        let entries = match self.swapper.history(service).await {
            Ok(entries) => entries,
            Err(failed) => return refusal(&failed),
        };
        let entries = entries.iter().enumerate().map(|(place, entry)| {
            let mut shown = json!(entry);
            shown["live"] = json!(place == 0);
            shown
        });
        json(StatusCode::OK, &json!({ "service": service, "history": entries.collect::<Vec<_>>() }))
    }
}

/// Who asks, as it says of itself.
fn who(request: &Request<Incoming>) -> String {
    let agent = request.headers().get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    agent.unwrap_or("unknown").chars().take(200).collect()
}

/// The terms of a trial, from a query.
fn canary(query: &str) -> Result<Option<CanaryTerms>, String> {
    let (mut share, mut duration): (Option<Share>, Option<Duration>) = (None, None);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        match key {
            "canary" => {
                let hundredths = value.trim_end_matches("%25").trim_end_matches('%').parse().ok();
                let parsed = hundredths.and_then(Share::new);
                share = Some(parsed.ok_or("canary must be a share of the calls, from 1 to 99, in percent")?);
            }
            "for" => {
                let parsed = manifest::duration(value).map_err(|invalid| format!("for {invalid}"))?;
                duration = Some(parsed);
            }
            _ => return Err(format!("there is no parameter {key:?}; there are canary and for")),
        }
    }
    match (share, duration) {
        (None, Some(_)) => Err("for needs a canary".to_owned()),
        (share, duration) => Ok(share.map(|share| CanaryTerms { share, duration })),
    }
}

fn answer(outcome: Result<Outcome, SwapError>) -> Response<Bytes> {
    match outcome {
        Ok(outcome) => json(StatusCode::OK, &json!(outcome)),
        Err(failed) => refusal(&failed),
    }
}

fn refusal(failed: &SwapError) -> Response<Bytes> {
    match failed {
        SwapError::NoService(_) => error(StatusCode::NOT_FOUND, &failed.to_string()),
        SwapError::Conflict(_) => error(StatusCode::CONFLICT, &failed.to_string()),
        SwapError::Refused(report) => {
            let shown = |problem| Report::new(vec![problem]).to_string();
            let problems: Vec<_> = report.problems().iter().cloned().map(shown).collect();
            json(StatusCode::CONFLICT, &json!({ "error": failed.to_string(), "problems": problems }))
        }
        SwapError::Failed(cause) => {
            tracing::error!(error = format!("{cause:#}"), "a swap failed");
            error(StatusCode::INTERNAL_SERVER_ERROR, &failed.to_string())
        }
    }
}
