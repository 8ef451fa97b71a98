//! How figures are shown and kept: rows of a table, and targets that are met or missed.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// The share of what a ratio came to last that it may come to in a check: its short
/// rounds, and other machines, differ by less.
const GENEROUS: f64 = 0.6;

/// A figure, and what it may be.
pub struct Target {
    what: String,
    unit: &'static str,
    measured: f64,
    bound: Bound,
    /// What it came to when the documents' figures were taken; for ratios only, for
    /// times are the machine's.
    last: Option<f64>,
}

/// Write a file, whatever was there.
pub fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).with_context(|| format!("{} could not be written", file.display()))
}

#[derive(Clone, Copy)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Target {
    /// A figure that is better the less it is.
    pub fn at_most(what: impl Into<String>, unit: &'static str, measured: f64, most: f64) -> Target {
        Target { what: what.into(), unit, measured, bound: Bound::AtMost(most), last: None }
    }

    /// A figure that is better the more it is.
    pub fn at_least(what: impl Into<String>, unit: &'static str, measured: f64, least: f64) -> Target {
        Target { what: what.into(), unit, measured, bound: Bound::AtLeast(least), last: None }
    }

    /// The same, of which it is known what it came to last.
    pub fn last(self, last: f64) -> Target {
        Target { last: Some(last), ..self }
    }

    /// Print it in a line.
    pub fn print(&self) {
        let Target { what, unit, measured, bound, .. } = self;
        let (bound, value) = match bound {
            Bound::AtMost(most) => ("at most", most),
            Bound::AtLeast(least) => ("at least", least),
        };
        let verdict = if self.is_met() { "met" } else { "missed" };
        println!("{what:<46} {measured:>8.2} {unit:<2}  {bound:<8} {value:>3} {unit:<2}  {verdict}");
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        let Target { what, unit, measured, bound, .. } = self;
        let (bound, value) = match bound {
            Bound::AtMost(most) => ("at_most", most),
            Bound::AtLeast(least) => ("at_least", least),
        };
        json!({ "what": what, "unit": unit, "measured": measured, bound: value, "met": self.is_met() })
    }

    /// The same figure beside what it came to last, generously and in hundredths; none
    /// where that is not to be compared.
    pub fn beside_last(self) -> Option<Target> {
        let last = self.last?;
        let hundredths = |bound: f64| (bound * 100.0).round() / 100.0;
        let bound = match self.bound {
            Bound::AtMost(_) => Bound::AtMost(hundredths(last / GENEROUS)),
            Bound::AtLeast(_) => Bound::AtLeast(hundredths(last * GENEROUS)),
        };
        Some(Target { bound, ..self })
    }

    /// Whether it is what it may be.
    pub fn is_met(&self) -> bool {
        match self.bound {
            Bound::AtMost(most) => self.measured <= most,
            Bound::AtLeast(least) => self.measured >= least,
        }
    }
}

/// Print a row of a table.
pub fn row(name: &str, cells: &[&str]) {
    let cells: String = cells.iter().map(|cell| format!("{cell:>10}")).collect();
    println!("{name:<26}{cells}");
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
