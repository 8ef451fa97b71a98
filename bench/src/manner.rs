//! How a measurement is made, and what is done with what comes of it.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::{
    report::{Target, write},
    setting::Setting,
};

/// What all subcommands are told.
#[derive(clap::Args)]
pub struct Manner {
    /// Measure in shorter rounds, and fewer
    #[arg(long)]
    quick: bool,
    /// As --quick, and fail if a ratio is far from what it was
    #[arg(long)]
    pub check: bool,
    /// Write all figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// What came of a measurement.
pub struct Outcome {
    /// All figures.
    pub figures: Value,
    pub targets: Vec<Target>,
}

impl Manner {
    /// What is measured by: the quick one of these, or the whole.
    pub fn of<T>(&self, quick: T, whole: T) -> T {
        if self.quick || self.check { quick } else { whole }
    }

    /// Print the targets, keep what is to be kept, and fail if that is asked for.
    pub fn conclude(&self, setting: &Setting, outcome: Outcome) -> Result<()> {
        let Outcome { mut figures, targets } = outcome;
        let targets: Vec<_> = match self.check {
            true => targets.into_iter().filter_map(Target::beside_last).collect(),
            false => targets,
        };
        println!();
        targets.iter().for_each(Target::print);
        if let Some(file) = &self.json {
            setting.add_to(&mut figures);
            figures["targets"] = targets.iter().map(Target::json).collect();
            write(file, &format!("{figures:#}\n"))?;
        }
        if self.check {
            let missed = targets.iter().filter(|target| !target.is_met()).count();
            ensure!(missed == 0, "{missed} ratios are far from what they were");
            ensure!(!targets.is_empty(), "there is no ratio to check");
        }
        Ok(())
    }
}
