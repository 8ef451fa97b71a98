//! A PostgreSQL server of the tests' own, for those of the engine and those
//! through the binary. It is Debian's, on a free port, in a temporary folder.
//!
//! A shell looks after it and takes commands on its standard input. When that ends,
//! because the server is dropped or this process is gone, it stops the server and
//! removes the folder.
#![allow(dead_code, reason = "some of the tests that share this use only a part of it")]

use std::{
    collections::hash_map::RandomState,
    env, fs,
    hash::BuildHasher,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

/// A server, and a database for each test.
pub struct Server {
    shell: Mutex<Shell>,
    child: Child,
    port: u16,
    folder: PathBuf,
    databases: AtomicUsize,
}

/// The two ends of a conversation: a command, and one line as its answer.
struct Shell {
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// What looks after the server. Its arguments: the folder of the programs, and
/// settings of the server.
const SHELL: &str = r#"
umask 077
bin=$1
shift
folder=$(mktemp -d) && cd "$folder" || exit 1
echo secret > password
echo '*:*:*:*:secret' > passfile
"$bin/initdb" -D data -U postgres -A scram-sha-256 --pwfile=password --no-sync -E UTF8 --locale=C > log 2>&1 || cat log >&2
{
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=tests -keyout ca.key -out ca.pem
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout data/server.key -out server.csr
    echo subjectAltName=DNS:localhost > names
    openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out data/server.crt
} >> log 2>&1 || cat log >&2
echo "$folder"
while read -r command port; do
    case $command in
    start)
        rm -f data/postmaster.pid
        "$bin/postgres" -D data -p "$port" "$@" < /dev/null >> log 2>&1 &
        pid=$!
        until "$bin/pg_isready" -q -h 127.0.0.1 -p "$port" 2>> log; do
            kill -0 $pid 2> /dev/null || break
            sleep 0.02
        done
        kill -0 $pid 2> /dev/null && echo started || { tail -3 log >&2; echo failed; }
        ;;
    kill)
        children=$(ps -o pid= --ppid $pid)
        kill -KILL $pid $children 2> /dev/null
        wait $pid 2> /dev/null
        # They hold its memory and its port until they are gone.
        for child in $children; do while kill -0 $child 2> /dev/null; do sleep 0.02; done; done
        echo killed
        ;;
    freeze | thaw)
        signal=STOP
        [ $command = thaw ] && signal=CONT
        kill -$signal $pid $(ps -o pid= --ppid $pid)
        echo done
        ;;
    esac
done
kill -KILL $pid $(ps -o pid= --ppid $pid) 2> /dev/null
wait $pid 2> /dev/null
cd / && rm -rf "$folder"
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
            assert!(env::var("CI").as_deref() != Ok("true"), "PostgreSQL is not installed: apt-get install postgresql");
            // Not by a macro, whose output is not shown of a test that passes.
            let _ = writeln!(std::io::stderr(), "skipped: PostgreSQL is not installed (apt-get install postgresql)");
            return None;
        };
        let mut command = unprivileged();
        command.args(["sh", "-c", SHELL, "sh"]).arg(programs);
        let own = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "ssl=on", "max_connections=200"];
        for setting in own.iter().chain(settings) {
            command.args(["-c", setting]);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell starts");
        let commands = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("its output is piped"));
        let mut shell = Shell { commands, answers };
        let folder = PathBuf::from(shell.answer());
        let port = loop {
            let port = free_port();
            // Somebody may have taken it meanwhile.
            if shell.ask(&format!("start {port}")) == "started" {
                break port;
            }
        };
        Some(Server { shell: Mutex::new(shell), child, port, folder, databases: AtomicUsize::new(0) })
    }

    /// The URL of a new database.
    pub fn database(&self) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.psql("postgres", &format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// The URL of a database, over plain TCP, with the file of the right password.
    pub fn url(&self, database: &str) -> String {
        let (port, passfile) = (self.port, self.file("passfile"));
        format!("postgres://postgres@127.0.0.1:{port}/{database}?sslmode=disable&passfile={}", passfile.display())
    }

    /// What a database answers, a row a line.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        let mut psql = Command::new("psql");
        psql.env("PGPASSFILE", self.file("passfile")).args(["-h", "127.0.0.1", "-U", "postgres", "-qXAt"]);
        psql.args(["-v", "ON_ERROR_STOP=1", "-p", &self.port.to_string(), "-d", database, "-c", sql]);
        let output = psql.output().expect("psql starts");
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// A file of the server's folder: `passfile`, or `ca.pem`, who vouches for it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// End all its processes at once, as a crash would.
    pub fn kill(&self) {
        assert_eq!(self.ask("kill"), "killed");
    }

    /// Have it again after [`kill`](Self::kill), where it was.
    pub fn restart(&self) {
        assert_eq!(self.ask(&format!("start {}", self.port)), "started", "{}", self.log());
    }

    /// Stop all its processes, which keep their connections and answer nothing.
    pub fn freeze(&self) {
        self.ask("freeze");
    }

    /// Let it go on after [`freeze`](Self::freeze).
    pub fn thaw(&self) {
        self.ask("thaw");
    }

    /// What it logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.file("log")).unwrap_or_default()
    }

    fn ask(&self, command: &str) -> String {
        self.shell.lock().expect("no command panics").ask(command)
    }
}

impl Shell {
    fn ask(&mut self, command: &str) -> String {
        let commands = self.commands.as_mut().expect("it runs");
        writeln!(commands, "{command}").expect("the shell reads");
        self.answer()
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the shell answers");
        line.trim().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(shell) = self.shell.get_mut() {
            shell.commands = None;
        }
        let _ = self.child.wait();
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

/// A port below those that the system gives to whoever asks for any.
fn free_port() -> u16 {
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let ports = std::iter::repeat_with(|| 15_000 + (RandomState::new().hash_one(()) % 17_000) as u16);
    ports.take(1000).find(free).expect("a free port")
}
