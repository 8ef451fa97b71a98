//! A case's figures: a table, and JSON.

use serde_json::{Value, json};

use super::comparison::{Comparison, Cost};
use crate::{
    machine::Shares,
    report,
    round::{Series, Turn},
};

/// The last two are to the limit, the first server: the more, the better.
const COLUMNS: [&str; 8] = ["req/s", "p50 ms", "p99 ms", "worst ms", "CPU us", "MB", "req/s ÷", "CPU ÷"];

impl Comparison {
    /// Print it.
    pub fn print(&self) {
        for series in &self.works {
            println!("\n{} on {} connections", series.what, series.connections);
            report::row("", &COLUMNS);
            let limit = self.costs.first().map_or("", |cost| cost.name);
            for cost in &self.costs {
                print(series, cost, limit);
            }
            let Shares { generator, servers, others } = series.shares;
            println!(
                "Of the cores' work the load generator did {generator:.0}%, the servers {servers:.0}%, others {others:.0}%."
            );
        }
        if self.case.times_starts() {
            println!("\nFrom the start to the first answer");
            report::row("", &["ms", "MB"]);
            for Cost { name, start, memory, .. } in &self.costs {
                report::row(name, &[&format!("{:.0}", start.unwrap_or(f64::NAN)), &format!("{memory:.0}")]);
            }
        }
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        let costs = self.costs.iter().map(|Cost { name, start, memory, most_memory }| {
            json!({ "server": name, "start_ms": start, "memory_mb": memory, "most_memory_mb": most_memory })
        });
        json!({
            "works": self.works.iter().map(Series::json).collect::<Vec<_>>(),
            "costs": costs.collect::<Vec<_>>(),
        })
    }
}

fn print(series: &Series, cost: &Cost, limit: &str) {
    let of = |figure: fn(&Turn) -> f64| series.median(cost.name, figure).unwrap_or(f64::NAN);
    let latency = |percent| series.median(cost.name, |turn| turn.tally.percentile(percent)).unwrap_or(f64::NAN);
    let rate = series.one_to(cost.name, limit, Turn::rate).unwrap_or(f64::NAN);
    let work = series.one_to(limit, cost.name, |turn| turn.cpu).unwrap_or(f64::NAN);
    let cells = [
        format!("{:.0}", of(Turn::rate)),
        format!("{:.2}", latency(50.0)),
        format!("{:.2}", latency(99.0)),
        format!("{:.2}", latency(100.0)),
        format!("{:.1}", of(|turn| turn.cpu)),
        format!("{:.0}", cost.most_memory),
        format!("{rate:.2}"),
        format!("{work:.2}"),
    ];
    report::row(cost.name, &cells.each_ref().map(String::as_str));
}
