//! The components that only measurements need.

use std::{path::PathBuf, process::Command};

use anyhow::Result;

use crate::{command, host};

/// Build them, and show how that goes.
pub fn build() -> Result<()> {
    let manifest = ["--manifest-path", "bench/components/Cargo.toml", "--target-dir", "bench/components/target"];
    let mut cargo = Command::new("cargo");
    command::run(cargo.args(["build", "--locked", "--release", "--target", "wasm32-wasip2"]).args(manifest))
}

/// The file of one.
pub fn file(name: &str) -> PathBuf {
    host::root().join(format!("bench/components/target/wasm32-wasip2/release/{name}.wasm"))
}
