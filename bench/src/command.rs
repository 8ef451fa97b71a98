//! Commands that build what is measured.

use std::{
    env,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use crate::host;

/// Run one in the repository to its end, and show what it says.
pub fn run(command: &mut Command) -> Result<()> {
    // What `cargo run` says of this package would have some dependencies of the
    // host built again, each time.
    for (name, _) in env::vars_os() {
        if ["CARGO_MANIFEST_", "CARGO_PKG_"].iter().any(|own| name.as_encoded_bytes().starts_with(own.as_bytes())) {
            command.env_remove(name);
        }
    }
    let status = command.current_dir(host::root()).stdin(Stdio::null()).status();
    let status = status.with_context(|| format!("{} could not be started", command.get_program().display()))?;
    ensure!(status.success(), "{command:?} failed: {status}");
    Ok(())
}
