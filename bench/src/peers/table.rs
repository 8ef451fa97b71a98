//! A case's figures: a table, and JSON.

use serde_json::{Value, json};

use super::comparison::{Comparison, Cost, Measured};
use crate::{
    machine::Shares,
    report,
    round::{Series, Turn},
};

/// Medians of the rounds, but for the worst of all. The last two are to the limit, the
/// first server: the more, the better.
const COLUMNS: [&str; 8] = ["req/s", "p50 ms", "p99 ms", "worst ms", "CPU us", "MB", "req/s ÷", "CPU ÷"];

impl Comparison {
    /// Print it.
    pub fn print(&self) {
        for Measured { series, memory } in &self.works {
            println!("\n{} on {} connections", series.what, series.connections);
            report::row("", &COLUMNS);
            let limit = self.costs.first().map_or("", |cost| cost.name);
            for (Cost { name, .. }, memory) in self.costs.iter().zip(memory) {
                print(series, name, *memory, limit);
            }
            let Shares { generator, servers, others } = series.shares;
            println!(
                "Of the cores' work the load generator did {generator:.0}%, the servers {servers:.0}%, others {others:.0}%."
            );
        }
        if self.case.times_starts() {
            println!("\nFrom the start to the first answer");
            report::row("", &["ms", "MB"]);
            for Cost { name, start, memory } in &self.costs {
                report::row(name, &[&format!("{:.0}", start.unwrap_or(f64::NAN)), &format!("{memory:.0}")]);
            }
        }
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        let works = self.works.iter().map(|Measured { series, memory }| {
            let mut work = series.json();
            work["most_memory_mb"] = json!(memory);
            work
        });
        let starts = self
            .costs
            .iter()
            .map(|Cost { name, start, memory }| json!({ "server": name, "start_ms": start, "memory_mb": memory }));
        json!({ "works": works.collect::<Vec<_>>(), "starts": starts.collect::<Vec<_>>() })
    }
}

fn print(series: &Series, name: &str, memory: f64, limit: &str) {
    let of = |figure: fn(&Turn) -> f64| series.median(name, figure).unwrap_or(f64::NAN);
    let rate = series.one_to(name, limit, Turn::rate).unwrap_or(f64::NAN);
    let work = series.one_to(limit, name, |turn| turn.cpu).unwrap_or(f64::NAN);
    let cells = [
        format!("{:.0}", of(Turn::rate)),
        format!("{:.2}", of(Turn::p50)),
        format!("{:.2}", of(Turn::p99)),
        format!("{:.2}", series.worst(name)),
        format!("{:.1}", of(|turn| turn.cpu)),
        format!("{memory:.0}"),
        format!("{rate:.2}"),
        format!("{work:.2}"),
    ];
    report::row(name, &cells.each_ref().map(String::as_str));
}
