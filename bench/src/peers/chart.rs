//! A chart.
use super::comparison::Comparison;
use crate::machine::Machine;
use anyhow::Result;
pub fn draw(_: &[Comparison], _: &Machine, _: &str) -> Result<String> {
    anyhow::bail!("not yet")
}
