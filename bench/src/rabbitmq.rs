//! A RabbitMQ server of a measurement's own: Debian's, on free ports, with all that it keeps
//! in a folder that is removed with it.

use std::{
    fs,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use amqprs::connection::{Connection, OpenConnectionArguments};
use anyhow::{Context, Result};

use crate::{
    folder::Folder,
    process::{Process, free_addresses},
};

/// Why there is none.
pub const MISSING: &str = "rabbitmq-server is not installed: apt-get install rabbitmq-server";

/// Where the package has it, in a folder with its version in its name.
const FOLDER: &str = "/usr/lib/rabbitmq/lib";
const NAME: &str = "rabbitmq_server-";

/// Who may do anything, from this machine, where nothing else is said.
const GUEST: &str = "guest";

/// One that is installed.
pub struct Installed(PathBuf);

/// One that runs.
pub struct RabbitMq {
    /// Where it listens.
    pub address: SocketAddr,
    _node: Process,
    // Erlang's daemon for names: no node is without one.
    _names: Process,
}

impl Installed {
    /// What the package has, if it is there.
    pub fn find() -> Option<Installed> {
        let found = fs::read_dir(FOLDER).ok()?.flatten().map(|entry| entry.path());
        found.filter(|folder| version(folder).is_some()).map(Installed).next()
    }

    /// Its name and version.
    pub fn version(&self) -> String {
        format!("RabbitMQ {}", version(&self.0).unwrap_or("unknown"))
    }

    /// Start it.
    pub async fn start(&self) -> Result<RabbitMq> {
        let [address, names, distribution] = free_addresses()?;
        let mut daemon = Command::new("epmd");
        daemon.args(["-address", "127.0.0.1", "-port", &names.port().to_string()]);
        let mut daemon = Process::start_quietly(&mut daemon, Arc::new(Folder::new()?))?;
        daemon.until_up("epmd", |_| TcpStream::connect(names).is_ok()).await?;

        let folder = Arc::new(Folder::new()?);
        let mut node = self.node(folder.path(), address, names, distribution)?;
        let mut node = Process::start_quietly(&mut node, folder)?;
        node.until_up("RabbitMQ", |node| node.said().contains("Server startup complete")).await?;
        Ok(RabbitMq { address, _node: node, _names: daemon })
    }

    /// The command of a node with everything in this folder.
    fn node(&self, folder: &Path, at: SocketAddr, names: SocketAddr, distribution: SocketAddr) -> Result<Command> {
        let (configuration, plugins) = (folder.join("rabbitmq.conf"), folder.join("plugins"));
        fs::write(&configuration, format!("listeners.tcp.1 = {at}\n"))?;
        fs::write(&plugins, "")?;
        // What Debian's command runs as a user of its own. Detached it is one process, the node.
        let mut node = Command::new(self.0.join("sbin/rabbitmq-server"));
        node.env("detached", "true").env("HOME", folder).current_dir(folder);
        node.env("ERL_EPMD_ADDRESS", "127.0.0.1").env("ERL_EPMD_PORT", names.port().to_string());
        node.env("RABBITMQ_DIST_PORT", distribution.port().to_string());
        node.env("RABBITMQ_NODENAME", format!("node{}@localhost", at.port()));
        node.env("RABBITMQ_MNESIA_BASE", folder.join("mnesia")).env("RABBITMQ_LOG_BASE", folder);
        node.env("RABBITMQ_LOGS", "-").env("RABBITMQ_PID_FILE", folder.join("pid"));
        node.env("RABBITMQ_CONFIG_FILE", &configuration).env("RABBITMQ_CONF_ENV_FILE", "/dev/null");
        node.env("RABBITMQ_ENABLED_PLUGINS_FILE", &plugins);
        let erlang = "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}";
        node.env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", erlang);
        Ok(node)
    }
}

/// Connect to one.
pub async fn connect(address: SocketAddr) -> Result<Connection> {
    let arguments = OpenConnectionArguments::new(&address.ip().to_string(), address.port(), GUEST, GUEST);
    Connection::open(&arguments).await.with_context(|| format!("there is no connection to RabbitMQ on {address}"))
}

/// The version in the folder's name.
fn version(folder: &Path) -> Option<&str> {
    folder.file_name()?.to_str()?.strip_prefix(NAME)
}
