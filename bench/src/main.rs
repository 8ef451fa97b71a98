//! Measurements of a running host, one figure of Dovetail's promises a subcommand.
//!
//! Each builds what it measures, starts a host of its own, and prints ratios
//! within one run beside the targets. It ends with 0 whether they are met or not:
//! it measures, and the tests test. With `--check` it fails where a ratio is far from
//! what it was.

mod check;
mod client;
mod command;
mod components;
mod events;
mod folder;
mod gateway;
mod host;
mod links;
mod load;
mod machine;
mod manner;
mod native;
mod peers;
mod process;
mod rabbitmq;
mod report;
mod round;
mod series;
mod setting;
mod store;
mod swap;
mod tools;
mod wire;

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};
use mimalloc::MiMalloc;
use tokio::runtime;

use self::manner::Manner;

/// As the host has it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Measure what Dovetail promises.
#[derive(Parser)]
#[command(name = "bench")]
struct Arguments {
    /// Measure this binary of the host instead of building one
    #[arg(long, global = true, value_name = "FILE")]
    host: Option<PathBuf>,
    #[command(subcommand)]
    figure: Figure,
}

#[derive(Subcommand)]
enum Figure {
    /// What swaps cost those who are served meanwhile, and how long they take
    ///
    /// With --quick 3 rounds of 2 s each instead of 5 of 6 s.
    Swap(Manner),
    /// How fast the store takes orders and finds them, and what memory it needs
    ///
    /// With --quick 3 rounds of 1.5 s each instead of 5 of 4 s.
    Store(Manner),
    /// What Dovetail costs beside native services, other hosts and Flask
    ///
    /// With --quick 3 rounds of 0.25 s each instead of 5 of 3 s.
    Peers(peers::Arguments),
    /// What links cost, and what many services in one process do
    ///
    /// With --quick 3 short rounds instead of 7, and 10 components at most, which services share.
    Links(Manner),
    /// What an event costs until it has its effect, and what a million that wait do
    ///
    /// With --quick 3 rounds of 1.5 s each instead of 5 of 4 s, and 100,000 events that wait.
    Events(Manner),
    /// What the gateway's TLS and policies cost, and what it costs as a proxy beside others
    ///
    /// With --quick 3 rounds of 1.5 s each instead of 7 of 4 s.
    Gateway(Manner),
    /// Serve users natively, or ask for them, for `links` to compare with
    #[command(hide = true)]
    Rest(links::rest::Arguments),
    /// Serve the shop natively, for others to be compared with
    #[command(hide = true, subcommand)]
    Native(native::Shop),
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(host) = arguments.host {
        host::give(host)?;
    }
    let mut runtime = runtime::Builder::new_multi_thread();
    if !matches!(arguments.figure, Figure::Native(_) | Figure::Rest(_)) {
        // One thread makes the load, and this one measures, so that what a swap
        // takes does not include a place in the load's own queue.
        runtime.worker_threads(1);
    }
    runtime.enable_all().build()?.block_on(async {
        let measured = async {
            match arguments.figure {
                Figure::Swap(manner) => swap::measure(&manner).await,
                Figure::Store(manner) => store::measure(&manner).await,
                Figure::Peers(arguments) => peers::measure(&arguments).await,
                Figure::Links(manner) => links::measure(&manner).await,
                Figure::Events(manner) => events::measure(&manner).await,
                Figure::Gateway(manner) => gateway::measure(&manner).await,
                Figure::Rest(arguments) => links::rest::serve(&arguments).await,
                Figure::Native(shop) => native::serve(&shop).await,
            }
        };
        // Dropping what is measured stops its servers and removes their folders.
        tokio::select! {
            measured = measured => measured,
            _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        }
    })
}
