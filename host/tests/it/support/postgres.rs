//! A PostgreSQL server of the tests' own, for those of the engine and those through the
//! binary.
#![allow(dead_code, reason = "some of the tests that share this use only a part of it")]

use std::{
    fs,
    ops::Deref,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use super::daemon::{self, Daemon};

/// A server, and a database for each test.
pub struct Server(Daemon);

/// How it is made. The arguments: the folder of its programs, and its settings.
const FUNCTIONS: &str = r#"
prepare() {
    echo secret > password
    echo '*:*:*:*:secret' > passfile
    certificates
    "$1/initdb" -D data -U postgres -A scram-sha-256 --pwfile=password --no-sync -E UTF8 --locale=C
}
serve() {
    rm -f data/postmaster.pid
    port=$1 bin=$2
    shift 2
    exec "$bin/postgres" -D data -p "$port" "$@"
}
answers() {
    "$2/pg_isready" -q -h 127.0.0.1 -p "$1"
}
"#;

impl Server {
    /// A server that forgets what it wrote when its machine crashes, for all tests of
    /// this process that only need one; none where PostgreSQL is not installed.
    pub fn shared() -> Option<&'static Server> {
        static SHARED: OnceLock<Option<Server>> = OnceLock::new();
        SHARED.get_or_init(|| Server::start(&["fsync=off"])).as_ref()
    }

    /// A server with these settings; none, and a line that says so, where PostgreSQL
    /// is not installed.
    pub fn start(settings: &[&str]) -> Option<Server> {
        let Some(programs) = programs() else {
            daemon::is_missing("PostgreSQL", "postgresql openssl");
            return None;
        };
        let own = [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "ssl=on",
            "ssl_cert_file=../server.crt",
            "ssl_key_file=../server.key",
            "max_connections=200",
        ];
        let programs = programs.display().to_string();
        let mut arguments = vec![programs.as_str()];
        arguments.extend(own.iter().chain(settings).flat_map(|setting| ["-c", setting]));
        Some(Server(Daemon::start(unprivileged(), FUNCTIONS, &arguments)))
    }

    /// The URL of a new database.
    pub fn database(&self) -> String {
        let name = format!("test{}", self.next_database());
        self.psql("postgres", &format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// The URL of a database, over plain TCP, with the file of the right password.
    pub fn url(&self, database: &str) -> String {
        let (port, passfile) = (self.port(), self.file("passfile"));
        format!("postgres://postgres@127.0.0.1:{port}/{database}?sslmode=disable&passfile={}", passfile.display())
    }

    /// What a database answers, a row a line.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        let mut psql = Command::new("psql");
        psql.env("PGPASSFILE", self.file("passfile")).args(["-h", "127.0.0.1", "-U", "postgres", "-qXAt"]);
        psql.args(["-v", "ON_ERROR_STOP=1", "-p", &self.port().to_string(), "-d", database, "-c", sql]);
        let output = psql.output().expect("psql starts");
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Deref for Server {
    type Target = Daemon;

    fn deref(&self) -> &Daemon {
        &self.0
    }
}

/// The newest version's programs, which Debian keeps off the PATH.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let folders = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
    folders.filter(|folder| folder.join("initdb").exists() && folder.join("postgres").exists()).max()
}

/// A command as a user who is not root: PostgreSQL refuses to run as root.
fn unprivileged() -> Command {
    let root = fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    if !root {
        return Command::new("env");
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "env", "HOME=/nonexistent"]);
    command.current_dir(Path::new("/"));
    command
}
