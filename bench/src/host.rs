//! A host of the shop that is measured: built, started on free ports with a
//! folder of its own, and stopped when it is dropped.

use std::{
    fs::{self, File},
    io::BufRead,
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{folder::Folder, process::Process};

/// A `dovetail up` that serves.
pub struct Host {
    /// Where it serves.
    pub gateway: SocketAddr,
    /// Where its admin API is.
    pub admin: SocketAddr,
    // Before its folder, for it writes there until it ends.
    process: Process,
    _folder: Option<Folder>,
}

/// Build the host and the shop's components, and show how that goes.
pub fn build() -> Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--locked", "--release", "--target-dir", "target"]);
    run(&mut cargo)?;
    run(command().arg("build"))
}

/// A component of the shop.
pub fn component(name: &str) -> Result<Vec<u8>> {
    let file = root().join(format!("components/target/wasm32-wasip2/release/{name}.wasm"));
    fs::read(&file).with_context(|| format!("{} could not be read", file.display()))
}

impl Host {
    /// Serve the shop with its data in this store.
    pub fn up(store: &str) -> Result<Host> {
        let folder = Folder::new()?;
        fs::write(folder.path().join("dovetail.toml"), shop()?)?;
        let host = Host::start(folder.path(), &["--store", store])?;
        Ok(Host { _folder: Some(folder), ..host })
    }

    /// Serve the manifest in a folder that outlives it.
    pub fn up_in(folder: &Path) -> Result<Host> {
        Host::start(folder, &[])
    }

    fn start(folder: &Path, more: &[&str]) -> Result<Host> {
        let log = folder.join("log");
        let mut up = command();
        up.args(["up", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--manifest"]);
        up.arg(folder.join("dovetail.toml")).args(more).stderr(File::create(&log)?);
        let (process, output) = Process::start(&mut up)?;
        match addresses(output) {
            Ok((gateway, admin)) => Ok(Host { gateway, admin, process, _folder: None }),
            Err(error) => Err(error.context(fs::read_to_string(log).unwrap_or_default())),
        }
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }
}

/// The repository's manifest, for another folder: its components are found where
/// they are, and have been built.
pub fn shop() -> Result<String> {
    let manifest = fs::read_to_string(root().join("dovetail.toml"))?;
    let lines = manifest.lines().filter(|line| !line.starts_with("build = ") && !line.starts_with("watch = "));
    let lines = lines.map(|line| match line.strip_prefix("component = \"") {
        Some(path) => format!("component = \"{}/{path}\n", root().display()),
        None => format!("{line}\n"),
    });
    Ok(lines.collect())
}

/// Where it says that it serves.
fn addresses(output: impl BufRead) -> Result<(SocketAddr, SocketAddr)> {
    let (mut gateway, mut admin) = (None, None);
    for line in output.lines() {
        let line = line?;
        let Some((_, address)) = line.split_once("http://") else { continue };
        match line.split_whitespace().next() {
            Some("Admin") => admin = Some(address.parse()?),
            Some("Serving") => gateway = Some(address.parse()?),
            _ => {}
        }
        if let (Some(gateway), Some(admin)) = (gateway, admin) {
            return Ok((gateway, admin));
        }
    }
    bail!("the host ended before it served")
}

/// The command that was built, with nothing in its environment that would change
/// what it does.
fn command() -> Command {
    let mut command = Command::new(root().join("target/release/dovetail"));
    command.env_remove("DOVETAIL_LOG").env_remove("RUST_BACKTRACE").current_dir(root()).stdin(Stdio::null());
    command
}

/// Run a command from the repository, and show how that goes.
pub fn run(command: &mut Command) -> Result<()> {
    // What `cargo run` says of this package would have some dependencies of the
    // host built again, each time.
    for (name, _) in std::env::vars_os() {
        if ["CARGO_MANIFEST_", "CARGO_PKG_"].iter().any(|own| name.as_encoded_bytes().starts_with(own.as_bytes())) {
            command.env_remove(name);
        }
    }
    let status = command.current_dir(root()).status();
    let status = status.with_context(|| format!("{} could not be started", command.get_program().display()))?;
    ensure!(status.success(), "{command:?} failed: {status}");
    Ok(())
}

/// The repository.
pub fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}
