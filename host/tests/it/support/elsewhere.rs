//! Hosts of others, which serve what was composed.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use tempfile::TempDir;

use super::{Client, Output, Running, tools};

/// Another host that serves one component. Killed when it is dropped.
pub struct Elsewhere {
    running: Running,
    /// Where it serves.
    pub address: SocketAddr,
    output: Arc<Output>,
    /// What it needs on the disk while it runs.
    _folder: Option<TempDir>,
}

impl Elsewhere {
    /// `wasmtime serve` with these options; nothing where there is no wasmtime.
    pub fn wasmtime(component: &Path, options: &[&str]) -> Option<Elsewhere> {
        let mut command = Command::new(tools::find("wasmtime")?);
        command.args(["serve", "--addr", "127.0.0.1:0"]).args(options).arg(component);
        Some(Elsewhere::start(&mut command, "Serving HTTP on http://", None))
    }

    /// wasmCloud's `wash dev`; nothing where there is no wash.
    pub fn wash(component: &Path) -> Option<Elsewhere> {
        let wash = tools::find("wash")?;
        // It tells the port that it was given, not the one it has.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = format!(
            "build:\n  command: \"true\"\n  component_path: {}\ndev:\n  address: {port}\n",
            component.display()
        );
        fs::create_dir(folder.path().join(".wash")).expect("it can be made");
        fs::write(folder.path().join(".wash/config.yaml"), config).expect("it can be written");
        let mut command = Command::new(wash);
        command.args(["--non-interactive", "-C"]).arg(folder.path()).arg("dev").env("HOME", folder.path());
        Some(Elsewhere::start(&mut command, "listening for HTTP requests address=http://", Some(folder)))
    }

    fn start(command: &mut Command, serves: &str, folder: Option<TempDir>) -> Elsewhere {
        command.env("NO_COLOR", "1").env_remove("RUST_BACKTRACE").stdin(Stdio::null());
        let mut running = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        let output = Arc::<Output>::default();
        output.clone().gather(running.0.stderr.take().expect("stderr is piped"));
        output.clone().gather(running.0.stdout.take().expect("stdout is piped"));
        let line = output.wait_for(serves);
        let (_, address) = line.split_once("http://").expect("the line has an address");
        let address = address.trim_end_matches('/').parse().expect("an address");
        Elsewhere { running, address, output, _folder: folder }
    }

    /// A connection that is kept alive.
    pub async fn connect(&self) -> Client {
        Client::http1(self.address).await
    }

    /// End it at once, whatever it does.
    pub fn kill(mut self) {
        self.running.0.kill().expect("it runs");
        self.running.ended();
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let lines = self.output.lines.lock().expect("no reader panics");
            eprintln!("--- the other host printed:\n{}", lines.join("\n"));
        }
    }
}
