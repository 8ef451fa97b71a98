//! What Dovetail costs beside others that do the same: native services, other hosts for
//! components, and a tutorial's Flask.
//!
//! Each server has a process, or two, and a port of its own. Before any is measured
//! all must answer alike. They are measured in turns, so that what the machine does
//! meanwhile meets them all.

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use clap::ValueEnum;
use serde_json::json;

use self::{
    case::Case,
    comparison::{Comparison, Effort},
    kit::Kit,
};
use crate::{
    components, host, machine,
    manner::{Manner, Outcome},
    report::write,
    round::Rounds,
    setting::Setting,
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
    #[command(flatten)]
    manner: Manner,
    /// Draw them into this file
    #[arg(long, value_name = "FILE.svg")]
    chart: Option<PathBuf>,
}

/// Measure, and print what came of it.
pub async fn measure(arguments: &Arguments) -> Result<()> {
    host::build()?;
    components::build()?;
    let effort = arguments.manner.of(
        Effort { rounds: Rounds { count: 3, each: Duration::from_millis(250) }, starts: 1 },
        Effort { rounds: Rounds { count: 5, each: Duration::from_secs(3) }, starts: 5 },
    );
    machine::allow_files();
    let kit = Kit::assemble()?;
    let setting = Setting::look(kit.versions());
    setting.print();
    println!("Medians of {} rounds of {} s", effort.rounds.count, effort.rounds.each.as_secs_f64());
    let cases = if arguments.cases.is_empty() { Case::value_variants() } else { &arguments.cases };
    let mut measured = Vec::new();
    for case in cases {
        let comparison = Comparison::of(*case, &kit, effort).await?;
        comparison.print();
        measured.push(comparison);
    }
    if let Some(file) = &arguments.chart {
        write(file, &chart::draw(&measured, &setting.machine, &setting.commit)?)?;
    }
    println!();
    targets::missing(&measured).for_each(|what| println!("{what:<46} not measured"));
    let figures = json!({ "cases": measured.iter().map(Comparison::json).collect::<Vec<_>>() });
    arguments.manner.conclude(&setting, Outcome { figures, targets: targets::targets(&measured) })
}
