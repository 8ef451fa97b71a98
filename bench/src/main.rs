//! Measurements of a running host, one figure of Dovetail's promises a subcommand.
//!
//! Each builds what it measures, starts a host of its own, and prints ratios
//! within one run beside the targets. It ends with 0 whether they are met or not:
//! it measures, and the tests test.

mod client;
mod folder;
mod host;
mod load;
mod machine;
mod peer;
mod process;
mod report;
mod store;
mod swap;
mod wire;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};
use tokio::runtime;

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
    /// How fast the store takes orders and finds them, and what memory it needs
    Store(store::Arguments),
    /// Serve the shop natively, for `store` to compare with
    #[command(hide = true)]
    Peer(peer::Arguments),
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut runtime = runtime::Builder::new_multi_thread();
    if !matches!(arguments.figure, Figure::Peer(_)) {
        // One thread makes the load, and this one measures, so that what a swap
        // takes does not include a place in the load's own queue.
        runtime.worker_threads(1);
    }
    runtime.enable_all().build()?.block_on(async {
        let measured = async {
            match arguments.figure {
                Figure::Swap(arguments) => swap::measure(&arguments).await,
                Figure::Store(arguments) => store::measure(&arguments).await,
                Figure::Peer(arguments) => peer::serve(&arguments).await,
            }
        };
        // Dropping what is measured stops its servers and removes their folders.
        tokio::select! {
            measured = measured => measured,
            _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        }
    })
}
