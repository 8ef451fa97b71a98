//! As a service of systemd: sockets that were bound before, what the manager is told, and the
//! units of `deploy/`.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    os::{
        fd::OwnedFd,
        unix::net::{UnixDatagram, UnixStream},
    },
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread::{self, JoinHandle},
};

use http::StatusCode;
use tempfile::TempDir;

use crate::support::{
    Host, PATIENCE, Upload, app, certificates::make, dovetail, plain, raw, root, secure::Secure, tools, up,
};

const GUEST: &str = "[app]\nname = \"app\"\n[service.guest]\ncomponent = \"{guest}\"\nroutes = [\"/*\"]\n";

/// Debian's `systemd` has it, which serves no more than to start others here.
const ACTIVATE: &str = "systemd-socket-activate";

/// Who is told how a service stands.
struct Manager {
    socket: UnixDatagram,
    folder: TempDir,
}

impl Manager {
    fn new() -> Manager {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let socket = UnixDatagram::bind(folder.path().join("notify")).expect("it is ours");
        socket.set_read_timeout(Some(PATIENCE)).expect("that is a time");
        Manager { socket, folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("notify")
    }

    /// The next message with this line, all of it.
    fn wait_for(&self, line: &str) -> String {
        loop {
            let mut message = [0; 4096];
            let length = self.socket.recv(&mut message).unwrap_or_else(|error| panic!("no {line}: {error}"));
            let message = String::from_utf8_lossy(&message[..length]).into_owned();
            if message.lines().any(|it| it == line) {
                return message;
            }
        }
    }
}

/// Free ports of 127.0.0.1, each another one.
fn free<const N: usize>() -> [SocketAddr; N] {
    let listeners: [TcpListener; N] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("it is bound"))
}

/// The command that waits for a connection at these addresses and then serves a manifest on
/// them, in its own place.
fn activated(names: &str, at: &[&str], folder: &Path, more: &[&str]) -> Option<Command> {
    let activate = tools::find(ACTIVATE)?;
    let mut command = Command::new(activate);
    command.args(at.iter().flat_map(|at| ["-l", at]));
    if !names.is_empty() {
        command.arg(format!("--fdname={names}"));
    }
    command.arg(dovetail().get_program()).args(["up", "--manifest"]).arg(folder.join("dovetail.toml")).args(more);
    command.env_remove("DOVETAIL_LOG").stdin(Stdio::null()).stderr(Stdio::piped());
    Some(command)
}

/// Ask as soon as somebody listens, and wait for the answer.
fn ask(at: SocketAddr, host: &'static str) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut stream = loop {
            if let Ok(stream) = std::net::TcpStream::connect(at) {
                break stream;
            }
        };
        write!(stream, "GET /told HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").expect("somebody listens");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    })
}

/// The command that serves a folder's manifest on a socket that it is given.
fn given(socket: &TcpListener, folder: &Path) -> Command {
    let mut command = Command::new("sh");
    let script = "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$@\" 3<&0 0< /dev/null";
    command.args(["-c", script, "sh"]).arg(dovetail().get_program());
    command.args(["up", "--admin", "127.0.0.1:0", "--manifest"]).arg(folder.join("dovetail.toml"));
    let socket = OwnedFd::from(socket.try_clone().expect("there is room for more"));
    command.env_remove("DOVETAIL_LOG").stdin(socket).stderr(Stdio::piped());
    command
}

#[tokio::test]
async fn who_asks_before_it_runs_and_while_it_is_restarted_is_answered() {
    let folder = app(GUEST);
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let at = socket.local_addr().expect("it is bound");
    for _ in 0..2 {
        let asked = ask(at, "localhost");
        let host = Host::start(&mut given(&socket, folder.path()));
        assert_eq!(host.gateway, at);
        let answer = tokio::task::spawn_blocking(|| asked.join().expect("it is answered")).await.expect("no panic");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        host.signal("TERM");
        assert_eq!(host.wait().code(), Some(0));
    }
}

