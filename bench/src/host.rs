//! A host that is measured: built, started on free ports with a folder of its own,
//! and stopped when it is dropped.

use std::{
    fs,
    io::BufRead,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, OnceLock},
};

use anyhow::{Context, Result, bail};

use crate::{command, folder::Folder, process::Process};

/// The binary that is measured in place of the one that is built here.
static GIVEN: OnceLock<PathBuf> = OnceLock::new();

/// An app in a folder of its own, where it can be started again and again.
#[derive(Clone)]
pub struct App {
    folder: Arc<Folder>,
}

/// A `dovetail up` that serves.
pub struct Host {
    /// Where it serves.
    pub gateway: SocketAddr,
    /// Where its admin API is.
    pub admin: SocketAddr,
    /// What serves.
    pub process: Process,
}

/// Measure this binary, and build none.
pub fn give(host: PathBuf) -> Result<()> {
    let host = fs::canonicalize(&host).with_context(|| format!("there is no host {}", host.display()))?;
    // Given once, by the command line.
    let _ = GIVEN.set(host);
    Ok(())
}

/// Whether another is measured than the one of this commit.
pub fn is_given() -> bool {
    GIVEN.get().is_some()
}

/// Build the host and the shop's components, and show how that goes.
pub fn build() -> Result<()> {
    build_with(&[])
}

/// The same with these of the host's cargo features, which a host that is given must have.
pub fn build_with(features: &[&str]) -> Result<()> {
    if !is_given() {
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--locked", "--profile", "dist", "--target-dir", "target"]);
        command::run(cargo.args(features.iter().flat_map(|feature| ["--features", feature])))?;
    }
    command::run(dovetail().arg("build"))
}

/// A component of the shop.
pub fn component(name: &str) -> Result<Vec<u8>> {
    let file = root().join(format!("components/target/wasm32-wasip2/release/{name}.wasm"));
    fs::read(&file).with_context(|| format!("{} could not be read", file.display()))
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

impl App {
    /// An app with this manifest.
    pub fn new(manifest: &str) -> Result<App> {
        let app = App { folder: Arc::new(Folder::new()?) };
        fs::write(app.manifest(), manifest)?;
        Ok(app)
    }

    /// Serve it with its data in this store.
    pub fn up(&self, store: &str) -> Result<Host> {
        let mut up = dovetail();
        up.args(["up", "--store", store, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--manifest"]);
        let (process, output) = Process::start(up.arg(self.manifest()), self.folder.clone())?;
        match addresses(output) {
            Ok((gateway, admin)) => Ok(Host { gateway, admin, process }),
            Err(error) => Err(error.context(process.said())),
        }
    }

    /// Compose it for other hosts: the component's file.
    pub fn compose(&self, arguments: &[&str]) -> Result<PathBuf> {
        let file = self.folder.path().join("composed.wasm");
        let mut compose = dovetail();
        compose.arg("compose").args(arguments).arg("--manifest").arg(self.manifest()).arg("-o").arg(&file);
        let output = compose.output()?;
        if !output.status.success() {
            bail!("{compose:?} failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(file)
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A store on the disk that is the app's alone.
    pub fn file_store(&self) -> String {
        format!("sqlite:{}", self.database().display())
    }

    /// The file of that store.
    pub fn database(&self) -> PathBuf {
        self.path().join("app.db")
    }

    fn manifest(&self) -> PathBuf {
        self.folder.path().join("dovetail.toml")
    }
}

impl Host {
    /// Serve the shop with its data in this store.
    pub fn up(store: &str) -> Result<Host> {
        App::new(&shop()?)?.up(store)
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }
}

/// Where it says that it serves.
fn addresses(output: impl BufRead) -> Result<(SocketAddr, SocketAddr)> {
    let (mut gateway, mut admin) = (None, None);
    for line in output.lines() {
        let line = line?;
        let Some((_, address)) = line.split_once("://") else { continue };
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
fn dovetail() -> Command {
    let built = || root().join("target/dist/dovetail");
    let mut command = Command::new(GIVEN.get().cloned().unwrap_or_else(built));
    command.env_remove("DOVETAIL_LOG").env_remove("RUST_BACKTRACE").current_dir(root());
    command
}

/// The repository.
pub fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}
