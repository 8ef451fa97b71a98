//! A Redis server of the tests' own, for those of the engine and those through the
//! binary.
#![allow(dead_code, reason = "some of the tests that share this use only a part of it")]

use std::{env, ops::Deref, process::Command, sync::OnceLock};

use super::daemon::{self, Daemon};

/// A server, and a database for each test.
pub struct Server {
    daemon: Daemon,
    is_encrypted: bool,
}

/// How it is made. The arguments: `plain` or `tls`, and its settings.
const FUNCTIONS: &str = r#"
prepare() {
    echo secret > passfile
    [ "$1" = plain ] || certificates
    shift
    for setting; do echo "$setting"; done > settings
}
serve() {
    if [ "$2" = plain ]; then
        set -- --port "$1"
    else
        set -- --port 0 --tls-port "$1" --tls-cert-file server.crt --tls-key-file server.key \
            --tls-ca-cert-file ca.pem --tls-auth-clients no
    fi
    exec redis-server settings --bind 127.0.0.1 --requirepass secret "$@"
}
answers() {
    if [ "$2" = plain ]; then set -- -p "$1"; else set -- -p "$1" -h localhost --tls --cacert ca.pem; fi
    [ "$(REDISCLI_AUTH=secret redis-cli "$@" ping)" = PONG ]
}
"#;

impl Server {
    /// A server that keeps nothing, for all tests of this process that only need one;
    /// none where Redis is not installed.
    pub fn shared() -> Option<&'static Server> {
        static SHARED: OnceLock<Option<Server>> = OnceLock::new();
        SHARED.get_or_init(|| Server::start(&["save \"\"", "databases 100"])).as_ref()
    }

    /// A server that has synced what it answers.
    pub fn durable() -> Option<Server> {
        Server::start(&["appendonly yes", "appendfsync always"])
    }

    /// A server with these settings; none, and a line that says so, where Redis is
    /// not installed.
    pub fn start(settings: &[&str]) -> Option<Server> {
        Server::of_kind("plain", settings)
    }

    /// A server that keeps nothing, and talks over TLS alone, with a certificate for
    /// localhost.
    pub fn encrypted() -> Option<Server> {
        Server::of_kind("tls", &["save \"\""])
    }

    fn of_kind(kind: &str, settings: &[&str]) -> Option<Server> {
        let path = env::var_os("PATH").unwrap_or_default();
        let has = |program: &str| env::split_paths(&path).any(|folder| folder.join(program).is_file());
        if !has("redis-server") || !has("redis-cli") || !has("openssl") {
            daemon::is_missing("Redis", "redis-server openssl");
            return None;
        }
        let daemon = Daemon::start(Command::new("env"), FUNCTIONS, &[&[kind], settings].concat());
        Some(Server { daemon, is_encrypted: kind == "tls" })
    }

    /// The URL of a database that nobody used, with the file of the right password.
    pub fn database(&self) -> String {
        self.url(self.next_database())
    }

    /// The URL of a database.
    pub fn url(&self, database: usize) -> String {
        let (port, passfile) = (self.port(), self.file("passfile"));
        let passfile = passfile.display();
        match self.is_encrypted {
            false => format!("redis://127.0.0.1:{port}/{database}?passfile={passfile}"),
            true => {
                let root = self.file("ca.pem");
                format!("rediss://localhost:{port}/{database}?passfile={passfile}&sslrootcert={}", root.display())
            }
        }
    }

    /// What the server answers a command about its first database, over plain TCP.
    pub fn cli(&self, arguments: &[&str]) -> String {
        let mut cli = Command::new("redis-cli");
        cli.env("REDISCLI_AUTH", "secret").args(["-p", &self.port().to_string()]).args(arguments);
        let output = cli.output().expect("redis-cli starts");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Deref for Server {
    type Target = Daemon;

    fn deref(&self) -> &Daemon {
        &self.daemon
    }
}
