//! A server of the tests' own, Debian's, on a free port, in a temporary folder.
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
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::certificates;

/// A server, and a database for each test.
pub struct Daemon {
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

/// What looks after the server. The kind of server is told by three functions that stand
/// before it, which get its arguments: `prepare` fills the folder, `serve PORT` becomes
/// the server, and `answers PORT` says whether it takes connections. A fourth, `settle`, may wait
/// for what the server is to have written before it is killed.
const SHELL: &str = r#"
# A certificate for localhost, and who vouches for it.
certificates() {
    authority ca
    certificate server DNS:localhost
}
umask 077
folder=$(mktemp -d) && cd "$folder" || exit 1
prepare "$@" > log 2>&1 || cat log >&2
echo "$folder"
while read -r command port; do
    case $command in
    start)
        serve "$port" "$@" < /dev/null >> log 2>&1 &
        pid=$!
        until answers "$port" "$@" 2>> log; do
            kill -0 $pid 2> /dev/null || break
            sleep 0.02
        done
        kill -0 $pid 2> /dev/null && echo started || { tail -3 log >&2; echo failed; }
        ;;
    kill)
        command -v settle > /dev/null && settle
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

impl Daemon {
    /// Start a server of the kind that these functions tell, with these arguments. The
    /// shell is run by this command.
    pub fn start(mut command: Command, functions: &str, arguments: &[&str]) -> Daemon {
        command.args(["sh", "-c", &format!("{}{functions}{SHELL}", certificates::FUNCTIONS), "sh"]).args(arguments);
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
        Daemon { shell: Mutex::new(shell), child, port, folder, databases: AtomicUsize::new(0) }
    }

    /// The number of a database that nobody used.
    pub fn next_database(&self) -> usize {
        self.databases.fetch_add(1, Ordering::Relaxed)
    }

    /// A file of its folder.
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

/// Say that a server is not installed, and how to; with `CI=true` fail instead.
pub fn is_missing(name: &str, packages: &str) {
    let why = format!("{name} is not installed (apt-get install {packages})");
    assert!(env::var("CI").as_deref() != Ok("true"), "{why}");
    // Not by a macro, whose output is not shown of a test that passes.
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
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

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Ok(shell) = self.shell.get_mut() {
            shell.commands = None;
        }
        let _ = self.child.wait();
    }
}

/// A port below those that the system gives to whoever asks for any.
fn free_port() -> u16 {
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let ports = std::iter::repeat_with(|| 15_000 + (RandomState::new().hash_one(()) % 17_000) as u16);
    ports.take(1000).find(free).expect("a free port")
}
