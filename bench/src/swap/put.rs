//! One swap of `user`, through the admin API.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hyper::body::Bytes;
use serde_json::Value;

use crate::{client::Client, host::Host};

/// A swap that was made.
pub struct Swapped {
    /// From the request, on a connection that stands, to the answer.
    pub took: Duration,
    /// Whether its compiled code was there.
    pub from_cache: bool,
    /// The host's steps, each with its milliseconds.
    pub steps: Vec<(String, f64)>,
}

/// Make this component the live one.
pub async fn put(host: &Host, component: Bytes) -> Result<Swapped> {
    let mut client = Client::connect(host.admin).await?;
    let since = Instant::now();
    let answer = client.put("/v1/services/user/component", component).await?;
    let took = since.elapsed();
    let said = String::from_utf8_lossy(answer.body());
    let outcome: Value = serde_json::from_str(&said).with_context(|| format!("not JSON: {said}"))?;
    let is_live = answer.status().is_success() && outcome["outcome"] == "live";
    ensure!(is_live, "a swap was answered with {} {said}", answer.status());
    let steps = outcome["steps"].as_array().context("a swap without steps")?;
    let from_cache = steps.iter().any(|step| step["step"] == "compile" && step["note"] == "from the cache");
    let steps = steps.iter().filter_map(|step| Some((step["step"].as_str()?.to_owned(), step["ms"].as_f64()?)));
    Ok(Swapped { took, from_cache, steps: steps.collect() })
}
