//! A native shop, as a process of its own.

use std::{env, ffi::OsStr, io::BufRead, net::SocketAddr, path::PathBuf, process::Command, sync::Arc};

use anyhow::{Context, Result};
use clap::ValueEnum;

use super::Commit;
use crate::{folder::Folder, process::Process};

/// The database's name in the folder.
const DATABASE: &str = "shop.db";

/// One that serves.
pub struct Child {
    /// Where.
    pub gateway: SocketAddr,
    /// What serves.
    pub process: Process,
    folder: Arc<Folder>,
}

impl Child {
    /// Serve from a new database.
    pub fn durable(commit: Commit) -> Result<Child> {
        Child::from_database(commit, &[])
    }

    /// Serve from a new database, and keep a notice of each order by an outbox.
    pub fn telling(commit: Commit) -> Result<Child> {
        Child::from_database(commit, &["--outbox"])
    }

    /// Serve from a new database, and publish each order by a broker to [`EXCHANGE`](super::EXCHANGE).
    pub fn publishing(commit: Commit, broker: SocketAddr) -> Result<Child> {
        Child::from_database(commit, &["--broker", &broker.to_string()])
    }

    /// Serve what these arguments of `native` say.
    pub fn up(arguments: &[&str]) -> Result<Child> {
        Child::start(arguments, Arc::new(Folder::new()?))
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The database, where there is one.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join(DATABASE)
    }

    fn from_database(commit: Commit, options: &[&str]) -> Result<Child> {
        let folder = Arc::new(Folder::new()?);
        let commit = commit.to_possible_value().context("a way to commit without a name")?;
        let file = folder.path().join(DATABASE);
        let mut durable = vec![OsStr::new("durable"), "--commit".as_ref(), commit.get_name().as_ref(), file.as_ref()];
        durable.extend(options.iter().map(OsStr::new));
        Child::start(&durable, folder)
    }

    fn start(arguments: &[impl AsRef<OsStr>], folder: Arc<Folder>) -> Result<Child> {
        let mut command = Command::new(env::current_exe()?);
        let (process, mut output) = Process::start(command.arg("native").args(arguments), folder.clone())?;
        let mut address = String::new();
        output.read_line(&mut address)?;
        let gateway = address.trim().parse();
        let gateway = gateway.with_context(|| format!("the native shop ended before it served: {}", process.said()))?;
        Ok(Child { gateway, process, folder })
    }
}
