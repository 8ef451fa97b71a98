//! Swaps over HTTP.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde_json::json;

use super::{Admin, query::parameters};
use crate::{
    app::{self, GivenBy},
    listener::reply::{error, json},
    manifest::{self, Report},
    service::Share,
    swap::{CALLS, CanaryTerms, Meant, Outcome, Promotion, Swap, SwapError, Swapper},
};

impl Admin {
    /// `PUT …/component[?canary=10[&for=60s[&calls=100]]]`.
    pub(super) async fn swap(&self, service: &str, request: Request<Incoming>) -> Response<Bytes> {
        let canary = match canary(request.uri().query().unwrap_or_default()) {
            Ok(canary) => canary,
            Err(why) => return error(StatusCode::BAD_REQUEST, &why),
        };
        let by = who(&request);
        let component = match Limited::new(request.into_body(), app::LARGEST).collect().await {
            Ok(body) => body.to_bytes(),
            Err(failed) if failed.is::<LengthLimitError>() => {
                let sentence = format!("A component must have at most {} bytes", app::LARGEST);
                return error(StatusCode::PAYLOAD_TOO_LARGE, &sentence);
            }
            Err(_) => return error(StatusCode::BAD_REQUEST, "The component was not sent in full"),
        };
        let swap = Swap { service: service.to_owned(), component, given_by: GivenBy::Sender, by, canary };
        let ask = |swapper: Arc<Swapper>| {
            let swap = swap.clone();
            async move { swapper.swap(swap).await }
        };
        self.answer(ask).await
    }

    /// `POST …/rollback[?from=2&digest=…]`.
    pub(super) async fn rollback(&self, service: &str, request: &Request<Incoming>) -> Response<Bytes> {
        let meant = match meant(request.uri().query().unwrap_or_default()) {
            Ok(meant) => meant,
            Err(why) => return error(StatusCode::BAD_REQUEST, &why),
        };
        let by = &who(request);
        let ask = |swapper: Arc<Swapper>| {
            let meant = meant.clone();
            async move { swapper.rollback(service, meant, by).await }
        };
        self.answer(ask).await
    }

    /// `POST …/promote`.
    pub(super) async fn promote(&self, service: &str, request: &Request<Incoming>) -> Response<Bytes> {
        let by = &who(request);
        self.answer(|swapper| async move { swapper.promote(service, by).await }).await
    }

    /// `GET …/drained`: answered when it is so.
    pub(super) async fn drained(&self, service: &str) -> Response<Bytes> {
        // The app is let go of before the wait.
        let drained = self.swapper.load().drained(service);
        match drained {
            Ok(drained) => json(StatusCode::OK, &json!({ "service": service, "drained": drained.await })),
            Err(failed) => refusal(&failed),
        }
    }

    /// `GET …/history`.
    pub(super) async fn history(&self, service: &str) -> Response<Bytes> {
        let swapper = self.swapper.load_full();
        let entries = match swapper.history(service).await {
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

    /// Ask the app that serves; if another takes its place meanwhile, ask that one.
    async fn answer<F>(&self, ask: impl Fn(Arc<Swapper>) -> F) -> Response<Bytes>
    where
        F: Future<Output = Result<Outcome, SwapError>>,
    {
        loop {
            match ask(self.swapper.load_full()).await {
                Ok(outcome) => return json(StatusCode::OK, &json!(outcome)),
                Err(SwapError::Over) => {}
                Err(failed) => return refusal(&failed),
            }
        }
    }
}

/// Who asks, as it says of itself.
fn who(request: &Request<Incoming>) -> String {
    let agent = request.headers().get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    agent.unwrap_or("unknown").chars().take(200).collect()
}

/// The terms of a trial, from a query.
fn canary(query: &str) -> Result<Option<CanaryTerms>, String> {
    let (mut share, mut after, mut calls) = (None, None, None);
    for (key, value) in parameters(query) {
        match key {
            "canary" => {
                let hundredths = value.trim_end_matches("%25").trim_end_matches('%').parse().ok();
                let parsed = hundredths.and_then(Share::new);
                share = Some(parsed.ok_or("canary must be a share of the calls, from 1 to 99, in percent")?);
            }
            "for" => {
                let parsed = manifest::duration(value).map_err(|invalid| format!("for {invalid}"))?;
                after = Some(parsed);
            }
            "calls" => {
                let parsed = value.parse().ok().filter(|calls| *calls > 0);
                calls = Some(parsed.ok_or("calls must be a number of calls, 1 or more")?);
            }
            _ => return Err(format!("there is no parameter {key:?}; there are canary, for and calls")),
        }
    }
    match (share, after, calls) {
        (None, Some(_), _) => Err("for needs a canary".to_owned()),
        (_, None, Some(_)) => Err("calls needs a for".to_owned()),
        (share, after, calls) => {
            let promotion = after.map(|after| Promotion { after, calls: calls.unwrap_or(CALLS) });
            Ok(share.map(|share| CanaryTerms { share, promotion }))
        }
    }
}

/// What is to be taken back, from a query.
fn meant(query: &str) -> Result<Option<Meant>, String> {
    let (mut revision, mut digest): (Option<u64>, Option<String>) = (None, None);
    for (key, value) in parameters(query) {
        match key {
            "from" => {
                let parsed = value.parse().ok().filter(|number| *number > 0);
                revision = Some(parsed.ok_or("from must be the number of a revision")?);
            }
            "digest" => {
                let is_digest =
                    value.len() == 64 && value.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
                digest = Some(is_digest.then(|| value.to_owned()).ok_or("digest must be a SHA-256 in hexadecimal")?);
            }
            _ => return Err(format!("there is no parameter {key:?}; there are from and digest")),
        }
    }
    match (revision, digest) {
        (None, Some(_)) => Err("digest needs a from".to_owned()),
        (revision, digest) => Ok(revision.map(|revision| Meant { revision, digest })),
    }
}

fn refusal(failed: &SwapError) -> Response<Bytes> {
    let (cause, told) = match failed {
        SwapError::Withdrawn(cause) => (&**cause, format!("{failed}: {cause}")),
        failed => (failed, failed.to_string()),
    };
    match cause {
        SwapError::NoService(_) => error(StatusCode::NOT_FOUND, &told),
        SwapError::Conflict(_) | SwapError::Over | SwapError::Withdrawn(_) => error(StatusCode::CONFLICT, &told),
        SwapError::Refused(report) => {
            let shown = |problem| Report::new(vec![problem]).to_string();
            let problems: Vec<_> = report.problems().iter().cloned().map(shown).collect();
            json(StatusCode::CONFLICT, &json!({ "error": told, "problems": problems }))
        }
        SwapError::History(_) => {
            let status = if failed.is_disk() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::CONFLICT };
            tracing::warn!(error = told, "a swap was not recorded");
            error(status, &told)
        }
        SwapError::Failed(cause) => {
            tracing::error!(error = format!("{cause:#}"), "a swap failed");
            error(StatusCode::INTERNAL_SERVER_ERROR, &told)
        }
    }
}
