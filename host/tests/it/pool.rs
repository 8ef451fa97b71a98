//! Instances are reused up to a limit, and callers wait for one in order.

use http::{Method, StatusCode};
use serde_json::json;
use tempfile::TempDir;
use tokio::task::{JoinHandle, JoinSet};

use crate::support::{Answer, GUESTS, Host, Upload, app, request, until};

/// One of [`GUESTS`] alone, with these limits.
fn guest(component: &str, limits: &str) -> TempDir {
    app(&format!(
        r#"
[app]
name = "pool"
[service.guest]
component = "{{{component}}}"
routes = ["/*"]
limits = {{ {limits} }}
"#
    ))
}

#[tokio::test]
async fn an_instance_serves_as_many_calls_as_reuse_says() {
    for component in GUESTS {
        for (limit, numbers) in [
            ("reuse = 3", [1, 2, 3, 1, 2, 3, 1, 2]),
            ("reuse = 1", [1; 8]),
            // The default is more than any test asks for.
            ("deadline = \"10s\"", [1, 2, 3, 4, 5, 6, 7, 8]),
        ] {
            let folder = guest(component, limit);
            let host = Host::up(folder.path());
            let mut client = host.connect().await;
            for number in numbers {
                assert_eq!(client.get("/calls").await.text(), number.to_string(), "{limit}");
            }
            // Connections have nothing to do with it.
            let next = if limit == "reuse = 1" { 1 } else { numbers[7] + 1 };
            assert_eq!(host.get("/calls").await.text(), next.to_string(), "{limit}");
            assert_eq!(host.service("guest").await["traps"], 0, "to be replaced is no trap");
        }
    }
}

#[tokio::test]
async fn no_more_instances_are_made_than_the_limit_says() {
    for component in GUESTS {
        let folder = guest(component, "instances = 3");
        let host = Host::up(folder.path());
        let mut uploads = Vec::new();
        for busy in 1..=3 {
            uploads.push(Upload::begin(host.connect().await, "/count"));
            until("it has an instance", async || host.busy("guest").await == busy).await;
        }
        let waiting = wait(&host, "/calls", 4).await;
        assert_eq!(host.service("guest").await["instances"], json!({ "idle": 0, "busy": 3, "max": 3 }));

        for upload in uploads {
            upload.send("four").await;
            assert_eq!(upload.finish().await.text(), "4");
        }
        assert_eq!(waiting.await.expect("an answer").text(), "2", "it had the instance of another");
        until("none is busy", async || host.busy("guest").await == 0).await;
        assert_eq!(host.service("guest").await["instances"], json!({ "idle": 3, "busy": 0, "max": 3 }));
    }
}

#[tokio::test]
async fn callers_that_wait_are_served_in_the_order_in_which_they_came() {
    for component in GUESTS {
        let folder = guest(component, "instances = 1");
        let host = Host::up(folder.path());
        let upload = Upload::begin(host.connect().await, "/count");
        until("it has the instance", async || host.busy("guest").await == 1).await;
        let mut waiting = Vec::new();
        for place in 2..=9 {
            waiting.push((place, wait(&host, "/calls", place).await));
        }
        assert_eq!(upload.finish().await.text(), "0");
        // There is one instance, which counts its calls.
        for (place, answer) in waiting {
            assert_eq!(answer.await.expect("an answer").text(), place.to_string());
        }
    }
}

#[tokio::test]
async fn a_caller_that_stops_waiting_takes_nothing() {
    for component in GUESTS {
        let folder = guest(component, "instances = 1");
        let host = Host::up(folder.path());
        let upload = Upload::begin(host.connect().await, "/count");
        until("it has the instance", async || host.busy("guest").await == 1).await;
        let gone = wait(&host, "/calls", 2).await;
        let stays = wait(&host, "/calls", 3).await;
        gone.abort();
        assert!(gone.await.is_err_and(|error| error.is_cancelled()));
        assert_eq!(upload.finish().await.text(), "0");
        assert!(["2", "3"].contains(&stays.await.expect("an answer").text()));
        until("none is busy", async || host.busy("guest").await == 0).await;
        assert_eq!(host.service("guest").await["instances"], json!({ "idle": 1, "busy": 0, "max": 1 }));
    }
}

#[tokio::test]
async fn a_caller_is_served_when_the_one_before_it_was_stopped() {
    for component in GUESTS {
        let folder = guest(component, "instances = 1, deadline = \"1s\"");
        let host = Host::up(folder.path());
        let hanging = wait(&host, "/hang", 1).await;
        until("it has the instance", async || host.busy("guest").await == 1).await;
        // Whoever begins later may wait until later. The first may have too little
        // left of its own deadline; those after it have enough.
        until("a caller is served", async || {
            let answer = host.get("/calls").await;
            let too_late = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT].contains(&answer.status);
            assert!(too_late || answer.text() == "1", "by a fresh instance: {answer:?}");
            !too_late
        })
        .await;
        assert_eq!(hanging.await.expect("an answer").status, StatusCode::GATEWAY_TIMEOUT);
    }
}

#[tokio::test]
async fn callers_that_wait_in_vain_are_told_to_try_again() {
    for component in GUESTS {
        let folder = guest(component, "instances = 1, deadline = \"200ms\"");
        let host = Host::up(folder.path());
        // One of them hangs up to its deadline, which then is everybody's. Some of
        // the others may get the instance for what is left of theirs.
        until("one waited in vain", async || {
            let mut callers = JoinSet::new();
            for _ in 0..8 {
                let mut client = host.connect().await;
                callers.spawn(async move { client.get("/hang").await });
            }
            let answers = callers.join_all().await;
            let busy = |answer: &&Answer| answer.status == StatusCode::SERVICE_UNAVAILABLE;
            for answer in &answers {
                let expected = match busy(&answer) {
                    true => ("1", "The service is busy; try again"),
                    false => ("", "The service took too long"),
                };
                assert!(busy(&answer) || answer.status == StatusCode::GATEWAY_TIMEOUT, "{answer:?}");
                assert_eq!((answer.header("retry-after"), &answer.json()["error"]), (expected.0, &json!(expected.1)));
            }
            answers.iter().find(busy).is_some()
        })
        .await;
        let line = host.wait_for_output("were busy");
        assert!(line.contains(" WARN "), "no defect: {line}");
        assert!(
            line.contains("service \"guest\": all 1 instances were busy") && line.contains("limits.instances"),
            "{line}"
        );
        assert_eq!(host.get("/hello").await.text(), "hello\n");
    }
}

/// Send a request on a connection of its own, and return once the service has
/// been called this often: then it is in the queue.
async fn wait(host: &Host, path: &'static str, calls: u64) -> JoinHandle<Answer> {
    let mut client = host.connect().await;
    let answer = tokio::spawn(async move { client.send(request(Method::GET, path, "")).await });
    until("it is called", async || host.service("guest").await["calls"] == calls).await;
    answer
}
