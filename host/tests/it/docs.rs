//! The pages in `docs/` do what they say: each `console` block is typed and what it
//! prints compared, page by page, in a folder with the shop.
//!
//! A line that begins with `$ ` is a command, and those after it are what it prints,
//! standard output and error. `…` in a line stands for anything in that line, and a line
//! of `…` for any lines. A command that ends in `&` serves until the page ends: `dovetail`, or
//! a server of others, without which the page is left out.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use tempfile::TempDir;

use self::page::Step;
use crate::support::{Host, Running, dovetail, root, shop, tools};

mod page;

/// The ports in the pages, of gateways, of admin APIs, of NATS and of a service in Python. Each page has its own instead.
const PORTS: [u16; 8] = [8080, 9090, 8081, 9091, 8082, 9092, 4222, 5001];

/// Servers of others that pages start.
const OTHERS: [&str; 2] = ["nats-server", "python3"];

#[test]
fn the_pages_do_what_they_say() {
    let pages = pages();
    assert!(!pages.is_empty(), "there are no pages");
    // The components are built once, before there are several who would.
    drop(shop());
    let wrong: Vec<String> = thread::scope(|scope| {
        let typed: Vec<_> = pages.iter().map(|page| scope.spawn(|| typed(page))).collect();
        typed.into_iter().flat_map(|wrong| wrong.join().expect("a page is typed to its end")).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn pages() -> Vec<PathBuf> {
    let folder = fs::read_dir(root().join("docs")).expect("there are pages");
    let mut pages: Vec<_> = folder.map(|entry| entry.expect("it can be read").path()).collect();
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages.sort();
    pages
}

/// Type a page's commands; what each printed that the page does not say.
fn typed(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).expect("a page can be read");
    let steps = page::steps(&text);
    let needs = |other: &str| steps.iter().any(|step| step.command.starts_with(other));
    if OTHERS.into_iter().any(|other| needs(other) && tools::find(other).is_none()) {
        return Vec::new();
    }
    let (mut desk, mut wrong) = (Desk::new(), Vec::new());
    for step in steps {
        let printed = desk.type_in(&step.command);
        if !step.is_met_by(&printed) {
            let place = format!("{}:{}", path.strip_prefix(root()).unwrap_or(path).display(), step.line);
            let Step { command, printed: said, .. } = step;
            wrong.push(format!("{place}: $ {command}\n--- the page says\n{said}\n--- it printed\n{printed}\n"));
        }
    }
    wrong
}

/// Where a page is typed: a folder with the shop, and the hosts that serve.
struct Desk {
    folder: TempDir,
    /// Where curl finds how it is to behave.
    curl: TempDir,
    /// A port of a page, and the one that it stands for.
    ports: Vec<(u16, u16)>,
    hosts: Vec<Host>,
    /// Servers of others.
    others: Vec<Running>,
}

impl Desk {
    fn new() -> Desk {
        let (folder, curl) = (shop(), tempfile::tempdir().expect("a temporary folder"));
        let ports: Vec<_> = PORTS.into_iter().zip(free_ports()).collect();
        let file = folder.path().join("dovetail.toml");
        let manifest = fs::read_to_string(&file).expect("it was written");
        let listen = |table: &str, place: usize| format!("[{table}]\nlisten = \"127.0.0.1:{}\"\n", ports[place].1);
        let listens = listen("gateway", 0) + &listen("admin", 1);
        fs::write(&file, format!("{}\n{listens}", manifest.trim())).expect("there is room");
        let python = "user_service.py";
        fs::copy(root().join("examples/tutorial").join(python), folder.path().join(python)).expect("there is room");
        fs::write(curl.path().join(".curlrc"), "silent\nshow-error\n").expect("there is room");
        Desk { folder, curl, ports, hosts: Vec::new(), others: Vec::new() }
    }

    /// Type a command, and give back what it printed.
    fn type_in(&mut self, command: &str) -> String {
        let here = self.ports.iter().fold(command.to_owned(), |command, (there, here)| {
            command.replace(&format!("localhost:{there}"), &format!("127.0.0.1:{here}"))
        });
        let printed = match here.strip_suffix('&') {
            Some(server) if OTHERS.iter().any(|other| server.starts_with(other)) => {
                self.others.push(Running::start(&mut self.shell(&format!("exec {server}"))));
                String::new()
            }
            Some(server) => {
                let host = Host::start(self.shell(&format!("exec {server}")).stderr(Stdio::piped()));
                let printed = host.output().join("\n");
                self.hosts.push(host);
                printed
            }
            None => {
                let output = self.shell(&format!("exec 2>&1; {here}")).output().expect("the shell starts");
                String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
            }
        };
        self.ports
            .iter()
            .fold(printed, |printed, (there, here)| printed.replace(&format!(":{here}"), &format!(":{there}")))
    }

    fn shell(&self, command: &str) -> Command {
        let binary = dovetail().get_program().to_owned();
        let folder = Path::new(&binary).parent().expect("it is in a folder").to_owned();
        let path = std::env::var("PATH").unwrap_or_default();
        let mut shell = Command::new("bash");
        shell.args(["-c", command]).current_dir(&self.folder).stdin(Stdio::null());
        let tools = root().join("target/tools/bin");
        shell.env("PATH", format!("{}:{}:{path}", folder.display(), tools.display())).env_remove("DOVETAIL_LOG");
        // A person at a terminal sees no meter of curl's either.
        shell.env("CURL_HOME", self.curl.path());
        shell
    }
}

/// Ports that nothing listens on, each another one.
fn free_ports() -> [u16; PORTS.len()] {
    let listeners = PORTS.map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("it is bound").port())
}
