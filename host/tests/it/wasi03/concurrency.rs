//! Several calls at once in one instance, where `limits.concurrency` says so.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::guest;
use crate::support::{Answer, Host, Upload, request, until};

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_serves_as_many_calls_as_concurrency_says() {
    let (_folder, host) = guest("", r#"concurrency = 4, instances = 2, deadline = "1m""#);
    let mut uploads = uploads(&host, 8, 2).await;
    assert_eq!(instances(&host).await, json!({ "idle": 0, "busy": 2, "max": 2 }));
    // There is no ninth place: it waits for one of theirs.
    let mut client = host.connect().await;
    let ninth = tokio::spawn(async move { client.get("/hello").await });
    called(&host, 9).await;
    let first = uploads.remove(0);
    assert_eq!(first.finish().await.text(), "0");
    assert_eq!(ninth.await.expect("an answer").text(), "hello\n");
    for upload in uploads {
        upload.send("four").await;
        assert_eq!(upload.finish().await.text(), "4");
    }
    until("all is quiet", async || instances(&host).await == json!({ "idle": 2, "busy": 0, "max": 2 })).await;
    assert_eq!(host.service("guest").await["traps"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_ends_what_its_instance_serves_and_nothing_else() {
    let (_folder, host) = guest("", r#"concurrency = 3, instances = 2, deadline = "1m""#);
    // One instance is full, the other has room for the trap beside one that waits.
    let uploads = uploads(&host, 4, 2).await;
    assert_eq!(host.get("/trap").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    let mut statuses = Vec::new();
    for upload in uploads {
        statuses.push(upload.finish().await.status);
    }
    statuses.sort();
    let (well, ill) = (StatusCode::OK, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(statuses, [well, well, well, ill]);
    host.wait_for_output("service \"guest\" trapped");
    host.wait_for_output("the instance ended in another call that it served at the same time");
    assert_eq!(host.service("guest").await["traps"], 2);
    assert_eq!(host.get("/hello").await.text(), "hello\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_given_up_ends_no_other() {
    let (_folder, host) = guest("", r#"concurrency = 2, instances = 1, deadline = "1m""#);
    let upload = uploads(&host, 1, 1).await.remove(0);
    let mut client = host.connect().await;
    let given_up = tokio::spawn(async move { client.try_send(request(Method::GET, "/hang", "")).await });
    called(&host, 2).await;
    given_up.abort();
    upload.send("four").await;
    assert_eq!(upload.finish().await.text(), "4");
    // Their instance takes no more calls, and gives way to another.
    until("another serves", async || host.get("/calls").await.text() == "1").await;
    assert_eq!(host.service("guest").await["traps"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_passes_its_deadline_ends_no_other() {
    let (_folder, host) = guest("", r#"concurrency = 2, instances = 1, deadline = "2s""#);
    let mut client = host.connect().await;
    let hanging = tokio::spawn(async move { client.get("/hang").await });
    called(&host, 1).await;
    // It began later, and may end later.
    until("another is served beside it or after it", async || host.get("/hello").await.text() == "hello\n").await;
    assert_eq!(hanging.await.expect("an answer").status, StatusCode::GATEWAY_TIMEOUT);
    until("another serves", async || host.get("/calls").await.text() == "1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_one_instance_stream_side_by_side() {
    let (_folder, host) = guest("", r#"concurrency = 8, instances = 1, deadline = "1m""#);
    let mut asked = JoinSet::new();
    for _ in 0..8 {
        let mut client = host.connect().await;
        asked.spawn(async move { client.get("/download?bytes=3000000").await });
    }
    let whole = |answer: &Answer| answer.status == StatusCode::OK && answer.body.len() == 3_000_000;
    assert!(asked.join_all().await.iter().all(whole));
    until("all is quiet", async || instances(&host).await == json!({ "idle": 1, "busy": 0, "max": 1 })).await;
}

/// So many requests whose bodies are held open, begun at so many instances.
async fn uploads(host: &Host, count: u64, busy: u64) -> Vec<Upload> {
    let mut uploads = Vec::new();
    for number in 1..=count {
        uploads.push(Upload::begin(host.connect().await, "/count"));
        called(host, number).await;
    }
    until("they have instances", async || instances(host).await["busy"] == busy).await;
    uploads
}

async fn called(host: &Host, calls: u64) {
    until("it is called", async || host.service("guest").await["calls"] == calls).await;
}

async fn instances(host: &Host) -> Value {
    host.service("guest").await["instances"].clone()
}
