//! A signal ends the host, and what is in flight is finished first.

use std::{
    net::SocketAddr,
    process::{Command, Stdio},
};

use http::StatusCode;
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::support::{Client, Host, Running, Upload, app, root, until, up};

fn guest() -> TempDir {
    app("[app]\nname = \"app\"\n[service.guest]\ncomponent = \"{guest}\"\nroutes = [\"/*\"]\n")
}

#[tokio::test]
async fn a_signal_lets_requests_in_flight_finish() {
    for signal in ["TERM", "INT", "HUP"] {
        let folder = guest();
        let host = Host::up(folder.path());
        let mut idle = Idle::after_a_request(host.gateway).await;
        let uploads = [
            (Upload::begin(host.connect().await, "/count"), "12"),
            // This one has its answer begun already.
            (Upload::begin(host.connect().await, "/echo"), "before after"),
            (Upload::begin(Client::http2(host.gateway).await, "/count"), "12"),
        ];
        for (upload, _) in &uploads {
            upload.send("before ").await;
        }
        until("all are in flight", async || host.busy("guest").await == 3).await;

        host.signal(signal);
        host.wait_for_output("stopping");
        let ready = host.admin("/readyz").await;
        assert_eq!(
            (ready.status, ready.json()),
            (StatusCode::SERVICE_UNAVAILABLE, json!({ "status": "stopping" })),
            "who looks sends no more"
        );
        assert_eq!(host.admin("/healthz").await.status, StatusCode::OK);
        idle.closed().await;
        until("nobody can connect", async || TcpStream::connect(host.gateway).await.is_err()).await;
        assert_eq!(host.busy("guest").await, 3, "they are in flight still");

        for (upload, whole) in uploads {
            upload.send("after").await;
            let answer = upload.finish().await;
            assert_eq!((answer.status, answer.text()), (StatusCode::OK, whole), "{signal}");
        }
        assert_eq!(host.wait().code(), Some(0), "{signal}");
    }
}

#[tokio::test]
async fn a_signal_lets_calls_finish_that_outlive_their_request() {
    let waited_for = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = waited_for.local_addr().expect("it is bound");
    let grants = format!("buckets = [\"fixtures\"]\noutbound = [\"{address}\"]\nlimits.deadline = \"60s\"\n");
    let manifest = "[app]\nname = \"app\"\n[service.guest]\ncomponent = \"{guest}\"\nroutes = [\"/*\"]\n";
    let folder = app(&format!("{manifest}{grants}"));
    let host = Host::up(folder.path());
    let answer = host.get(&format!("/linger?url=http://{address}/&key=k")).await;
    assert_eq!(answer.text(), "answered\n");
    let (mut asking, _) = waited_for.accept().await.expect("the guest asks for more");

    host.signal("TERM");
    host.wait_for_output("stopping");
    until("nobody can connect", async || TcpStream::connect(host.gateway).await.is_err()).await;
    assert_eq!(host.busy("guest").await, 1, "it waits still");
    asking.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.expect("it reads");
    assert_eq!(host.wait().code(), Some(0));

    let host = Host::up(folder.path());
    assert_eq!(host.get("/get?key=k").await.text(), "marked", "it was in time for the store");
}

#[tokio::test]
async fn a_signal_ends_an_idle_host() {
    for signal in ["TERM", "INT", "HUP"] {
        let folder = guest();
        let host = Host::up(folder.path());
        let mut used = Idle::after_a_request(host.gateway).await;
        let mut unused = Idle(TcpStream::connect(host.gateway).await.expect("it listens"));
        host.signal(signal);
        used.closed().await;
        unused.closed().await;
        assert_eq!(host.wait().code(), Some(0), "{signal}");
    }
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    for (first, second, code) in
        [("TERM", "TERM", 143), ("INT", "INT", 130), ("TERM", "INT", 130), ("HUP", "TERM", 143), ("INT", "HUP", 129)]
    {
        let folder = guest();
        let host = Host::up(folder.path());
        let upload = Upload::begin(host.connect().await, "/count");
        until("it is in flight", async || host.busy("guest").await == 1).await;
        host.signal(first);
        host.wait_for_output("stopping");
        assert_eq!(host.busy("guest").await, 1, "it is in flight still");
        host.signal(second);
        assert_eq!(host.wait().code(), Some(code), "{first}, {second}");
        upload.broken().await;
    }
}

#[tokio::test]
async fn a_signal_ends_a_start_that_takes_long() {
    let folder = app("[app]\nname = \"app\"\n[service.slow]\ncomponent = \"slow.wasm\"\nlimits.deadline = \"1h\"\n");
    let text = root().join("host/tests/links/wat/sleeps-at-start.wat");
    let component = wat::parse_file(text).expect("it is valid");
    std::fs::write(folder.path().join("slow.wasm"), component).expect("the component can be written");
    for (signal, number, code) in [("TERM", 15, 143), ("INT", 2, 130), ("HUP", 1, 129)] {
        let host = Running::start(up(folder.path()).stdout(Stdio::null()).stderr(Stdio::null()));
        until("it waits for signals", async || host.catches(number)).await;
        host.signal(signal);
        assert_eq!(host.wait().code(), Some(code), "{signal}");
    }
}

#[tokio::test]
async fn a_host_that_is_to_outlive_its_terminal_does() {
    let folder = guest();
    let mut command = Command::new("sh");
    // As `nohup` does it.
    command.args(["-c", "trap '' HUP; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_dovetail")]);
    command.args(up(folder.path()).get_args()).stderr(Stdio::piped());
    let host = Host::start(&mut command);
    assert!(host.catches(15) && !host.catches(1));
    host.signal("HUP");
    assert_eq!(host.get("/hello").await.text(), "hello\n");
    host.signal("TERM");
    assert_eq!(host.wait().code(), Some(0));
}

/// A connection that waits for its next request.
struct Idle(TcpStream);

impl Idle {
    async fn after_a_request(address: SocketAddr) -> Idle {
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        stream.write_all(b"GET /hello HTTP/1.1\r\nhost: test\r\n\r\n").await.expect("it reads");
        let mut answer = Vec::new();
        // A guest that is interrupted just then has its answer sent in chunks.
        while !answer.ends_with(b"hello\n") && !answer.ends_with(b"0\r\n\r\n") {
            let length = stream.read_buf(&mut answer).await.expect("it answers");
            assert_ne!(length, 0, "{}", String::from_utf8_lossy(&answer));
        }
        Idle(stream)
    }

    /// Wait until the other side closes it, which it does without a word.
    async fn closed(&mut self) {
        let mut said = Vec::new();
        // One that was never accepted is reset.
        let _ = self.0.read_to_end(&mut said).await;
        assert_eq!(said, b"");
    }
}
