//! The pages in `docs/` do what they say: each `console` block is typed and what it
//! prints compared, page by page, in a folder with the shop.
//!
//! A line that begins with `$ ` is a command, and those after it are what it prints,
//! standard output and error. `…` in a line stands for anything in that line, and a line
//! of `…` for any lines. A command that ends in `&` serves until the page ends or another
//! one takes its place.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use tempfile::TempDir;

use self::page::Step;
use crate::support::{Host, dovetail, root, shop};

mod page;

/// Where the pages have the gateway and the admin API. Each page has ports of its own.
const GATEWAY: &str = "localhost:8080";
const ADMIN: &str = "localhost:9090";

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
    let (mut desk, mut wrong) = (Desk::new(), Vec::new());
    for step in page::steps(&text) {
        let printed = desk.type_in(&step.command);
        if !step.is_met_by(&printed) {
            let place = format!("{}:{}", path.strip_prefix(root()).unwrap_or(path).display(), step.line);
            let Step { command, printed: said, .. } = step;
            wrong.push(format!("{place}: $ {command}\n--- the page says\n{said}\n--- it printed\n{printed}\n"));
        }
    }
    wrong
}

/// Where a page is typed: a folder with the shop, and the host that serves it.
struct Desk {
    folder: TempDir,
    gateway: String,
    admin: String,
    host: Option<Host>,
}

impl Desk {
    fn new() -> Desk {
        let (folder, gateway, admin) = (shop(), free_address(), free_address());
        let file = folder.path().join("dovetail.toml");
        let manifest = fs::read_to_string(&file).expect("it was written");
        let listens = format!("[gateway]\nlisten = \"{gateway}\"\n[admin]\nlisten = \"{admin}\"\n");
        fs::write(&file, format!("{}\n{listens}", manifest.trim())).expect("there is room");
        Desk { folder, gateway, admin, host: None }
    }

    /// Type a command, and give back what it printed.
    fn type_in(&mut self, command: &str) -> String {
        let here = command.replace(GATEWAY, &self.gateway).replace(ADMIN, &self.admin);
        if let Some(server) = here.strip_suffix('&') {
            if let Some(before) = self.host.take() {
                before.signal("TERM");
                assert!(before.wait().success(), "the host ends");
            }
            let host = Host::start(self.shell(&format!("exec {server}")).stderr(Stdio::piped()));
            let printed = host.output().join("\n");
            self.host = Some(host);
            return self.there(&printed);
        }
        let output = self.shell(&format!("exec 2>&1; {here}")).output().expect("the shell starts");
        self.there(String::from_utf8_lossy(&output.stdout).trim_end())
    }

    fn shell(&self, command: &str) -> Command {
        let binary = dovetail().get_program().to_owned();
        let folder = Path::new(&binary).parent().expect("it is in a folder").to_owned();
        let path = std::env::var("PATH").unwrap_or_default();
        let mut shell = Command::new("bash");
        shell.args(["-c", command]).current_dir(&self.folder).stdin(Stdio::null());
        shell.env("PATH", format!("{}:{path}", folder.display())).env_remove("DOVETAIL_LOG");
        shell
    }

    /// As the page has it.
    fn there(&self, printed: &str) -> String {
        let bound = |address: &str| address.replace("localhost", "127.0.0.1");
        printed.replace(&self.gateway, &bound(GATEWAY)).replace(&self.admin, &bound(ADMIN))
    }
}

/// An address that nothing listens on.
fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound").to_string()
}
