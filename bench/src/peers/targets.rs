//! What is promised beside what was measured, as ratios within one run.

use super::{
    case::Case,
    comparison::Comparison,
    kit::{DOVETAIL, DOVETAIL_FRESH, NATIVE, REST, WASH_LINKED, WASMTIME, WASMTIME_REUSING},
};
use crate::{report::Target, round::Turn};

/// A ratio of one server's figure to another's in a case.
struct Ratio {
    what: &'static str,
    case: Case,
    connections: usize,
    figure: fn(&Turn) -> f64,
    one: &'static str,
    other: &'static str,
    bound: fn(&'static str, &'static str, f64, f64) -> Target,
    target: f64,
    /// What it came to when the figures in README.md were taken.
    last: f64,
}

const CPU: fn(&Turn) -> f64 = |turn| turn.cpu;
const RATE: fn(&Turn) -> f64 = Turn::rate;
const P99: fn(&Turn) -> f64 = Turn::p99;

const AT_LEAST: fn(&'static str, &'static str, f64, f64) -> Target = Target::at_least;
const AT_MOST: fn(&'static str, &'static str, f64, f64) -> Target = Target::at_most;

/// The most that a start may take, in milliseconds.
const START: f64 = 60.0;

#[rustfmt::skip]
const RATIOS: [Ratio; 10] = [
    Ratio { what: "CPU, GET /users/1: native ÷ ours", case: Case::Users, connections: 32, figure: CPU, one: NATIVE, other: DOVETAIL, bound: AT_LEAST, target: 0.9, last: 0.49 },
    Ratio { what: "CPU, POST /orders: native ÷ ours", case: Case::Orders, connections: 32, figure: CPU, one: NATIVE, other: DOVETAIL, bound: AT_LEAST, target: 0.8, last: 0.28 },
    Ratio { what: "CPU, POST /orders: native over REST ÷ ours", case: Case::Orders, connections: 32, figure: CPU, one: REST, other: DOVETAIL, bound: AT_LEAST, target: 2.0, last: 0.82 },
    Ratio { what: "CPU, plain: wasmtime serve, reusing ÷ ours", case: Case::Plain, connections: 32, figure: CPU, one: WASMTIME_REUSING, other: DOVETAIL, bound: AT_LEAST, target: 1.0, last: 1.24 },
    Ratio { what: "CPU, plain: native over REST ÷ ours", case: Case::Plain, connections: 32, figure: CPU, one: REST, other: DOVETAIL, bound: AT_LEAST, target: 2.0, last: 1.08 },
    Ratio { what: "req/s, plain: ours ÷ wasmtime serve", case: Case::Plain, connections: 32, figure: RATE, one: DOVETAIL, other: WASMTIME, bound: AT_LEAST, target: 6.0, last: 7.71 },
    Ratio { what: "req/s, plain: ours ÷ wash dev, linked", case: Case::Plain, connections: 32, figure: RATE, one: DOVETAIL, other: WASH_LINKED, bound: AT_LEAST, target: 8.0, last: 9.97 },
    Ratio { what: "req/s, plain: reuse = 1 ÷ wasmtime serve", case: Case::Plain, connections: 32, figure: RATE, one: DOVETAIL_FRESH, other: WASMTIME, bound: AT_LEAST, target: 2.5, last: 3.39 },
    Ratio { what: "p99, 256 connections: ours ÷ native", case: Case::Crowds, connections: 256, figure: P99, one: DOVETAIL, other: NATIVE, bound: AT_MOST, target: 1.5, last: 2.12 },
    Ratio { what: "req/s, WASI 0.3: ours ÷ wasmtime serve", case: Case::Wasi03, connections: 32, figure: RATE, one: DOVETAIL, other: WASMTIME, bound: AT_LEAST, target: 1.5, last: 1.05 },
];

/// Those of the cases and servers that were measured.
pub fn targets(measured: &[Comparison]) -> Vec<Target> {
    let costs = measured.iter().flat_map(|comparison| &comparison.costs);
    let start = costs.filter(|cost| cost.name == DOVETAIL).find_map(|cost| cost.start);
    let start = start.map(|start| Target::at_most("start to first answer, code cached", "ms", start, START));
    let ratios = RATIOS.iter().filter_map(|ratio| {
        let found = ratio.measured(measured)?;
        Some((ratio.bound)(ratio.what, "", found, ratio.target).last(ratio.last))
    });
    ratios.chain(start).collect()
}

/// What those would have been whose servers are not installed.
pub fn missing(measured: &[Comparison]) -> impl Iterator<Item = &'static str> {
    let of_cases = RATIOS.iter().filter(|ratio| measured.iter().any(|comparison| comparison.case == ratio.case));
    of_cases.filter(|ratio| ratio.measured(measured).is_none()).map(|ratio| ratio.what)
}

impl Ratio {
    fn measured(&self, measured: &[Comparison]) -> Option<f64> {
        let of_case = measured.iter().filter(|comparison| comparison.case == self.case);
        let mut works = of_case.flat_map(|comparison| &comparison.works);
        let work = works.find(|work| work.series.connections == self.connections)?;
        work.series.one_to(self.one, self.other, self.figure)
    }
}
