//! The components of these measurements.

use std::fs;

use anyhow::{Context, Result};

use crate::components;

/// Asks the next over a link.
pub const RELAY: &str = "relay";

/// Is asked, and asks nobody.
pub const LEAF: &str = "leaf";

/// The leaf, another each time. The host knows a component by its digest, and a
/// custom section, which means nothing, makes it another.
pub fn leaf(number: usize) -> Result<Vec<u8>> {
    let file = components::file(LEAF);
    let mut leaf = fs::read(&file).with_context(|| format!("{} could not be read", file.display()))?;
    leaf.extend([0, 9 + 1, 1, b'n']); // custom, its size, the name's size, the name
    leaf.extend((number as u64).to_le_bytes());
    Ok(leaf)
}
