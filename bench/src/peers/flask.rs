//! The services of a tutorial: Flask, with Flask's own server, over REST.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
};

use anyhow::{Context, Result, ensure};

use super::peer::{Peer, Serving};
use crate::{
    folder::Folder,
    host,
    process::{Process, free_addresses},
    tools,
};

/// Python with what the services need.
#[derive(Clone)]
pub struct Flask {
    python: PathBuf,
}

impl Flask {
    /// From an environment of its own, which is made if it is not there.
    pub fn find() -> Result<Flask> {
        let (wanted, environment) = (source("requirements.txt"), host::root().join("bench/target/flask"));
        let (python, has) = (environment.join("bin/python"), environment.join("requirements.txt"));
        let wanted = fs::read_to_string(wanted)?;
        if fs::read_to_string(&has).is_ok_and(|has| has == wanted) {
            return Ok(Flask { python });
        }
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
        run(pip.arg(source("requirements.txt")))?;
        fs::write(has, wanted)?;
        Ok(Flask { python })
    }

    /// What serves.
    pub fn version(&self) -> Option<String> {
        let wanted = fs::read_to_string(source("requirements.txt")).ok()?;
        let flask = wanted.lines().find_map(|line| line.strip_prefix("flask=="))?;
        Some(format!("Flask {flask} on {}", tools::version(&self.python)?))
    }

    /// The user service.
    pub fn user(&self, name: &'static str) -> Peer {
        let python = self.clone();
        Peer::new(name, move || {
            let [gateway] = free_addresses()?;
            Ok(Serving { gateway, processes: vec![python.serve("user.py", &[gateway.port()])?] })
        })
    }

    /// The order service, and the user service that it asks.
    pub fn order(&self, name: &'static str) -> Peer {
        let python = self.clone();
        Peer::new(name, move || {
            let [gateway, users] = free_addresses()?;
            let user = python.serve("user.py", &[users.port()])?;
            let order = python.serve("order.py", &[gateway.port(), users.port()])?;
            Ok(Serving { gateway, processes: vec![order, user] })
        })
    }

    fn serve(&self, service: &str, ports: &[u16]) -> Result<Process> {
        let mut command = Command::new(&self.python);
        command.arg(source(service)).args(ports.iter().map(u16::to_string));
        // No proxy leads to this machine.
        command.env("NO_PROXY", "*");
        Process::start_quietly(&mut command, Arc::new(Folder::new()?))
    }
}

fn source(name: &str) -> PathBuf {
    host::root().join("bench/peers/flask").join(name)
}

/// Run it to its end; what it says is part of the error.
fn run(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("{} could not be started", command.get_program().display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().last().unwrap_or_default();
    ensure!(output.status.success(), "{} failed: {last}", command.get_program().display());
    Ok(())
}
