//! `dovetail build`: run the build command of each service, each command once,
//! and pull the components that are in registries.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;

use super::{
    pinned::{self, Pinning},
    state::State,
    terminal::{Spinner, Terminal},
};
use crate::manifest::Manifest;

/// A build command, and whose it is.
pub struct Build {
    /// The command line.
    pub command: String,
    /// The services that have it, by name.
    pub services: Vec<String>,
}

/// Build the components, and pull those that are in registries.
#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    pinning: Pinning,
    #[command(flatten)]
    state: State,
}

impl Options {
    /// Do both.
    pub fn run(self, manifest: &Path) -> Result<()> {
        let (manifest, terminal) = (self.state.manifest(manifest)?, Terminal::new());
        pinned::have(&manifest, self.pinning, &terminal)?;
        if Build::all(&manifest).is_empty() {
            terminal.say("Nothing", "to build: no service has a `build` command");
        }
        run(&manifest, Which::All, &terminal)
    }
}

/// Which components are built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// All that have a build command.
    All,
    /// Those whose file is not there.
    Missing,
    /// None: what is there is what there is.
    None,
}

/// Run the build commands of these components. Services may share one.
pub fn run(manifest: &Manifest, which: Which, terminal: &Terminal) -> Result<()> {
    for build in Build::all(manifest) {
        let missing = build.missing(manifest);
        match (which, missing) {
            (Which::None, _) | (Which::Missing, None) => continue,
            (Which::Missing, Some(file)) => terminal.say("Missing", &format!("`{}`, which is built", file.display())),
            (Which::All, _) => {}
        }
        build.run(manifest.dir(), terminal)?;
    }
    Ok(())
}

impl Build {
    /// The build commands of a manifest, each once.
    pub fn all(manifest: &Manifest) -> Vec<Build> {
        let mut builds: Vec<Build> = Vec::new();
        for service in &manifest.services {
            let Some(command) = &service.build else { continue };
            match builds.iter_mut().find(|build| build.command == *command) {
                Some(build) => build.services.push(service.name.clone()),
                None => builds.push(Build { command: command.clone(), services: vec![service.name.clone()] }),
            }
        }
        builds
    }

    /// The first of its components that is not there.
    fn missing<'a>(&self, manifest: &'a Manifest) -> Option<&'a Path> {
        let services = manifest.services.iter().filter(|service| self.services.contains(&service.name));
        services.map(|service| service.component.file()).find(|file| !file.exists())
    }

    /// Run it in the manifest's folder.
    pub fn run(&self, folder: &Path, terminal: &Terminal) -> Result<()> {
        let services = self.services.join(", ");
        if let Some(target) = rust_target(&self.command) {
            add_target(target, folder, terminal)?;
        }
        let started = Instant::now();
        let spinner = terminal.spin("Building", &services);
        let built = shell(&self.command, folder, terminal.is_interactive(), &spinner);
        drop(spinner);
        built.with_context(|| format!("the build of {services} failed"))?;
        terminal.done("Built", &services, started.elapsed());
        Ok(())
    }
}

/// Run a command line in a folder. Its output is shown only if it fails, and its
/// last line meanwhile.
fn shell(command: &str, folder: &Path, color: bool, spinner: &Spinner) -> Result<()> {
    let mut shell = Command::new("sh");
    // One pipe for both streams, so that their lines keep their order.
    shell.args(["-c", &format!("exec 2>&1; {command}")]).current_dir(folder);
    if color {
        shell.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = shell.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("`sh` could not be started")?;
    let mut output = String::new();
    if let Some(stdout) = child.stdout.take() {
        let mut lines = BufReader::new(stdout);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line)? > 0 {
            let text = String::from_utf8_lossy(&line);
            spinner.pass(&text);
            output.push_str(&text);
            line.clear();
        }
    }
    let status = child.wait()?;
    if !status.success() {
        let said = if output.trim().is_empty() { " and said nothing" } else { ":\n" };
        bail!("`{command}` ended with {status}{said}{}", output.trim_end());
    }
    Ok(())
}

/// The WebAssembly target that a command of cargo builds for.
fn rust_target(command: &str) -> Option<&str> {
    let mut words = command.split_whitespace();
    if words.next() != Some("cargo") {
        return None;
    }
    let target = loop {
        let word = words.next()?;
        match word.strip_prefix("--target") {
            Some("") => break words.next()?,
            Some(rest) if rest.starts_with('=') => break &rest[1..],
            _ => {}
        }
    };
    target.starts_with("wasm32-").then_some(target)
}

/// Add a target to the Rust toolchain if it is missing, as it is at first.
fn add_target(target: &str, folder: &Path, terminal: &Terminal) -> Result<()> {
    if has_target(target, folder)? {
        return Ok(());
    }
    let add = format!("rustup target add {target}");
    let advice = || format!("the Rust target {target} is missing and could not be added; run `{add}`");
    terminal.say("Adding", &format!("the Rust target {target} (`{add}`)"));
    let output = Command::new("rustup").args(["target", "add", target]).current_dir(folder).output();
    let output =
        output.context("`rustup` could not be started; it comes from https://rustup.rs").with_context(advice)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(anyhow!("rustup ended with {}:\n{}", output.status, said.trim_end()).context(advice()));
    }
    Ok(())
}

fn has_target(target: &str, folder: &Path) -> Result<bool> {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", target]).current_dir(folder);
    let output = rustc.output().context("`rustc` could not be started; install Rust from https://rustup.rs")?;
    let libraries = String::from_utf8_lossy(&output.stdout);
    Ok(output.status.success() && Path::new(libraries.trim()).is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_is_read_from_the_command() {
        assert_eq!(rust_target("cargo build --target wasm32-wasip2 -p a"), Some("wasm32-wasip2"));
        assert_eq!(rust_target("cargo build --target=wasm32-wasip2"), Some("wasm32-wasip2"));
        assert_eq!(rust_target("cargo build --target-dir x --target wasm32-wasip2"), Some("wasm32-wasip2"));
        assert_eq!(rust_target("cargo build --target x86_64-unknown-linux-gnu"), None);
        assert_eq!(rust_target("cargo build"), None);
        assert_eq!(rust_target("make --target wasm32-wasip2"), None);
    }
}
