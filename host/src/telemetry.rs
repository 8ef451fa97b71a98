//! The log: what happens, on standard error, a line each.
//!
//! To log never waits. Lines are written by a thread of their own, and dropped
//! and counted if nobody reads them.

use std::{
    io::{IsTerminal, stderr},
    sync::OnceLock,
    time::Duration,
};

use anyhow::{Context, Result};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

use self::queue::Queue;
pub use self::service_log::ServiceLog;

mod queue;
mod service_log;

/// The variable that chooses what is logged.
const VARIABLE: &str = "DOVETAIL_LOG";

/// How long the end waits for somebody to read the last lines.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Lines that wait to be written.
static QUEUE: OnceLock<Queue> = OnceLock::new();

/// Start logging. `DOVETAIL_LOG` chooses what is shown: a level, or targets with
/// a level each, as in `warn,dovetail=debug`. Without it a `quiet` log has warnings,
/// errors and what components print. Colour only on a terminal.
pub fn start(quiet: bool) -> Result<()> {
    let targets = match std::env::var(VARIABLE) {
        Ok(chosen) => chosen.parse().with_context(|| {
            format!("{VARIABLE}={chosen:?} chooses no log; write a level like `debug`, or `warn,dovetail=debug`")
        })?,
        Err(_) => {
            let own = if quiet { LevelFilter::WARN } else { LevelFilter::INFO };
            let targets = Targets::new().with_default(LevelFilter::WARN).with_target("dovetail", own);
            let targets = targets.with_target("dovetail::guest", LevelFilter::INFO);
            // It tells of each of its attempts, where the host tells of what came of them.
            targets.with_target("krafka", LevelFilter::OFF)
        }
    };
    let queue = Queue::start(stderr()).context("the thread that writes the log could not be started")?;
    let _ = QUEUE.set(queue.clone());
    let lines = tracing_subscriber::fmt::layer().with_writer(move || queue.clone()).with_ansi(stderr().is_terminal());
    tracing_subscriber::registry().with(targets).with(lines).init();
    Ok(())
}

/// Have all written that was logged. For the end of the process.
pub fn finish() {
    if let Some(queue) = QUEUE.get() {
        queue.wait_until_written(LAST_LINES);
    }
}
