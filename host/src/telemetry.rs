//! The log: what happens, on standard error, a line each.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Start logging. `DOVETAIL_LOG` chooses what is shown, in the syntax of
/// `tracing`'s `EnvFilter`; without it, what is worth a look. Colour only on a
/// terminal.
pub fn start() {
    let filter = EnvFilter::try_from_env("DOVETAIL_LOG").unwrap_or_else(|_| EnvFilter::new("warn,dovetail=info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}
