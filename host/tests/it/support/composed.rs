//! `dovetail compose`, as tests run it.

use std::{
    path::{Path, PathBuf},
    process::Output,
};

use tempfile::TempDir;

use super::dovetail;

/// Compose what a folder's manifest has, with these arguments, and return the file.
pub fn composed(folder: &TempDir, arguments: &[&str]) -> PathBuf {
    let file = folder.path().join("composed.wasm");
    let output = compose(folder.path(), &[arguments, &["-o", "composed.wasm"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    file
}

/// Run it in a folder.
pub fn compose(folder: &Path, arguments: &[&str]) -> Output {
    dovetail().current_dir(folder).arg("compose").args(arguments).output().expect("dovetail starts")
}

/// It fails, and says this.
pub fn refused(folder: &TempDir, arguments: &[&str], why: &str) {
    let output = compose(folder.path(), arguments);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains(why), "{why:?} in {told}");
}
