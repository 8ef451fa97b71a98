//! From the answer to an order until its notice is seen, and until it is durable, where
//! nothing else is done.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hyper::StatusCode;
use serde_json::Value;
use tokio::time::sleep;

use super::{
    look::Look,
    shop::{self, Telling},
};
use crate::{
    client::Client,
    report::{self, max, median},
};

/// How many orders of each kind.
const ORDERS: usize = 200;

/// Between two orders, for all to be idle again.
const PAUSE: Duration = Duration::from_millis(20);

/// How often it is looked whether the notice is durable.
const PACE: Duration = Duration::from_micros(100);

/// The first ones compile, open and fill what others find.
const WARM: usize = 20;

/// What was found, in milliseconds.
#[derive(Default)]
pub struct Reactions {
    /// A client that asks for the notice again and again has it.
    pub seen: Vec<f64>,
    /// The notice is durable, and nobody has asked for it.
    pub durable: Vec<f64>,
    /// The same of the native shop.
    pub native: Vec<f64>,
}

impl Reactions {
    /// [`ORDERS`] of each, in turns.
    pub async fn measure() -> Result<Reactions> {
        let (ours, (native, look)) = (Telling::up(1000)?, shop::native()?);
        let (mut client, mut its) = (Client::connect(ours.host.gateway).await?, Client::connect(native.gateway).await?);
        let mut found = Reactions::default();
        for number in 0..WARM + ORDERS {
            if number == WARM {
                found = Reactions::default();
            }
            // Of two orders a turn the first is asked for.
            found.seen.push(milliseconds(until_seen(&mut client, 2 * number).await?));
            found.durable.push(milliseconds(until_durable(&mut client, &ours.look).await?));
            found.native.push(milliseconds(until_durable(&mut its, &look).await?));
        }
        ours.look.check()?;
        look.check()?;
        found.print();
        Ok(found)
    }

    fn print(&self) {
        println!("\nFrom the answer to an order to its notice, {ORDERS} orders one after the other");
        report::row("", &["p50 ms", "p99 ms", "worst ms"]);
        let rows =
            [("dovetail, seen", &self.seen), ("dovetail, durable", &self.durable), ("native, durable", &self.native)];
        for (name, took) in rows {
            let figures = [median(took), percentile_99(took), max(took)].map(|ms| format!("{ms:.2}"));
            report::row(name, &figures.each_ref().map(String::as_str));
        }
    }
}

/// What 99 of 100 do not exceed.
pub fn percentile_99(took: &[f64]) -> f64 {
    let mut sorted = took.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get((sorted.len() * 99).div_ceil(100).saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

/// The notice behind so many others of its user.
async fn until_seen(client: &mut Client, others: usize) -> Result<Duration> {
    let since = order(client).await?;
    let notices = format!("/notices?user_id=1&limit=1&after={others}");
    loop {
        let answer = client.get(&notices).await?;
        ensure!(answer.status() == StatusCode::OK, "{notices} was answered with {}", answer.status());
        let said: Value = serde_json::from_slice(answer.body())?;
        if said["notices"].as_array().is_some_and(|notices| !notices.is_empty()) {
            return Ok(since.elapsed());
        }
    }
}

async fn until_durable(client: &mut Client, look: &Look) -> Result<Duration> {
    let since = order(client).await?;
    look.until_drained(since, PACE).await
}

/// Order when all are idle, and say when that was answered.
async fn order(client: &mut Client) -> Result<Instant> {
    sleep(PAUSE).await;
    shop::order(client).await?;
    Ok(Instant::now())
}

fn milliseconds(took: Duration) -> f64 {
    took.as_secs_f64() * 1000.0
}
