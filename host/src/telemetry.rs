//! The log: what happens, on standard error, a line each.

use std::io::IsTerminal;

use anyhow::{Context, Result};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

pub use self::service_log::ServiceLog;

mod service_log;

/// The variable that chooses what is logged.
const VARIABLE: &str = "DOVETAIL_LOG";

/// Start logging. `DOVETAIL_LOG` chooses what is shown: a level, or targets with
/// a level each, as in `warn,dovetail=debug`. Colour only on a terminal.
pub fn start() -> Result<()> {
    let targets = match std::env::var(VARIABLE) {
        Ok(chosen) => chosen.parse().with_context(|| {
            format!("{VARIABLE}={chosen:?} chooses no log; write a level like `debug`, or `warn,dovetail=debug`")
        })?,
        Err(_) => Targets::new().with_default(LevelFilter::WARN).with_target("dovetail", LevelFilter::INFO),
    };
    let lines =
        tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    tracing_subscriber::registry().with(targets).with(lines).init();
    Ok(())
}
