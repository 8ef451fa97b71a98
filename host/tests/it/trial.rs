//! A canary becomes live by itself when its time is over and enough calls have shown
//! that it can, and not before.

use std::fs;

use http::StatusCode;
use serde_json::json;

use crate::support::{
    Client, Host, Upload, app, dovetail,
    made::{directory, relay_and_directory, variant},
    until,
};

/// A guest whose first call on trial is not yet its canary's.
const GUEST: &str = r#"
[app]
name = "app"
[store]
url = "memory:"
[service.guest]
component = "{guest}"
routes = ["/*"]
buckets = ["fixtures"]
"#;

/// The same, with a probe.
fn probed(path: &str) -> String {
    format!("{GUEST}probe = \"{path}\"\n")
}

fn other_guest() -> Vec<u8> {
    variant("guest", "text/plain", "text/PLAIN")
}

#[tokio::test]
async fn a_canary_that_nobody_calls_waits_for_calls_and_says_so() {
    let folder = app(GUEST);
    let host = Host::up(folder.path());
    host.canary("guest", &other_guest(), "canary=50&for=100ms&calls=5").await;
    let said = host.wait_for_output("the time of the canary is over, but 0 of 5 calls have come: it waits for 5 more");
    assert!(said.contains("a `probe` of the service would stand in for them"), "{said}");
    let service = host.service("guest").await;
    assert_eq!(service["revision"], 1, "{service}");
    assert_eq!(service["canary"]["trial"], json!({ "for_ms": 100, "left_ms": 0, "calls": 5, "missing": 5 }));
    let status = dovetail().args(["status", "--admin", &host.admin.to_string()]).output().expect("dovetail starts");
    let status = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(status.contains("The canary of guest is decided after 5 more calls.\n"), "{status}");

    let mut client = host.connect().await;
    for _ in 0..10 {
        assert_eq!(client.get("/hello").await.status, StatusCode::OK);
    }
    let line = host.wait_for_output("the canary is promoted");
    assert!(line.contains("0 errors in 5 calls; the live one 0 in 5"), "{line}");
    until("it is live", async || host.service("guest").await["revision"] == 2).await;
}

#[tokio::test]
async fn probes_stand_in_for_calls_and_are_no_calls() {
    let folder = app(&probed("/hello"));
    let host = Host::up(folder.path());
    host.canary("guest", &other_guest(), "canary=1&for=200ms&calls=5").await;
    let line = host.wait_for_output("the canary is promoted");
    assert!(line.contains("0 errors in 0 calls and 5 probes; the live one 0 in 0"), "{line}");
    until("it is live", async || host.service("guest").await["revision"] == 2).await;
    assert_eq!(host.service("guest").await["calls"], 0);

    // Calls that come are calls, and fewer probes are asked.
    host.canary("guest", &variant("guest", "text/plain", "text/Plain"), "canary=50&for=5s&calls=40").await;
    let mut client = host.connect().await;
    for _ in 0..6 {
        assert_eq!(client.get("/hello").await.status, StatusCode::OK);
    }
    host.wait_for_output("0 errors in 3 calls and 37 probes; the live one 0 in 3");
    assert_eq!(host.service("guest").await["calls"], 6);
}

#[tokio::test]
async fn a_canary_whose_probe_fails_is_withdrawn() {
    let folder = app(&probed("/get?bucket=fixtures&key=there"));
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    assert_eq!(client.post("/set?bucket=fixtures&key=there", "1").await.status, StatusCode::OK);
    host.canary("guest", &other_guest(), "canary=1&for=100ms&calls=1000").await;
    until("the probe is asked", async || host.service("guest").await["canary"]["probes"] != 0).await;
    assert_eq!(client.post("/delete?bucket=fixtures&key=there", "").await.status, StatusCode::OK);
    let line = host.wait_for_output("the canary is withdrawn: its probe failed: it answered 404");
    assert!(line.contains("WARN") && line.contains("0 errors in 0 calls and "), "{line}");
    until("it is withdrawn", async || host.service("guest").await["canary"].is_null()).await;
    let service = host.service("guest").await;
    assert_eq!((&service["revision"], &service["errors"], &service["calls"]), (&json!(1), &json!(0), &json!(2)));
}

#[tokio::test]
async fn a_call_that_is_not_answered_yet_says_nothing() {
    let folder = app(GUEST);
    let host = Host::up(folder.path());
    host.canary("guest", &other_guest(), "canary=50&for=50ms&calls=1").await;
    // One of two in a row is the canary's.
    let mut open = Vec::new();
    for _ in 0..2 {
        let upload = Upload::begin(Client::http1(host.gateway).await, "/count");
        upload.send("before, ").await;
        open.push(upload);
    }
    until("both are called", async || host.service("guest").await["calls"] == 2).await;
    host.wait_for_output("but 0 of 1 calls have come");
    assert_eq!(host.service("guest").await["canary"]["trial"]["missing"], 1);
    for upload in open {
        upload.send("after").await;
        assert_eq!(upload.finish().await.status, StatusCode::OK);
    }
    host.wait_for_output("0 errors in 1 call; the live one 0 in ");
}

#[tokio::test]
async fn calls_through_links_are_calls() {
    let folder = relay_and_directory("Alice");
    let host = Host::up(folder.path());
    host.canary("directory", &directory("Berta"), "canary=50&for=50ms&calls=10").await;
    let mut client = host.connect().await;
    for _ in 0..20 {
        assert_eq!(client.get("/relay/5").await.status, StatusCode::OK);
    }
    host.wait_for_output("0 errors in 10 calls; the live one 0 in 10");
    until("it is live", async || host.name().await == "Berta").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_of_a_canary_is_said_when_it_begins() {
    let folder = app(GUEST);
    let host = Host::up(folder.path());
    let file = folder.path().join("other.wasm");
    fs::write(&file, other_guest()).expect("a file can be written");
    let mut swap = dovetail();
    swap.args(["swap", "guest", "--canary", "10%", "--for", "1h", "--admin", &host.admin.to_string()]).arg(&file);
    let output = swap.output().expect("dovetail starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let next = "Next it gets 10% of the calls; it becomes live after 60 min and 100 calls of its own if it erred no more \
                than revision 1, or is withdrawn before; `dovetail status` shows how far it is\n";
    assert!(output.status.success() && said.contains(next), "{said}");
    let trial = &host.service("guest").await["canary"]["trial"];
    assert_eq!((&trial["calls"], &trial["missing"]), (&json!(100), &json!(100)));
}
