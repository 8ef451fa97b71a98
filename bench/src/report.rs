//! How figures are shown: rows of a table, and targets that are met or missed.

use serde_json::{Value, json};

/// A figure, and the most that it may be.
pub struct Target {
    what: &'static str,
    unit: &'static str,
    measured: f64,
    at_most: f64,
}

impl Target {
    /// A figure beside what it may be.
    pub fn new(what: &'static str, unit: &'static str, measured: f64, at_most: f64) -> Target {
        Target { what, unit, measured, at_most }
    }

    /// Print it in a line.
    pub fn print(&self) {
        let Target { what, unit, measured, at_most } = self;
        let verdict = if self.is_met() { "met" } else { "missed" };
        println!("{what:<40} {measured:>8.2} {unit:<2}  at most {at_most:>3} {unit:<2}  {verdict}");
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        let Target { what, unit, measured, at_most } = self;
        json!({ "what": what, "unit": unit, "measured": measured, "at_most": at_most, "met": self.is_met() })
    }

    fn is_met(&self) -> bool {
        self.measured <= self.at_most
    }
}

/// Print a row of a table.
pub fn row(name: &str, cells: &[&str]) {
    let cells: String = cells.iter().map(|cell| format!("{cell:>10}")).collect();
    println!("{name:<22}{cells}");
}

/// The middle one, or the mean of the two in the middle; NaN of none.
pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.get(sorted.len().saturating_sub(1) / 2), sorted.get(sorted.len() / 2)) {
        (Some(low), Some(high)) => (low + high) / 2.0,
        _ => f64::NAN,
    }
}

/// The largest; NaN of none.
pub fn max(figures: &[f64]) -> f64 {
    figures.iter().copied().fold(f64::NAN, f64::max)
}
