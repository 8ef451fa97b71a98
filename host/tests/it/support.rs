//! Starting the real binary on free ports, and talking to it over HTTP.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, OnceLock},
    time::{Duration, Instant},
};

use tempfile::TempDir;

pub use self::{
    client::{Answer, Body, Client, pieces, post, request},
    load::Load,
    upload::Upload,
};

pub mod admin;
pub mod broker;
pub mod certificates;
mod client;
pub mod clock;
pub mod composed;
pub mod daemon;
pub mod disk;
pub mod elsewhere;
pub mod example;
pub mod issuer;
pub mod kafka;
pub mod load;
pub mod made;
pub mod mount;
pub mod nats;
pub mod objects;
pub mod pebble;
pub mod peer;
pub mod postgres;
mod preload;
pub mod rabbitmq;
pub mod raw;
pub mod raw_http2;
pub mod redis;
pub mod registry;
pub mod secure;
pub mod server;
pub mod shop_table;
pub mod tokens;
pub mod tools;
mod upload;

/// How long anything that is awaited may take before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running command. Killed when it is dropped.
pub struct Running(Child);

/// A `dovetail up` that serves.
pub struct Host {
    running: Running,
    /// Where it serves.
    pub gateway: SocketAddr,
    /// Where its admin API is.
    pub admin: SocketAddr,
    /// All that it printed, standard output and error.
    output: Arc<Output>,
}

#[derive(Default)]
struct Output {
    lines: Mutex<Vec<String>>,
    grown: Condvar,
}

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is in a folder of the repository")
}

/// The command under test.
pub fn dovetail() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dovetail"));
    command.env_remove("DOVETAIL_LOG").env_remove("RUST_BACKTRACE").stdin(Stdio::null());
    command
}

/// The command that serves a folder's manifest on free ports.
pub fn up(folder: &Path) -> Command {
    let mut command = dovetail();
    command.args(["up", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--manifest"]);
    command.arg(folder.join("dovetail.toml"));
    command
}

/// The components that are built for the tests.
const COMPONENTS: [&str; 22] = [
    "user",
    "order",
    "notices",
    "guest",
    "relay",
    "faulty_directory",
    "guest_async",
    "user_async",
    "asker",
    "later",
    "worker",
    "worker_async",
    "told",
    "told_async",
    "ticked",
    "emitter",
    "postman",
    "recorder",
    "repeater",
    "decider",
    "introduced",
    "authorizer",
];

/// The component that does what it is told to, in WASI 0.2 and in 0.3: what is true
/// of a call is true of either.
pub const GUESTS: [&str; 2] = ["guest", "guest_async"];

/// The file of one of [`COMPONENTS`]. The first call builds them all, by `dovetail
/// build`.
pub fn component(name: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    let folder = root().join("components/target/wasm32-wasip2/release");
    BUILT.get_or_init(|| {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/components.toml");
        let output = dovetail().arg("build").arg("--manifest").arg(manifest).output().expect("dovetail starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    });
    folder.join(format!("{name}.wasm"))
}

/// A folder with a manifest in it. `{name}` in the text stands for the file of
/// that component, for each of those that [`component`] knows.
pub fn app(manifest: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_manifest(folder.path(), manifest);
    folder
}

/// Write or replace the manifest of a folder: see [`app`].
pub fn write_manifest(folder: &Path, manifest: &str) {
    let mut text = manifest.replace("{root}", &root().display().to_string());
    for name in COMPONENTS {
        text = text.replace(&format!("{{{name}}}"), &component(name).display().to_string());
    }
    std::fs::write(folder.join("dovetail.toml"), text).expect("the manifest can be written");
}

/// The shop's manifest: the repository's own, with its components built already.
pub fn shop() -> TempDir {
    app(SHOP)
}

/// A folder with [`PLAIN`] and more of a manifest.
pub fn plain(more: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("dovetail.toml"), format!("{PLAIN}{more}")).expect("a manifest can be written");
    let component = wat::parse_str("(component)").expect("a component");
    std::fs::write(folder.path().join("plain.wasm"), component).expect("a component can be written");
    folder
}

/// Ask until the answer is yes, for at most [`PATIENCE`].
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < end, "waited in vain until {what}");
    }
}

/// How many rounds a test makes that can make more: so many, or as many as `ROUNDS` says.
/// The more there are, the more of what happens seldom is seen.
pub fn rounds(usual: u64) -> u64 {
    let told = std::env::var("ROUNDS").ok();
    told.map_or(usual, |told| told.parse().expect("ROUNDS is a number"))
}

/// An app of one component that does nothing, which compiles in no time. More
/// keys of its service may follow.
pub const PLAIN: &str = "[app]\nname = \"plain\"\n[service.plain]\ncomponent = \"plain.wasm\"\n";

/// See [`shop`]. More services may follow it.
pub const SHOP: &str = r#"
[app]
name = "shop"
[event."shop:orders/events@0.1.0"]
subscribers = ["notices"]
key = "order.user-id"
[service.notices]
component = "{notices}"
routes = ["/notices"]
openapi = "{root}/components/notices/openapi.json"
buckets = ["notices"]
atomic = true
[service.user]
component = "{user}"
routes = ["/users", "/users/{id}"]
openapi = "{root}/components/user/openapi.json"
buckets = ["users"]
atomic = true
[service.order]
component = "{order}"
routes = ["/orders", "/orders/{id}"]
openapi = "{root}/components/order/openapi.json"
buckets = ["orders"]
atomic = true
"#;

impl Host {
    /// Serve a folder's manifest, with its own store.
    pub fn up(folder: &Path) -> Host {
        Host::up_with(folder, &[])
    }

    /// Serve with further arguments of `up`.
    pub fn up_with(folder: &Path, arguments: &[&str]) -> Host {
        Host::start(up(folder).args(arguments).stderr(Stdio::piped()))
    }

    /// Start a command that serves; see [`up`].
    pub fn start(command: &mut Command) -> Host {
        let mut running = Running::start(command.stdout(Stdio::piped()));
        let output = Arc::<Output>::default();
        if let Some(stderr) = running.0.stderr.take() {
            output.clone().gather(stderr);
        }
        output.clone().gather(running.0.stdout.take().expect("stdout is piped"));
        let gateway = address(&output.wait_for("Serving"));
        let admin = address(&output.wait_for("Admin"));
        Host { running, gateway, admin, output }
    }

    /// A connection of HTTP/1.1 that is kept alive.
    pub async fn connect(&self) -> Client {
        Client::http1(self.gateway).await
    }

    /// One request on a connection of its own.
    pub async fn get(&self, path: &str) -> Answer {
        self.connect().await.get(path).await
    }

    /// One request with a JSON body, on a connection of its own.
    pub async fn post(&self, path: &str, json: &str) -> Answer {
        self.connect().await.post(path, json).await
    }

    /// The most memory that it has had, in bytes.
    pub fn peak_memory(&self) -> usize {
        self.memory("VmHWM:")
    }

    /// By how much that has grown since, in bytes. The kernel adds it up from counters of
    /// its processors, so that it may be some pages less than before.
    pub fn peak_growth(&self, before: usize) -> usize {
        self.peak_memory().saturating_sub(before)
    }

    /// The memory that it has, in bytes.
    pub fn resident_memory(&self) -> usize {
        self.memory("VmRSS:")
    }

    fn memory(&self, key: &str) -> usize {
        let pid = self.running.0.id();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("Linux");
        let figure = status.lines().find_map(|line| line.strip_prefix(key)).expect("such a figure");
        let kibibytes: usize = figure.trim().trim_end_matches(" kB").parse().expect("a number of kB");
        kibibytes * 1024
    }

    /// How many files and sockets it has open.
    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.running.0.id())).expect("Linux").count()
    }

    /// Wait until a line of its output contains this text, and return the line.
    pub fn wait_for_output(&self, text: &str) -> String {
        self.output.wait_for(text)
    }

    /// All lines of output so far.
    pub fn output(&self) -> Vec<String> {
        self.output.lines.lock().expect("no reader panics").clone()
    }

    /// The id of its process.
    pub fn id(&self) -> u32 {
        self.running.0.id()
    }

    /// Send a signal by name: `TERM`, `INT`, `KILL`.
    pub fn signal(&self, name: &str) {
        self.running.signal(name);
    }

    /// Whether it has seen to it that this signal does not end it.
    pub fn catches(&self, signal: u32) -> bool {
        self.running.catches(signal)
    }

    /// Wait for its end.
    pub fn wait(mut self) -> ExitStatus {
        self.running.ended()
    }

    /// End it at once, whatever it does.
    pub fn kill(mut self) {
        self.running.0.kill().expect("it runs");
        self.running.ended();
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the host printed:\n{}", self.output().join("\n"));
        }
    }
}

