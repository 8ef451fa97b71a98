//! The figures of swaps: tables, targets, JSON.

use serde_json::{Value, json};

use super::{Round, Swaps};
use crate::{
    load::Tally,
    machine::Shares,
    report::{self, Target, max, median},
};

/// The tables' columns.
const COLUMNS: [&str; 6] = ["req/s", "p50 ms", "p99 ms", "worst ms", "failed", "swaps"];

/// What was found.
pub struct Figures {
    /// The rounds.
    pub rounds: Vec<Round>,
    /// Swaps to components that the host had never seen.
    pub new: Swaps,
    /// Swaps to components whose compiled code it had.
    pub cached: Swaps,
    /// How large they are, in bytes.
    pub size: usize,
    /// Who used the processors meanwhile.
    pub shares: Shares,
}

/// Print the rounds' columns.
pub fn head() {
    report::row("", &COLUMNS);
}

impl Round {
    /// Print a row for each way.
    pub fn print(&self, number: usize) {
        row(&format!("{number} without swaps"), &self.plain, 0);
        row(&format!("{number} swapping"), &self.swapping, self.swaps);
    }

    fn ratio(&self) -> f64 {
        self.swapping.percentile(99.0) / self.plain.percentile(99.0)
    }
}

impl Swaps {
    /// How long each step took, in order.
    fn steps(&self) -> String {
        let names = self.steps.first().into_iter().flatten().map(|(name, _)| name);
        let steps = names.map(|name| {
            let same = self.steps.iter().flatten().filter(|(other, _)| other == name);
            let took: Vec<_> = same.map(|(_, ms)| *ms).collect();
            format!("{name} {:.1} ms", median(&took))
        });
        format!("{} (medians)", steps.collect::<Vec<_>>().join(", "))
    }
}

impl Figures {
    /// Print the medians, but of latencies the worst of all, and the steps.
    pub fn print(&self) {
        self.print_median("without swaps", |round| &round.plain);
        self.print_median("swapping", |round| &round.swapping);
        row(&format!("{} new components", self.new.took.len()), &self.new.load, self.new.took.len());
        row(&format!("{} cached components", self.cached.took.len()), &self.cached.load, self.cached.took.len());
        let Shares { generator, servers: host, others } = self.shares;
        println!(
            "Of the cores' work the load generator did {generator:.0}%, the host {host:.0}%, others {others:.0}%."
        );
        if let Some(failure) = self.tallies().find_map(|tally| tally.first_failure.as_deref()) {
            println!("The first failure: {failure}");
        }
        println!("In a new one's swap: {}", self.new.steps());
        println!("In a cached one's swap: {}", self.cached.steps());
        println!("user.wasm has {:.1} KB. In the rounds, swaps find its code in the cache.", self.kilobytes());
    }

    /// All of them.
    pub fn json(&self) -> Value {
        let rounds = self.rounds.iter().map(|round| {
            let (plain, swapping) = (tally(&round.plain), tally(&round.swapping));
            json!({ "without": plain, "swapping": swapping, "swaps": round.swaps, "p99_ratio": round.ratio() })
        });
        let swaps = |swaps: &Swaps| json!({ "ms": swaps.took, "steps": swaps.steps, "load": tally(&swaps.load) });
        json!({
            "rounds": rounds.collect::<Vec<_>>(),
            "new": swaps(&self.new),
            "cached": swaps(&self.cached),
            "component_bytes": self.size,
            "percent_of_work": { "generator": self.shares.generator, "host": self.shares.servers, "others": self.shares.others },
        })
    }

    /// What was found beside what is promised.
    pub fn targets(&self) -> Vec<Target> {
        let ratios: Vec<_> = self.rounds.iter().map(Round::ratio).collect();
        let failed: u64 = self.tallies().map(|tally| tally.failed).sum();
        let (new, cached) = (&self.new.took, &self.cached.took);
        let per_100: Vec<_> = new.iter().map(|ms| ms * 100.0 / self.kilobytes()).collect();
        vec![
            Target::at_most("failed requests", "", failed as f64, 0.0).last(0.0),
            Target::at_most("p99 swapping ÷ p99 without, median", "", median(&ratios), 2.0).last(0.98),
            Target::at_most("PUT to live, new component, median", "ms", median(new), 500.0),
            Target::at_most("PUT to live, new component, worst", "ms", max(new), 500.0),
            Target::at_most("the same per 100 KB, median", "ms", median(&per_100), 500.0),
            Target::at_most("the same per 100 KB, worst", "ms", max(&per_100), 500.0),
            Target::at_most("PUT to live, cached component, median", "ms", median(cached), 20.0),
            Target::at_most("PUT to live, cached component, worst", "ms", max(cached), 20.0),
        ]
    }

    fn print_median(&self, way: &str, of: impl Fn(&Round) -> &Tally) {
        let all = |figure: fn(&Tally) -> f64| self.rounds.iter().map(|round| figure(of(round))).collect::<Vec<_>>();
        let rate = format!("{:.0}", median(&all(Tally::rate)));
        let p50 = median(&all(|tally| tally.percentile(50.0)));
        let p99 = median(&all(|tally| tally.percentile(99.0)));
        let worst = max(&all(|tally| tally.percentile(100.0)));
        let [p50, p99, worst] = [p50, p99, worst].map(|ms| format!("{ms:.2}"));
        report::row(&format!("median {way}"), &[&rate, &p50, &p99, &worst]);
    }

    fn kilobytes(&self) -> f64 {
        self.size as f64 / 1000.0
    }

    fn tallies(&self) -> impl Iterator<Item = &Tally> {
        let rounds = self.rounds.iter().flat_map(|round| [&round.plain, &round.swapping]);
        rounds.chain([&self.new.load, &self.cached.load])
    }
}

fn row(name: &str, tally: &Tally, swaps: usize) {
    let [p50, p99, worst] = [50.0, 99.0, 100.0].map(|percent| format!("{:.2}", tally.percentile(percent)));
    let (rate, failed) = (format!("{:.0}", tally.rate()), tally.failed.to_string());
    report::row(name, &[&rate, &p50, &p99, &worst, &failed, &swaps.to_string()]);
}

fn tally(tally: &Tally) -> Value {
    json!({
        "requests": tally.requests(),
        "requests_per_second": tally.rate(),
        "p50_ms": tally.percentile(50.0),
        "p99_ms": tally.percentile(99.0),
        "worst_ms": tally.percentile(100.0),
        "failed": tally.failed,
    })
}
