//! A native shop, as a process of its own.

use std::{env, ffi::OsStr, io::BufRead, net::SocketAddr, process::Command, sync::Arc};

use anyhow::{Context, Result};
use clap::ValueEnum;

use super::Commit;
use crate::{folder::Folder, process::Process};

/// One that serves.
pub struct Child {
    /// Where.
    pub gateway: SocketAddr,
    /// What serves.
    pub process: Process,
}

impl Child {
    /// Serve from a new database.
    pub fn durable(commit: Commit) -> Result<Child> {
        let folder = Arc::new(Folder::new()?);
        let commit = commit.to_possible_value().context("a way to commit without a name")?;
        let file = folder.path().join("shop.db");
        let durable = [OsStr::new("durable"), "--commit".as_ref(), commit.get_name().as_ref(), file.as_ref()];
        Child::start(&durable, folder)
    }

    /// Serve what these arguments of `native` say.
    pub fn up(arguments: &[&str]) -> Result<Child> {
        Child::start(arguments, Arc::new(Folder::new()?))
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    fn start(arguments: &[impl AsRef<OsStr>], folder: Arc<Folder>) -> Result<Child> {
        let mut command = Command::new(env::current_exe()?);
        let (process, mut output) = Process::start(command.arg("native").args(arguments), folder)?;
        let mut address = String::new();
        output.read_line(&mut address)?;
        let gateway = address.trim().parse();
        let gateway = gateway.with_context(|| format!("the native shop ended before it served: {}", process.said()))?;
        Ok(Child { gateway, process })
    }
}
