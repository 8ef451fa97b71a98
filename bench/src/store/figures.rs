//! The figures of the store: tables, targets, JSON.

use serde_json::{Value, json};

use super::{
    reads::Reads,
    round::{Series, Turn},
};
use crate::{
    machine::Shares,
    report::{self, Target, max, median},
};

/// The tables' columns; the last is what the server used for a request.
const COLUMNS: [&str; 5] = ["req/s", "p50 ms", "p99 ms", "worst ms", "CPU us"];

/// What was found.
pub struct Figures {
    /// Orders posted, by how many connections.
    pub orders: Vec<Series>,
    /// Orders read.
    pub reads: Reads,
}

impl Series {
    /// Print the rounds' columns.
    pub fn print_head() {
        report::row("", &COLUMNS);
    }

    /// Print the medians, and who worked.
    pub fn print(&self) {
        for (name, turns) in &self.turns {
            print(
                &format!("median {name}"),
                Turn::figures().map(|figure| median(&turns.iter().map(figure).collect::<Vec<_>>())),
            );
        }
        let Shares { generator, servers, others } = self.shares;
        println!(
            "Of the cores' work the load generator did {generator:.0}%, the servers {servers:.0}%, others {others:.0}%."
        );
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        let turns = |turns: &[Turn]| turns.iter().map(Turn::json).collect::<Vec<_>>();
        let servers = self.turns.iter().map(|(name, of)| json!({ "server": name, "rounds": turns(of) }));
        let Shares { generator, servers: measured, others } = self.shares;
        json!({
            "what": self.what,
            "connections": self.connections,
            "servers": servers.collect::<Vec<_>>(),
            "percent_of_work": { "generator": generator, "servers": measured, "others": others },
        })
    }
}

impl Turn {
    /// Print it in a row.
    pub fn print(&self, name: &str) {
        print(name, Turn::figures().map(|figure| figure(self)));
    }

    /// How many requests were answered in a second.
    pub fn rate(&self) -> f64 {
        self.tally.rate()
    }

    /// The latency that 99 of a hundred requests do not exceed, in milliseconds.
    pub fn p99(&self) -> f64 {
        self.tally.percentile(99.0)
    }

    /// The longest latency, in milliseconds.
    pub fn worst(&self) -> f64 {
        self.tally.percentile(100.0)
    }

    /// As the columns have them.
    fn figures() -> [fn(&Turn) -> f64; 5] {
        [Turn::rate, |turn| turn.tally.percentile(50.0), Turn::p99, Turn::worst, |turn| turn.cpu]
    }

    fn json(&self) -> Value {
        json!({
            "requests": self.tally.requests(),
            "requests_per_second": self.rate(),
            "p50_ms": self.tally.percentile(50.0),
            "p99_ms": self.p99(),
            "worst_ms": self.worst(),
            "cpu_us_per_request": self.cpu,
        })
    }
}

impl Figures {
    /// What was found beside what is promised.
    pub fn targets(&self) -> Vec<Target> {
        let mut targets = Vec::new();
        for series in &self.orders {
            let at = |what: &str| format!("{}: {what}", series.connections);
            targets.extend([
                Target::at_least(at("orders ÷ native, group commit"), "", series.first_to(1, Turn::rate), 0.9),
                Target::at_least(at("orders ÷ native, commit per call"), "", series.first_to(2, Turn::rate), 3.0),
                Target::at_most(at("orders, p99, median"), "ms", median(&series.of_first(Turn::p99)), 25.0),
                Target::at_most(at("orders, worst"), "ms", max(&series.of_first(Turn::worst)), 100.0),
            ]);
        }
        let Reads { series, memory, .. } = &self.reads;
        targets.extend([
            Target::at_least("GET an order of 1M ÷ a user in memory", "", series.first_to(1, Turn::rate), 0.6),
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

fn print(name: &str, [rate, p50, p99, worst, cpu]: [f64; 5]) {
    let [p50, p99, worst] = [p50, p99, worst].map(|ms| format!("{ms:.2}"));
    report::row(name, &[&format!("{rate:.0}"), &p50, &p99, &worst, &format!("{cpu:.1}")]);
}
