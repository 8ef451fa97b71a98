//! The components of these measurements.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result};

use crate::host;

/// Asks the next over a link.
pub const RELAY: &str = "relay";

/// Is asked, and asks nobody.
pub const LEAF: &str = "leaf";

/// Build them, and show how that goes.
pub fn build() -> Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--locked", "--release", "--target", "wasm32-wasip2"]);
    cargo.args(["--manifest-path", "bench/components/Cargo.toml", "--target-dir", "bench/components/target"]);
    host::run(&mut cargo)
}

/// Where one of them is.
pub fn file(name: &str) -> PathBuf {
    host::root().join(format!("bench/components/target/wasm32-wasip2/release/{name}.wasm"))
}

/// The leaf, another each time. The host knows a component by its digest, and a
/// custom section, which means nothing, makes it another.
pub fn leaf(number: usize) -> Result<Vec<u8>> {
    let file = file(LEAF);
    let mut leaf = fs::read(&file).with_context(|| format!("{} could not be read", file.display()))?;
    leaf.extend([0, 9 + 1, 1, b'n']); // custom, its size, the name's size, the name
    leaf.extend((number as u64).to_le_bytes());
    Ok(leaf)
}
