//! What servers did in turns, shown: as tables and as JSON.

use serde_json::{Value, json};

use crate::{
    machine::Shares,
    report::{self, median},
    round::{Series, Turn},
};

/// The tables' columns; the last is what the server used for a request.
const COLUMNS: [&str; 5] = ["req/s", "p50 ms", "p99 ms", "worst ms", "CPU us"];

impl Series {
    /// Print the rounds' columns.
    pub fn print_head() {
        report::row("", &COLUMNS);
    }

    /// Print the medians, but of latencies the worst of all, and who worked.
    pub fn print(&self) {
        for (name, turns) in &self.turns {
            let [rate, p50, p99, _, cpu] =
                Turn::figures().map(|figure| median(&turns.iter().map(figure).collect::<Vec<_>>()));
            print(&format!("median {name}"), [rate, p50, p99, self.worst(name), cpu]);
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

    /// The latency that half of the requests do not exceed, in milliseconds.
    pub fn p50(&self) -> f64 {
        self.tally.percentile(50.0)
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
        [Turn::rate, Turn::p50, Turn::p99, Turn::worst, |turn| turn.cpu]
    }

    fn json(&self) -> Value {
        json!({
            "requests": self.tally.requests(),
            "requests_per_second": self.rate(),
            "p50_ms": self.p50(),
            "p99_ms": self.p99(),
            "worst_ms": self.worst(),
            "cpu_us_per_request": self.cpu,
        })
    }
}

fn print(name: &str, [rate, p50, p99, worst, cpu]: [f64; 5]) {
    let [p50, p99, worst] = [p50, p99, worst].map(|ms| format!("{ms:.2}"));
    report::row(name, &[&format!("{rate:.0}"), &p50, &p99, &worst, &format!("{cpu:.1}")]);
}
