//! Tools of others that a test needs, as `.ci/tools` installs them.

use std::{
    env,
    io::{self, Write},
    path::PathBuf,
};

use super::root;

/// The file of a tool: in `target/tools/bin`, or else on the PATH. Where it is not
/// there this says so, and the test is to end; with `CI=true` the test fails, for
/// there nothing may be left out.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = [root().join("target/tools/bin")].into_iter().chain(env::split_paths(&path));
    let found = folders.map(|folder| folder.join(name)).find(|file| file.is_file());
    if found.is_none() {
        skip(&format!("{name} is not installed; `.ci/tools` does it"));
    }
    found
}

/// Say that a test is left out, and why; with `CI=true` fail instead.
pub fn skip(why: &str) {
    assert!(env::var("CI").as_deref() != Ok("true"), "{why}");
    // Not `eprintln!`, whose output is shown of tests that fail alone.
    let _ = writeln!(io::stderr(), "skipped: {why}");
}
