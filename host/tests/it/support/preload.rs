//! Libraries that are loaded into a host before all others, and take the place of some
//! functions of the C library.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Build the library of `tests/NAME/shim.rs`, for `LD_PRELOAD`.
pub fn build(name: &str) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/{name}/shim.rs"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let library = folder.join(format!("{name}.so"));
    let new = folder.join(format!("{name}-{}.so", std::process::id()));
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--edition", "2024", "-O", "-C", "panic=abort", "--crate-type", "cdylib", "-o"]);
    let built = rustc.arg(&new).arg(source).status().expect("rustc starts");
    assert!(built.success(), "the tests' {name} cannot be built");
    // Hosts of other test runs keep the one that they have loaded.
    fs::rename(&new, &library).expect("both are in one folder");
    library
}
