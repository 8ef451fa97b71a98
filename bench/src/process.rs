//! A server that is measured.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use tokio::time::sleep;

use crate::folder::Folder;

/// How long one may take until it serves, and how often it is looked whether it does.
const PATIENCE: Duration = Duration::from_secs(60);
const PACE: Duration = Duration::from_millis(20);

/// Killed when it is dropped, for nothing that it has is to be kept.
pub struct Process {
    child: Child,
    log: PathBuf,
    // There until the process has ended, for it writes there.
    _folder: Arc<Folder>,
}

/// Different addresses that nobody listens on, for servers that do not tell the ports that
/// they were given.
pub fn free_addresses<const COUNT: usize>() -> Result<[SocketAddr; COUNT]> {
    // All at once, for one that is let go may be given again.
    let mut taken = Vec::new();
    let mut addresses = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)); COUNT];
    for address in &mut addresses {
        let listener = TcpListener::bind(*address)?;
        *address = listener.local_addr()?;
        taken.push(listener);
    }
    Ok(addresses)
}

impl Process {
    /// Start one that says on its output where it serves; the output comes with it.
    pub fn start(command: &mut Command, folder: Arc<Folder>) -> Result<(Process, impl BufRead + use<>)> {
        let log = folder.path().join("log");
        let command = command.stdout(Stdio::piped()).stderr(File::create(&log)?);
        let mut process = Process::spawn(command, folder, log)?;
        let Some(output) = process.child.stdout.take() else { bail!("a server without output") };
        Ok((process, BufReader::new(output)))
    }

    /// Start one that serves where it was told to.
    pub fn start_quietly(command: &mut Command, folder: Arc<Folder>) -> Result<Process> {
        let path = folder.path().join("log");
        let log = File::create(&path)?;
        Process::spawn(command.stdout(log.try_clone()?).stderr(log), folder, path)
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it said of what went wrong.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Wait until it serves, which is looked for again and again, for it tells nobody.
    pub async fn until_up(&mut self, name: &str, is_up: impl Fn(&Process) -> bool) -> Result<()> {
        let since = Instant::now();
        while !is_up(self) {
            ensure!(!self.has_ended(), "{name} ended before it served: {}", self.said());
            ensure!(since.elapsed() < PATIENCE, "{name} does not serve yet: {}", self.said());
            sleep(PACE).await;
        }
        Ok(())
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    fn spawn(command: &mut Command, folder: Arc<Folder>, log: PathBuf) -> Result<Process> {
        // With it servers in Rust would unwind their errors, which nobody reads.
        let child = command.env_remove("RUST_BACKTRACE").stdin(Stdio::null()).spawn();
        let child = child.with_context(|| format!("{} could not be started", command.get_program().display()))?;
        Ok(Process { child, log, _folder: folder })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It fails only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
