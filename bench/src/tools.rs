//! Tools of others, as `.ci/tools` installs them.

use std::{env, path::PathBuf};

use crate::host;

/// The file of a tool: in `target/tools/bin`, or else on the PATH.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = [host::root().join("target/tools/bin")].into_iter().chain(env::split_paths(&path));
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}
