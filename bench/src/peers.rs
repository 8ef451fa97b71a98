//! What Dovetail costs beside others that do the same: native services, other hosts for
//! components, and a tutorial's Flask.
//!
//! Each server has a process, or two, and a port of its own. Before any is measured
//! all must answer alike. They are measured in turns, so that what the machine does
//! meanwhile meets them all.

use std::{fs, path::PathBuf, process::Command, slice, time::Duration};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use serde_json::{Value, json};

use self::{
    case::Case,
    comparison::{Comparison, Effort},
    kit::Kit,
};
use crate::{
    components, host,
    machine::{self, Machine},
    report::Target,
    round::Rounds,
};

mod case;
mod chart;
mod comparison;
mod elsewhere;
mod flask;
mod here;
mod kit;
mod peer;
mod table;
mod targets;

/// How much is measured.
#[derive(clap::Args)]
pub struct Arguments {
    /// The cases, all of them by default
    cases: Vec<Case>,
    /// 3 rounds of 0.25 s each instead of 5 of 3 s
    #[arg(long)]
    quick: bool,
    /// As --quick, and fail if a ratio is far from what it was
    #[arg(long)]
    check: bool,
    /// Write all figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw them into this file
    #[arg(long, value_name = "FILE.svg")]
    chart: Option<PathBuf>,
}

/// Where it was measured, and what.
struct Setting {
    machine: Machine,
    commit: String,
    /// Of others' servers.
    versions: Vec<String>,
}

/// Measure, and print what came of it.
pub async fn measure(arguments: &Arguments) -> Result<()> {
    host::build()?;
    components::build()?;
    let effort = match arguments.quick || arguments.check {
        true => Effort { rounds: Rounds { count: 3, each: Duration::from_millis(250) }, starts: 1 },
        false => Effort { rounds: Rounds { count: 5, each: Duration::from_secs(3) }, starts: 5 },
    };
    machine::allow_files();
    let (machine, kit) = (Machine::look(), Kit::assemble()?);
    let setting = Setting { machine, commit: commit(), versions: kit.versions() };
    println!("\n{}", setting.machine.line());
    println!("Commit {}", [slice::from_ref(&setting.commit), &setting.versions].concat().join(", "));
    println!("Medians of {} rounds of {} s", effort.rounds.count, effort.rounds.each.as_secs_f64());
    let cases = if arguments.cases.is_empty() { Case::value_variants() } else { &arguments.cases };
    let mut measured = Vec::new();
    for case in cases {
        let comparison = Comparison::of(*case, &kit, effort).await?;
        comparison.print();
        measured.push(comparison);
    }
    conclude(arguments, &measured, &setting)
}

/// Print the targets, keep what is to be kept, and fail if that is asked for.
fn conclude(arguments: &Arguments, measured: &[Comparison], setting: &Setting) -> Result<()> {
    let targets = match arguments.check {
        true => targets::lasts(measured),
        false => targets::targets(measured),
    };
    println!();
    targets.iter().for_each(Target::print);
    targets::missing(measured).for_each(|what| println!("{what:<46} not measured"));
    if let Some(file) = &arguments.json {
        write(file, &format!("{:#}\n", json(setting, measured, &targets)))?;
    }
    if let Some(file) = &arguments.chart {
        write(file, &chart::draw(measured, &setting.machine, &setting.commit)?)?;
    }
    if arguments.check {
        let missed = targets.iter().filter(|target| !target.is_met()).count();
        ensure!(missed == 0, "{missed} ratios are far from what they were");
        ensure!(!targets.is_empty(), "these cases have no ratio to check");
    }
    Ok(())
}

fn json(setting: &Setting, measured: &[Comparison], targets: &[Target]) -> Value {
    json!({
        "machine": setting.machine.json(),
        "commit": setting.commit,
        "beside": setting.versions,
        "cases": measured.iter().map(Comparison::json).collect::<Vec<_>>(),
        "targets": targets.iter().map(Target::json).collect::<Vec<_>>(),
    })
}

/// The commit whose host is measured.
fn commit() -> String {
    if host::is_given() {
        return "unknown (a given host)".to_owned();
    }
    let output = Command::new("git").arg("-C").arg(host::root()).args(["describe", "--always", "--dirty"]).output();
    let commit = output.ok().filter(|output| output.status.success());
    commit.map_or_else(|| "unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn write(file: &PathBuf, text: &str) -> Result<()> {
    fs::write(file, text).with_context(|| format!("{} could not be written", file.display()))
}
