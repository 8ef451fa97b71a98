//! How fast the store takes orders and finds them, and what memory it needs.
//!
//! Orders are posted to the shop on the host and to the same shop written natively,
//! in turns, each with a database of its own on the same disk. Then orders are read
//! from a store of a million.

use std::{fs::File, io::Write, path::PathBuf, time::Duration};

use anyhow::{Context, Result};
use serde_json::json;
use tokio::time::Instant;

use self::figures::Figures;
use crate::{
    folder::Folder,
    host,
    load::Shot,
    machine::Machine,
    report::{Target, median},
    round::Rounds,
};

mod figures;
mod fill;
mod orders;
mod reads;

const ORDER: Shot = Shot::post("/orders", r#"{"user_id":1,"item":"Book"}"#);

/// How much is measured.
#[derive(clap::Args)]
pub struct Arguments {
    /// 3 rounds of 1.5 s each instead of 5 of 4 s
    #[arg(long)]
    quick: bool,
    /// Write all figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Measure, and print what came of it.
pub async fn measure(arguments: &Arguments) -> Result<()> {
    host::build()?;
    let rounds = match arguments.quick {
        true => Rounds { count: 3, each: Duration::from_millis(1500) },
        false => Rounds { count: 5, each: Duration::from_secs(4) },
    };
    let (machine, sync) = (Machine::look(), sync()?);
    println!("\n{}", machine.line());
    println!("A file's next 4 KiB are on the disk after {sync:.2} ms (median)");

    let orders = orders::measure(rounds).await?;
    let reads = reads::measure(rounds).await?;
    let figures = Figures { orders, reads };
    let targets = figures.targets();
    println!();
    targets.iter().for_each(Target::print);
    if let Some(file) = &arguments.json {
        let mut all = figures.json();
        all["machine"] = machine.json();
        all["sync_ms"] = json!(sync);
        all["targets"] = targets.iter().map(Target::json).collect();
        let written = std::fs::write(file, format!("{all:#}\n"));
        written.with_context(|| format!("{} could not be written", file.display()))?;
    }
    Ok(())
}

/// What a commit waits for at least, in milliseconds.
fn sync() -> Result<f64> {
    let folder = Folder::new()?;
    let mut file = File::create(folder.path().join("sync"))?;
    let mut took = Vec::new();
    for _ in 0..100 {
        let since = Instant::now();
        file.write_all(&[1; 4096])?;
        file.sync_data()?;
        took.push(since.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(median(&took))
}
