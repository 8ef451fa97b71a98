//! Measurements of a running host, one figure of Dovetail's promises a subcommand.
//!
//! Each builds what it measures, starts a host of its own, and prints ratios
//! within one run beside the targets. It ends with 0 whether they are met or not:
//! it measures, and the tests test.

mod client;
mod host;
mod load;
mod machine;
mod report;
mod swap;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};

/// Measure what Dovetail promises.
#[derive(Parser)]
#[command(name = "bench")]
struct Arguments {
    #[command(subcommand)]
    figure: Figure,
}

#[derive(Subcommand)]
enum Figure {
    /// What swaps cost those who are served meanwhile, and how long they take
    Swap(swap::Arguments),
}

/// One thread makes the load, and this one swaps, so that what a swap takes does
/// not include a place in the load's own queue.
#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let measured = async {
        match arguments.figure {
            Figure::Swap(arguments) => swap::measure(&arguments).await,
        }
    };
    // Dropping what is measured stops its host and removes its folder.
    tokio::select! {
        measured = measured => measured,
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
    }
}
