//! The peer, as a process of its own.

use std::{env, fs::File, io::BufRead, net::SocketAddr, process::Command};

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::{folder::Folder, peer::Commit, process::Process};

/// A native shop that serves.
pub struct Peer {
    /// Where.
    pub gateway: SocketAddr,
    // Before its folder, for it writes there until it ends.
    process: Process,
    _folder: Folder,
}

impl Peer {
    /// Serve from a new database.
    pub fn up(commit: Commit) -> Result<Peer> {
        let folder = Folder::new()?;
        let commit = commit.to_possible_value().context("a way to commit without a name")?;
        let mut command = Command::new(env::current_exe()?);
        command.args(["peer", "--commit", commit.get_name()]).arg(folder.path().join("shop.db"));
        command.env_remove("RUST_BACKTRACE").stderr(File::create(folder.path().join("log"))?);
        let (process, mut output) = Process::start(&mut command)?;
        let mut address = String::new();
        output.read_line(&mut address)?;
        let gateway = address.trim().parse();
        let said = || std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        let gateway = gateway.with_context(|| format!("the peer ended before it served: {}", said()))?;
        Ok(Peer { gateway, process, _folder: folder })
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }
}
