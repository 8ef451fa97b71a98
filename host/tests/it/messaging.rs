//! Components of wasmCloud publish and take messages by subject, which are events here.

use http::{Method, StatusCode};
use tempfile::TempDir;

use crate::support::{Host, app, nats, request, until};

/// More of the event's table stands for `MORE`.
const APP: &str = r#"
[app]
name = "post"
[event."wasmcloud:messaging/handler@0.2.0"]
subscribers = ["all", "small"]
key = "msg.subject"
attempts = 2
backoff = "1ms..1ms"
MORE
[service.sender]
component = "{postman}"
routes = ["/send"]
publishes = ["tasks.*", "tasks.resize.>"]
atomic = true
[service.all]
component = "{postman}"
subscribes = ["tasks.>"]
buckets = ["all"]
env = { BUCKET = "all" }
[service.small]
component = "{postman}"
subscribes = ["tasks.resize.small", "other"]
buckets = ["small"]
env = { BUCKET = "small" }
[service.guest]
component = "{guest}"
routes = ["/*"]
buckets = ["all", "small"]
"#;

#[tokio::test]
async fn who_subscribes_to_a_subject_is_told_what_is_published_to_it() {
    told_by_subject(&app(&APP.replace("MORE", ""))).await;
}

#[tokio::test]
async fn messages_by_subject_go_by_a_broker_as_well() {
    let Some(broker) = nats::start() else { return };
    told_by_subject(&app(&APP.replace("MORE", &format!("transport = \"{}\"", broker.url)))).await;
}

async fn told_by_subject(folder: &TempDir) {
    let host = Host::up(folder.path());
    for (subject, body) in
        [("tasks.add", "1"), ("tasks.resize.small", "2"), ("tasks.resize.large", "3"), ("tasks.add", "4")]
    {
        assert_eq!(send(&host, &format!("subject={subject}&body={body}")).await.0, StatusCode::OK);
    }
    let added = ("tasks.add", "1 4");
    for (bucket, (subject, bodies)) in
        [("all", added), ("all", ("tasks.resize.large", "3")), ("small", ("tasks.resize.small", "2"))]
    {
        until("it was told", async || kept(&host, bucket, subject).await == bodies).await;
    }
    assert_eq!(kept(&host, "small", "tasks.add").await, "");
    assert_eq!(kept(&host, "all", "tasks.resize.small").await, "2");
}

#[tokio::test]
async fn what_is_published_is_part_of_its_call() {
    let folder = app(&APP.replace("MORE", ""));
    let host = Host::up(folder.path());
    assert_eq!(send(&host, "subject=tasks.add&body=1&then=trap").await.0, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(send(&host, "subject=tasks.add&body=2").await.0, StatusCode::OK);
    until("it was told", async || kept(&host, "all", "tasks.add").await == "2").await;
}

#[tokio::test]
async fn what_is_not_granted_is_answered_with_an_error() {
    let folder = app(&APP.replace("MORE", ""));
    let host = Host::up(folder.path());
    for (query, why) in [
        ("subject=other&body=1", "it may not publish to"),
        ("subject=tasks..x&body=1", "it may not publish to"),
        ("subject=tasks.add&body=1&then=ask", "requests are not carried"),
    ] {
        let (status, said) = send(&host, query).await;
        assert_eq!(status, StatusCode::CONFLICT, "{query}");
        assert!(said.contains(why), "{said}");
    }
    host.wait_for_output("to allow it, write publishes = [\"other\"] in [service.sender]");
}

#[tokio::test]
async fn a_message_that_is_refused_is_tried_again_and_parked() {
    let folder = app(&APP.replace("MORE", ""));
    let host = Host::up(folder.path());
    assert_eq!(send(&host, "subject=tasks.add&body=refuse").await.0, StatusCode::OK);
    host.wait_for_output("parked an event");
    let parked = host.admin("/v1/events/all?only=parked").await.text().to_owned();
    assert!(parked.contains("it is refused") && parked.contains("\"attempts\":2"), "{parked}");
}

async fn send(host: &Host, query: &str) -> (StatusCode, String) {
    let answer = host.connect().await.send(request(Method::POST, &format!("/send?{query}"), "")).await;
    (answer.status, answer.text().to_owned())
}

/// The bodies that a service was told under a subject.
async fn kept(host: &Host, bucket: &str, subject: &str) -> String {
    let answer = host.get(&format!("/get?bucket={bucket}&key={subject}")).await;
    if answer.status == StatusCode::OK { answer.text().to_owned() } else { String::new() }
}
