//! Tools of others, as `.ci/tools` installs them.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use crate::host;

/// The file of a tool: in `target/tools/bin`, or else on the PATH.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = [host::root().join("target/tools/bin")].into_iter().chain(env::split_paths(&path));
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// What it says of its version, without what follows the number.
pub fn version(tool: &Path) -> Option<String> {
    let output = Command::new(tool).arg("--version").output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    Some(said.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
}
