//! Events that wait because their subscriber is paused, and are delivered when it is
//! resumed.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::shop::{ORDER, Telling};
use crate::{load::Load, machine::Ticks, report};

const CONNECTIONS: usize = 32;

/// How often it is looked whether there are enough, or none any more.
const PACE: Duration = Duration::from_millis(5);

/// The longest that orders are taken: a million take minutes.
const TAKING: Duration = Duration::from_secs(1800);

/// The longest that they are delivered: of what is left then it is known that it is slow.
const DELIVERING: Duration = Duration::from_secs(300);

/// Events that waited and were delivered.
pub struct Drain {
    pub waited: u64,
    /// Of those, how many were delivered: all, unless that took too long.
    pub delivered: u64,
    /// From the order to go on until the last of their notices was durable.
    pub took: Duration,
    /// What the host used of the processors for one, in microseconds.
    pub cpu: f64,
}

/// Pause deliveries, and take so many orders or a few more.
pub async fn fill(shop: &Telling, events: u64) -> Result<()> {
    shop.pause(true).await?;
    let enough = shop.look.last_order()? + events;
    let load = Load::start(shop.host.gateway, CONNECTIONS, ORDER).await?;
    let since = Instant::now();
    while shop.look.last_order()? < enough && since.elapsed() < TAKING {
        sleep(PACE).await;
    }
    let tally = load.finish().await?;
    if let Some(failure) = &tally.first_failure {
        ensure!(tally.failed == 0, "{} of {} orders failed: {failure}", tally.failed, tally.requests());
    }
    ensure!(tally.requests() >= events, "only {} orders were taken", tally.requests());
    Ok(())
}

impl Drain {
    /// Print the columns.
    pub fn print_head() {
        println!("\nEvents that waited, delivered with nothing else to do");
        report::row("", &["waited", "delivered", "per s", "CPU us"]);
    }

    /// Have deliveries go on, to the last if that does not take too long, and show it.
    pub async fn of(shop: &Telling) -> Result<Drain> {
        let (waited, pid) = (shop.waiting().await?, shop.host.pid());
        let (before, since) = (Ticks::until_now(&[pid]), Instant::now());
        shop.pause(false).await?;
        while !shop.look.is_drained()? && since.elapsed() < DELIVERING {
            sleep(PACE).await;
        }
        let (took, used) = (since.elapsed(), Ticks::until_now(&[pid]).servers_since(before));
        let delivered = waited - shop.look.waiting()?;
        let drain = Drain { waited, delivered, took, cpu: used.as_secs_f64() * 1e6 / delivered as f64 };
        drain.print();
        Ok(drain)
    }

    /// Whether all that waited were delivered.
    pub fn is_whole(&self) -> bool {
        self.delivered == self.waited
    }

    /// How many were delivered in a second.
    pub fn rate(&self) -> f64 {
        self.delivered as f64 / self.took.as_secs_f64()
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        let Drain { waited, delivered, cpu, .. } = self;
        json!({ "waited": waited, "delivered": delivered, "per_second": self.rate(), "cpu_us_per_event": cpu })
    }

    fn print(&self) {
        let Drain { waited, delivered, cpu, .. } = self;
        let cells = [waited.to_string(), delivered.to_string(), format!("{:.0}", self.rate()), format!("{cpu:.1}")];
        report::row("dovetail", &cells.each_ref().map(String::as_str));
    }
}
