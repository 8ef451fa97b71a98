//! The access log: a line for each request, for those who ask for it.

use std::{
    io::{Read, Write},
    process::Stdio,
};

use http::Method;

use crate::support::{Client, Host, app, raw, until, up};

const APP: &str = r#"
[app]
name = "logged"
[store]
url = "memory:"
[service.guest]
component = "{guest}"
routes = ["/guest/*"]
"#;

#[tokio::test]
async fn each_request_has_a_line_when_its_answer_has_ended() {
    let folder = app(APP);
    let host = Host::start(up(folder.path()).env("DOVETAIL_LOG", "dovetail::access=debug").stderr(Stdio::piped()));
    for mut client in [host.connect().await, Client::http2(host.gateway).await] {
        client.get("/guest/hello?token=secret").await;
        client.ask(Method::HEAD, "/guest/hello").await;
        client.get("/guest/download?bytes=5000000").await;
        client.get("/guest/trap").await;
        client.get("/nowhere").await;
    }
    for (what, count) in [
        (r#"method="GET" path="/guest/hello" status=200 bytes=6 "#, 2),
        (r#"method="HEAD" path="/guest/hello" status=200 bytes=0 "#, 2),
        (r#"method="GET" path="/guest/download" status=200 bytes=5000000 "#, 2),
        (r#"method="GET" path="/guest/trap" status=500 bytes=30 "#, 2),
        (r#"method="GET" path="/nowhere" status=404 bytes=21 "#, 2),
    ] {
        until(what, async || lines(&host, what).len() == count).await;
        for line in lines(&host, what) {
            assert!(line.contains(" DEBUG dovetail::access: answered client=127.0.0.1 "), "{line}");
            assert!(
                line.contains(" ms=") && line.contains(r#" service="guest""#) != line.contains("nowhere"),
                "{line}"
            );
        }
    }
    let output = host.output().join("\n");
    assert!(!output.contains("secret") && !output.contains("ERROR"), "{output}");
}

#[tokio::test]
async fn who_goes_away_has_a_line_too() {
    let folder = app(APP);
    let host = Host::start(up(folder.path()).env("DOVETAIL_LOG", "debug").stderr(Stdio::piped()));
    for (path, status) in [("/guest/hang", ""), ("/guest/endless", " status=200")] {
        let mut stream = raw::connect(host.gateway);
        stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n").as_bytes()).expect("the host reads");
        until("the call has begun", async || host.busy("guest").await == 1).await;
        if !status.is_empty() {
            stream.read_exact(&mut [0]).expect("the answer has begun");
        }
        drop(stream);
        host.wait_for_output(&format!("answered client=127.0.0.1 method=\"GET\" path={path:?}{status} bytes="));
    }
}

#[tokio::test]
async fn nothing_is_logged_of_requests_unless_asked_for() {
    let folder = app(APP);
    let host = Host::up(folder.path());
    host.get("/guest/hello").await;
    // What is logged after it is there.
    host.get("/guest/trap").await;
    host.wait_for_output("a call failed");
    assert!(lines(&host, "answered").is_empty(), "{:?}", host.output());
}

fn lines(host: &Host, text: &str) -> Vec<String> {
    host.output().into_iter().filter(|line| line.contains(text)).collect()
}
