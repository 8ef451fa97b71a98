//! Builds the adapters of `components/adapters`, which `dovetail compose` puts
//! around the components of an app, for `src/compose/adapter.rs` to include.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

const TARGET: &str = "wasm32-wasip2";

/// Each is a package there.
const ADAPTERS: [&str; 3] = ["keyvalue-fs", "keyvalue-spin", "router"];

/// What they are made of, seen from the repository.
const SOURCES: [&str; 5] =
    ["components/adapters", "components/Cargo.toml", "components/Cargo.lock", "host/route", "wit/deps"];

fn main() {
    if let Err(why) = add_target().and_then(|()| build()) {
        // An error of a build script is one line.
        println!("cargo::error=the adapters in components/adapters cannot be built: {}", why.replace('\n', " "));
    }
}

fn build() -> Result<(), String> {
    // Asked for when it runs: the repository may have moved since it was compiled.
    let package = env::var_os("CARGO_MANIFEST_DIR").ok_or("cargo sets CARGO_MANIFEST_DIR")?;
    let root = Path::new(&package).join("..");
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
    }
    let target = root.join("components/target");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.args(["build", "--locked", "--release", "--target", TARGET]);
    cargo.args(ADAPTERS.iter().flat_map(|adapter| ["--package", adapter]));
    cargo.arg("--manifest-path").arg(root.join("components/Cargo.toml")).arg("--target-dir").arg(&target);
    // Meant for the host's own target, and for its own lints.
    for key in ["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS", "RUSTC_WORKSPACE_WRAPPER"] {
        cargo.env_remove(key);
    }
    run(&mut cargo)?;
    // Taken along, since what lies there may be removed while the host is kept.
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    for file in ADAPTERS.map(|adapter| format!("{}.wasm", adapter.replace('-', "_"))) {
        let built = target.join(TARGET).join("release").join(&file);
        fs::copy(&built, out.join(file)).map_err(|error| format!("{}: {error}", built.display()))?;
    }
    Ok(())
}

/// A new machine lacks the target, and rustup adds none by itself. Where there is
/// no rustup, the compiler is to have it.
fn add_target() -> Result<(), String> {
    let Ok(installed) = run(Command::new("rustup").args(["target", "list", "--installed"])) else { return Ok(()) };
    match String::from_utf8_lossy(&installed.stdout).lines().any(|line| line == TARGET) {
        true => Ok(()),
        false => run(Command::new("rustup").args(["target", "add", TARGET])).map(drop),
    }
}

/// Run a command to its end; if it fails, what it printed is why.
fn run(command: &mut Command) -> Result<Output, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    match output.status.success() {
        true => Ok(output),
        false => Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}
