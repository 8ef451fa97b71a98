//! Standard output and standard error may take nothing: their disk is full, or who
//! read them is gone.

use std::{
    fs::{self, File},
    io::pipe,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Output, Stdio},
};

use crate::support::{Client, Host, Running, app, dovetail, plain, until, up};

#[tokio::test(flavor = "multi_thread")]
async fn a_host_serves_and_watches_without_standard_error() {
    let folder = plain("");
    let host = Host::start(up(folder.path()).arg("--watch").stderr(full()));
    assert_eq!(host.service("plain").await["revision"], 1);
    let other = wat::parse_str("(component (core module))").expect("a component");
    for (revision, component) in [(2, other), (3, fs::read(folder.path().join("plain.wasm")).expect("it is there"))] {
        fs::write(folder.path().join("new"), component).expect("a file can be written");
        fs::rename(folder.path().join("new"), folder.path().join("plain.wasm")).expect("it can be replaced");
        until("it is swapped", async || host.service("plain").await["revision"] == revision).await;
    }
    host.signal("TERM");
    assert!(host.wait().success());
}

#[test]
fn an_error_that_cannot_be_told_is_a_failure_like_others() {
    for folder in [app("[app]\nname = 7\n"), plain("build = \"false\"\n")] {
        let status = dovetail().arg("check").current_dir(&folder).stderr(full()).status();
        assert_eq!(status.expect("dovetail starts").code(), Some(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_found_and_cannot_be_printed_is_a_failure() {
    let folder = plain("");
    let store = format!("sqlite:{}", folder.path().join("served.db").display());
    let host = Host::up_with(folder.path(), &["--store", &store]);
    fs::write(folder.path().join("line"), r#"{"bucket":"b","key":"k","value":"v"}"#).expect("it can be written");
    let import =
        dovetail().args(["store", "--store", "sqlite:other.db", "import", "line"]).current_dir(&folder).output();
    assert!(import.expect("dovetail starts").status.success());
    let admin = host.admin.to_string();
    let in_part: &[&[&str]] = &[
        &["--help"],
        &["--version"],
        &["schema"],
        &["completions", "bash"],
        &["check"],
        &["check", "--json"],
        &["graph"],
        &["graph", "--format", "json"],
        &["asyncapi"],
        &["status", "--admin", &admin],
        &["status", "--admin", &admin, "--json"],
        &["history", "plain", "--admin", &admin],
        &["store", "stats", "--store", "sqlite:other.db"],
        &["store", "stats", "--store", "sqlite:other.db", "--json"],
    ];
    let whole: &[&[&str]] = &[&["compose", "plain", "-o", "-"], &["store", "export", "--store", "sqlite:other.db"]];
    for arguments in in_part.iter().chain(whole) {
        let Output { status, stderr, .. } = run(folder.path(), arguments, full());
        let said = String::from_utf8_lossy(&stderr);
        assert_eq!(status.code(), Some(1), "{arguments:?}: {said}");
        let told = said.contains("standard output cannot be written") && said.contains("No space left on device");
        assert!(told, "{arguments:?}: {said}");
    }
    // Who read it wants no more; but of some things a part is nothing.
    for (verbs, code) in [(in_part, 0), (whole, 141)] {
        for arguments in verbs {
            let Output { status, stderr, .. } = run(folder.path(), arguments, unread());
            let said = String::from_utf8_lossy(&stderr);
            assert_eq!(status.code(), Some(code), "{arguments:?}: {said}");
            assert!(!said.contains("error") && !said.contains("standard output"), "{arguments:?}: {said}");
        }
    }
}

#[tokio::test]
async fn a_host_serves_whose_words_nobody_reads() {
    let folder = plain("");
    // It cannot tell which port it took.
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
    let mut command = dovetail();
    command.args(["up", "--listen", "127.0.0.1:0", "--admin", &port.to_string()]).current_dir(&folder);
    let host = Running::start(command.stdout(unread()).stderr(Stdio::null()));
    // Before, it only sees that the port is free, and gives it back.
    until("it waits for signals alone", async || host.catches(15)).await;
    until("it serves", async || TcpStream::connect(port).is_ok()).await;
    assert!(Client::http1(port).await.get("/readyz").await.status.is_success());
    host.signal("TERM");
    assert_eq!(host.wait().code(), Some(0));
}

/// A file that takes nothing, as on a full disk.
fn full() -> Stdio {
    File::options().write(true).open("/dev/full").expect("Linux has it").into()
}

/// A pipe that nobody reads.
fn unread() -> Stdio {
    let (_, writer) = pipe().expect("a pipe");
    writer.into()
}

fn run(folder: &Path, arguments: &[&str], stdout: Stdio) -> Output {
    let mut command = dovetail();
    command.args(arguments).current_dir(folder).stdout(stdout).stderr(Stdio::piped());
    command.spawn().and_then(|child| child.wait_with_output()).expect("dovetail starts")
}
