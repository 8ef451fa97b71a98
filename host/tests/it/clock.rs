//! The clock on the wall may be set back or forward while a host serves: that changes no
//! order, ends nothing before its time, and keeps nothing beyond it.

use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

use crate::support::{
    Client, Upload, app,
    clock::{Clock, HOUR},
    dovetail,
    made::{directory, relay_and_directory, variant},
    until,
};

/// Serves files of the guest, and of it again with a deadline that is soon over.
const GUESTS: &str = r#"
[app]
name = "app"
[store]
url = "memory:"
[service.guest]
component = "{guest}"
routes = ["/guest/*"]
[service.hasty]
component = "{guest}"
routes = ["/hasty/*"]
limits.deadline = "2s"
"#;

#[tokio::test]
async fn a_history_is_in_the_order_in_which_things_were_live() {
    let (folder, clock) = (relay_and_directory("Alice"), Clock::new());
    let host = clock.up(folder.path());
    clock.set(HOUR);
    host.swap("directory", &directory("Berta")).await;
    clock.set(-HOUR);
    host.swap("directory", &directory("Carol")).await;
    let history = host.history("directory").await;
    let since: Vec<_> = history.iter().map(|entry| entry["since"].as_str().expect("a time")).collect();
    assert!(since[0] < since[2] && since[2] < since[1], "the clock was set: {since:?}");
    assert_eq!(revisions(&history), [3, 2, 1]);
    host.kill();

    let host = clock.up(folder.path());
    assert_eq!((host.name().await, revisions(&host.history("directory").await)), ("Carol".into(), vec![3, 2, 1]));
    for name in ["Berta", "Alice"] {
        assert_eq!(host.decide("directory", "rollback").await.status, StatusCode::OK);
        assert_eq!(host.name().await, name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlines_and_trials_take_as_long_as_they_were_given() {
    let (folder, clock) = (app(GUESTS), Clock::new());
    let host = clock.up(folder.path());
    // Forward: what has time left keeps it.
    let upload = Upload::begin(Client::http1(host.gateway).await, "/guest/count");
    upload.send("before, ").await;
    until("it is called", async || host.busy("guest").await == 1).await;
    host.canary("hasty", &variant("guest", "hello\n", "hallo\n"), "canary=50&for=1h").await;
    clock.set(2 * HOUR);
    upload.send("after").await;
    let answer = upload.finish().await;
    assert_eq!((answer.status, answer.text()), (StatusCode::OK, "13"));
    assert_eq!(host.get("/guest/hello").await.status, StatusCode::OK);
    assert_eq!(host.service("hasty").await["canary"]["revision"], 2, "its hour is not over");
    host.decide("hasty", "rollback").await;

    // Back: what has none left ends.
    let spinner = tokio::spawn({
        let client = Client::http1(host.gateway).await;
        async move { { client }.get("/hasty/spin").await.status }
    });
    until("it spins", async || host.busy("hasty").await == 1).await;
    host.canary("guest", &variant("guest", "hello\n", "hallo\n"), "canary=50&for=1s&calls=1").await;
    clock.set(-HOUR);
    let spun = tokio::time::timeout(Duration::from_secs(60), spinner).await;
    assert_eq!(spun.expect("an end").expect("no panic"), StatusCode::GATEWAY_TIMEOUT);
    until("the canary is live", async || {
        host.get("/guest/hello").await;
        host.service("guest").await["revision"] == 2
    })
    .await;
}

#[tokio::test]
async fn what_a_host_says_of_the_time_is_never_before_it() {
    let (folder, clock) = (relay_and_directory("Alice"), Clock::new());
    clock.set(HOUR);
    let host = clock.up(folder.path());
    clock.set(-HOUR);
    let admin = host.admin.to_string();
    let status = clock.shown_to(&mut dovetail()).args(["status", "--admin", &admin]).output();
    let status = String::from_utf8(status.expect("dovetail starts").stdout).expect("text");
    assert!(status.contains(" 0 s ago "), "{status}");
}

fn revisions(history: &[Value]) -> Vec<u64> {
    history.iter().map(|entry| entry["revision"].as_u64().expect("a number")).collect()
}