#[tokio::test]
async fn each_listens_on_the_socket_of_its_name() {
    let [gateway, redirect, admin] = free();
    // What the manifest has is not bound: another has it.
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let other = taken.local_addr().expect("it is bound");
    let folder = app(&format!(
        "{GUEST}[gateway]\nlisten = \"{other}\"\ntls = {{ certificate = \"shop.crt\", key = \"shop.key\" }}\n\
         redirect = \"127.0.0.2:{}\"\n[admin]\nlisten = \"127.0.0.2:{}\"\n",
        other.port(),
        free::<1>()[0].port(),
    ));
    make(folder.path(), "authority ca\ncertificate shop DNS:localhost");
    let at = [redirect, admin, gateway].map(|it| it.to_string());
    let Some(mut command) = activated("redirect:admin:gateway", &at.each_ref().map(String::as_str), folder.path(), &[])
    else {
        return;
    };
    let asked = ask(redirect, "localhost");
    let host = Host::start(&mut command);
    assert_eq!((host.gateway, host.admin), (gateway, admin));
    assert!(host.wait_for_output("Redirect").contains(&redirect.to_string()));
    let answer = asked.join().expect("it is answered");
    assert!(answer.starts_with("HTTP/1.1 308"), "{answer}");
    let client = Secure::new(&folder.path().join("ca.pem"), "localhost");
    assert_eq!(client.connect(gateway).await.get("/told").await.status, StatusCode::OK);
    assert_eq!(host.admin("/healthz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_socket_without_a_name_of_ours_is_known_by_its_port() {
    let [gateway, admin] = free();
    for names in ["", "unknown:unknown", "shop.socket:shop.socket"] {
        let folder = app(&format!("{GUEST}[admin]\nlisten = \"localhost:{}\"\n", admin.port()));
        let at = [admin, gateway].map(|it| it.to_string());
        let Some(mut command) = activated(names, &at.each_ref().map(String::as_str), folder.path(), &[]) else {
            return;
        };
        let asked = ask(gateway, "localhost");
        let host = Host::start(&mut command);
        assert_eq!((host.gateway, host.admin), (gateway, admin), "{names}");
        assert!(asked.join().expect("it is answered").starts_with("HTTP/1.1 200"));
        host.signal("TERM");
        assert_eq!(host.wait().code(), Some(0));
    }
}

#[test]
fn a_socket_that_nobody_can_use_is_an_error() {
    let folder = plain("");
    let [tcp] = free();
    let (tcp, unix) = (tcp.to_string(), folder.path().join("unix"));
    let unix = unix.to_str().expect("text");
    for (names, at, more, reason) in [
        ("gateway", unix, &[][..], "the socket number 1, \"gateway\", that was passed to this process is none of TCP"),
        ("redirect", &tcp, &[], "a socket was passed for `redirect`, at 127.0.0.1:"),
        ("gateway", &tcp, &["--listen", "127.0.0.1:0"], "a socket was passed for the gateway"),
        ("admin", &tcp, &["--admin", "127.0.0.1:0"], "a socket was passed for the admin API"),
    ] {
        let Some(mut command) = activated(names, &[at], folder.path(), more) else { return };
        let connect = at.to_owned();
        let asked = thread::spawn(move || {
            while std::net::TcpStream::connect(&connect)
                .map(drop)
                .or_else(|_| UnixStream::connect(&connect).map(drop))
                .is_err()
            {}
        });
        let Output { status, stderr, .. } = command.output().expect("it starts");
        let said = String::from_utf8_lossy(&stderr);
        assert!(status.code() == Some(1) && said.contains(reason), "{names} {more:?}: {said}");
        asked.join().expect("no panic");
    }
}

#[tokio::test]
async fn the_manager_is_told_how_it_stands() {
    let (folder, manager) = (app(GUEST), Manager::new());
    let mut command = up(folder.path());
    command.env("NOTIFY_SOCKET", manager.path()).env("WATCHDOG_USEC", "40000");
    let host = Host::start(command.stderr(Stdio::piped()));
    let ready = manager.wait_for("READY=1");
    assert!(ready.contains(&format!("STATUS=serves app at http://{}\n", host.gateway)), "{ready}");
    // It was said when connections are taken.
    assert!(raw::exchange(host.gateway, "GET /told HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").contains("200"));
    manager.wait_for("WATCHDOG=1");

    let upload = Upload::begin(host.connect().await, "/count");
    upload.send("before ").await;
    crate::support::until("it is in flight", async || host.busy("guest").await == 1).await;
    host.signal("TERM");
    let stopping = manager.wait_for("STOPPING=1");
    assert!(stopping.contains("STATUS="), "{stopping}");
    // It lives while it lets requests finish.
    manager.wait_for("WATCHDOG=1");
    upload.send("after").await;
    assert_eq!(upload.finish().await.text(), "12");
    assert_eq!(host.wait().code(), Some(0));
}

#[test]
fn a_manager_that_is_gone_harms_nobody() {
    let (folder, manager) = (plain(""), Manager::new());
    let path = manager.path();
    drop(manager);
    let host = Host::start(up(folder.path()).env("NOTIFY_SOCKET", path).stderr(Stdio::piped()));
    host.signal("TERM");
    assert_eq!(host.wait().code(), Some(0));
}

#[test]
fn the_units_are_as_systemd_wants_them() {
    let Some(analyze) = tools::find("systemd-analyze") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    for unit in ["dovetail.service", "dovetail.socket"] {
        let text = std::fs::read_to_string(root().join("deploy").join(unit)).expect("it is there");
        // The program has to be there.
        let installed = dovetail().get_program().to_str().expect("text").to_owned();
        std::fs::write(folder.path().join(unit), text.replace("/usr/local/bin/dovetail", &installed))
            .expect("it is ours");
    }
    let said = |arguments: &[&str], unit: &str| {
        let output = Command::new(&analyze).args(arguments).arg(folder.path().join(unit)).output().expect("it starts");
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.success(), said)
    };
    for unit in ["dovetail.service", "dovetail.socket"] {
        let (is_well, said) = said(&["verify", "--man=no"], unit);
        assert!(is_well && !said.contains(unit), "{unit}: {said}");
    }
    // Of 100, most of which is that others can be reached over the network, as they have to.
    let (is_well, said) = said(&["security", "--no-pager", "--offline=true", "--threshold=20"], "dovetail.service");
    assert!(is_well, "{said}");
}
