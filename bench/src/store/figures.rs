//! The figures of the store: targets, JSON.

use serde_json::{Value, json};

use super::reads::Reads;
use crate::{
    report::{Target, max, median},
    round::{Series, Turn},
};

/// What the ratios of orders to native's, with a commit for many and for each, came to
/// last.
const LAST_ORDERS: [[f64; 2]; 2] = [[0.71, 3.95], [0.55, 4.35]];

/// What was found.
pub struct Figures {
    /// Orders posted, by how many connections.
    pub orders: Vec<Series>,
    /// Orders read.
    pub reads: Reads,
}

impl Figures {
    /// What was found beside what is promised.
    pub fn targets(&self) -> Vec<Target> {
        let mut targets = Vec::new();
        for (series, [group, each]) in self.orders.iter().zip(LAST_ORDERS) {
            let at = |what: &str| format!("{}: {what}", series.connections);
            targets.extend([
                Target::at_least(at("orders ÷ native, group commit"), "", series.first_to(1, Turn::rate), 0.9)
                    .last(group),
                Target::at_least(at("orders ÷ native, commit per call"), "", series.first_to(2, Turn::rate), 3.0)
                    .last(each),
                Target::at_most(at("orders, p99, median"), "ms", median(&series.of_first(Turn::p99)), 25.0),
                Target::at_most(at("orders, worst"), "ms", max(&series.of_first(Turn::worst)), 100.0),
            ]);
        }
        let Reads { series, memory, .. } = &self.reads;
        targets.extend([
            Target::at_least("GET an order of 1M ÷ a user in memory", "", series.first_to(1, Turn::rate), 0.6)
                .last(0.66),
            Target::at_most("memory at 1M orders, most", "MB", memory.most, 150.0),
        ]);
        targets
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        let Reads { series, memory } = &self.reads;
        json!({
            "orders": self.orders.iter().map(Series::json).collect::<Vec<_>>(),
            "reads": series.json(),
            "memory_mb": { "started": memory.started, "after_reads": memory.after_reads, "most": memory.most },
        })
    }
}