impl Running {
    /// Start a command.
    pub fn start(command: &mut Command) -> Running {
        Running(command.spawn().expect("dovetail starts"))
    }

    /// Whether it has seen to it that this signal does not end it.
    pub fn catches(&self, signal: u32) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).expect("it runs");
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("Linux tells it");
        u64::from_str_radix(caught.trim(), 16).expect("a mask") & (1 << (signal - 1)) != 0
    }

    /// Send a signal by name: `TERM`, `INT`, `KILL`.
    pub fn signal(&self, name: &str) {
        let pid = self.0.id().to_string();
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]).status();
        assert!(sent.expect("sh starts").success());
    }

    /// Wait for its end.
    pub fn wait(mut self) -> ExitStatus {
        self.ended()
    }

    fn ended(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.0.try_wait().expect("the host is ours to wait for") {
                return status;
            }
            assert!(Instant::now() < end, "the host does not end");
            std::thread::yield_now();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Output {
    /// Read lines in a thread of their own.
    fn gather(self: Arc<Self>, from: impl std::io::Read + Send + 'static) {
        std::thread::spawn(move || {
            for line in BufReader::new(from).lines().map_while(Result::ok) {
                self.lines.lock().expect("no reader panics").push(line);
                self.grown.notify_all();
            }
        });
    }

    fn wait_for(&self, text: &str) -> String {
        let found = |lines: &[String]| lines.iter().find(|line| line.contains(text)).cloned();
        let lines = self.lines.lock().expect("no reader panics");
        let waited = self.grown.wait_timeout_while(lines, PATIENCE, |lines| found(lines).is_none());
        let (lines, _) = waited.expect("no reader panics");
        let line = found(&lines);
        // Given back before a panic, which shows the output once more.
        drop(lines);
        line.unwrap_or_else(|| panic!("the host printed no line with {text:?}"))
    }
}

fn address(line: &str) -> SocketAddr {
    let (_, address) = line.split_once("://").expect("the line has an address");
    // A name may stand for several.
    address.split_whitespace().next().and_then(|address| address.parse().ok()).expect("an address")
}
