//! A Redis server of the tests' own, for those of the engine and those through the
//! binary. It is Debian's, on a free port, in a temporary folder.
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
    path::PathBuf,
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

/// What looks after the server. Its arguments are settings.
const SHELL: &str = r#"
umask 077
folder=$(mktemp -d) && cd "$folder" || exit 1
echo secret > passfile
for setting; do echo "$setting"; done > settings
echo "$folder"
while read -r command port; do
    case $command in
    start)
        redis-server settings --bind 127.0.0.1 --port "$port" --requirepass secret < /dev/null >> log 2>&1 &
        pid=$!
        until [ "$(REDISCLI_AUTH=secret redis-cli -p "$port" ping 2>> log)" = PONG ]; do
            kill -0 $pid 2> /dev/null || break
            sleep 0.02
        done
        kill -0 $pid 2> /dev/null && echo started || { tail -3 log >&2; echo failed; }
        ;;
    kill)
        kill -KILL $pid
        wait $pid 2> /dev/null
        echo killed
        ;;
    freeze) kill -STOP $pid && echo done ;;
    thaw) kill -CONT $pid && echo done ;;
    esac
done
kill -KILL $pid 2> /dev/null
wait $pid 2> /dev/null
cd / && rm -rf "$folder"
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
        if !is_installed() {
            assert!(env::var("CI").as_deref() != Ok("true"), "Redis is not installed: apt-get install redis-server");
            // Not by a macro, whose output is not shown of a test that passes.
            let _ = writeln!(std::io::stderr(), "skipped: Redis is not installed (apt-get install redis-server)");
            return None;
        }
        let mut command = Command::new("sh");
        command.args(["-c", SHELL, "sh"]).args(settings).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("a shell starts");
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

    /// The URL of a database that nobody used, with the file of the right password.
    pub fn database(&self) -> String {
        self.url(self.databases.fetch_add(1, Ordering::Relaxed))
    }

    /// The URL of a database.
    pub fn url(&self, database: usize) -> String {
        let (port, passfile) = (self.port, self.file("passfile"));
        format!("redis://127.0.0.1:{port}/{database}?passfile={}", passfile.display())
    }

    /// What the server answers a command about its first database.
    pub fn cli(&self, arguments: &[&str]) -> String {
        let mut cli = Command::new("redis-cli");
        cli.env("REDISCLI_AUTH", "secret").args(["-p", &self.port.to_string()]).args(arguments);
        let output = cli.output().expect("redis-cli starts");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// A file of the server's folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// End it at once, as a crash would.
    pub fn kill(&self) {
        assert_eq!(self.ask("kill"), "killed");
    }

    /// Have it again after [`kill`](Self::kill), where it was.
    pub fn restart(&self) {
        let log = || fs::read_to_string(self.file("log")).unwrap_or_default();
        assert_eq!(self.ask(&format!("start {}", self.port)), "started", "{}", log());
    }

    /// Stop it, with its connections, which it keeps and does not answer.
    pub fn freeze(&self) {
        self.ask("freeze");
    }

    /// Let it go on after [`freeze`](Self::freeze).
    pub fn thaw(&self) {
        self.ask("thaw");
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

fn is_installed() -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let has = |program: &str| env::split_paths(&path).any(|folder| folder.join(program).is_file());
    has("redis-server") && has("redis-cli")
}

/// A port below those that the system gives to whoever asks for any.
fn free_port() -> u16 {
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let ports = std::iter::repeat_with(|| 15_000 + (RandomState::new().hash_one(()) % 17_000) as u16);
    ports.take(1000).find(free).expect("a free port")
}
