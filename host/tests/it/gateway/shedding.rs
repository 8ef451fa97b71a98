//! Where a service is too slow for what it is asked, requests are refused while they are young,
//! and those that matter less first.

use http::{Method, StatusCode};
use serde_json::json;
use tempfile::TempDir;
use tokio::task::{JoinHandle, JoinSet};

use crate::support::{Answer, Host, Upload, app, request, until};

/// A guest with one instance, and another beside it.
fn slow(limits: &str) -> TempDir {
    app(&format!(
        r#"
[app]
name = "slow"
[service.slow]
component = "{{guest}}"
routes = [
    "/slow/*",
    {{ route = "/low/*", priority = "low" }},
    {{ route = "/high/*", priority = "high" }},
]
limits = {{ instances = 1, {limits} }}
[service.quick]
component = "{{guest}}"
routes = ["/quick/*"]
"#
    ))
}

/// Have the one instance serve a request until it is finished.
async fn occupy(host: &Host) -> Upload {
    let upload = Upload::begin(host.connect().await, "/slow/count");
    until("it has the instance", async || host.busy("slow").await == 1).await;
    upload
}

/// Ask on a connection of its own, and return when the service has been called this often.
async fn waits(host: &Host, path: &'static str, calls: u64) -> JoinHandle<Answer> {
    let mut client = host.connect().await;
    let answer = tokio::spawn(async move { client.send(request(Method::GET, path, "")).await });
    until("it is called", async || host.service("slow").await["calls"] == calls).await;
    answer
}

fn assert_refused(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.json(), json!({ "error": "The service is busy; try again" }));
}

#[tokio::test]
async fn who_would_wait_in_too_long_a_line_is_refused_and_those_of_low_priority_first() {
    let folder = slow("queue = 2, deadline = \"1h\"");
    let host = Host::up(folder.path());
    let upload = occupy(&host).await;
    let mut waiting = vec![waits(&host, "/low/calls", 2).await];
    // There is room for one of low priority, two of normal and four of high.
    assert_refused(&host.get("/low/calls").await);
    waiting.push(waits(&host, "/slow/calls", 4).await);
    assert_refused(&host.get("/slow/calls").await);
    waiting.push(waits(&host, "/high/calls", 6).await);
    waiting.push(waits(&host, "/high/calls", 7).await);
    assert_refused(&host.get("/high/calls").await);
    let line = host.wait_for_output("calls wait for an instance already");
    assert!(line.contains(" WARN ") && line.contains("limits.queue"), "no defect: {line}");

    assert_eq!(upload.finish().await.text(), "0");
    for (place, answer) in waiting.into_iter().enumerate() {
        assert_eq!(answer.await.expect("an answer").text(), (place + 2).to_string(), "in their order");
    }
    assert_eq!(host.get("/low/calls").await.text(), "6");
    assert_eq!(host.service("slow").await["traps"], 0, "to be refused is no failure");
}

#[tokio::test]
async fn nobody_need_wait_where_nobody_may() {
    let folder = slow("queue = 0");
    let host = Host::up(folder.path());
    let upload = occupy(&host).await;
    assert_refused(&host.get("/high/hello").await);
    assert_eq!(upload.finish().await.text(), "0");
    until("it is free", async || host.busy("slow").await == 0).await;
    assert_eq!(host.get("/slow/hello").await.text(), "hello\n");
}

#[tokio::test]
async fn who_is_served_has_half_of_the_time_left() {
    let folder = slow("deadline = \"3s\"");
    let host = Host::up(folder.path());
    let upload = occupy(&host).await;
    assert_refused(&host.get("/slow/hello").await);
    host.wait_for_output("all 1 instances were busy for 1.5s");
    drop(upload);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_hangs_takes_no_connection_of_the_others() {
    let folder = slow("queue = 3, deadline = \"1h\"");
    let host = Host::up(folder.path());
    let upload = occupy(&host).await;
    let mut clients = JoinSet::new();
    for _ in 0..32 {
        let mut client = host.connect().await;
        clients.spawn(async move {
            let slow = client.send(request(Method::GET, "/slow/hello", "")).await;
            // Its connection is free at once for what can be answered.
            (slow.status, client.get("/quick/hello").await.status)
        });
    }
    let mut refused = 0;
    while refused < 29 {
        let answered = clients.join_next().await.expect("29 are refused").expect("no panic");
        assert_eq!(answered, (StatusCode::SERVICE_UNAVAILABLE, StatusCode::OK));
        refused += 1;
    }
    assert_eq!(host.service("quick").await["calls"], 29);
    assert_eq!(upload.finish().await.text(), "0");
    for answered in clients.join_all().await {
        assert_eq!(answered, (StatusCode::OK, StatusCode::OK), "those who waited are served");
    }
}
