//! Subscribers that come to take messages of other types.

use std::{fs, process::Stdio};

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    Host, app,
    made::{again, emitter_of, handler, recorder_of},
    until, up,
};

const MANIFEST: &str = r#"
[app]
name = "types"
[event."shop:signals/signals@0.1.0"]
subscribers = ["recorder"]
[service.recorder]
component = "recorder.wasm"
[service.emitter]
component = "emitter.wasm"
routes = ["/*"]
"#;

/// How the types of a field are written.
fn types(field: &str) -> String {
    format!("(signal: record {{ {field}: u64 }})")
}

#[tokio::test]
async fn a_swap_to_other_types_waits_until_none_wait_that_were_emitted() {
    for is_tried_first in [false, true] {
        let folder = signals("number");
        let host = Host::up(folder.path());
        steer(&host, "pause").await;
        emit(&host, 3).await;
        // Nobody may emit by the old types when others are to be taken.
        host.swap("emitter", &handler("", "")).await;
        let refused = host.put("recorder", &recorder_of("amount")).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{refused:?}");
        let told = format!(
            "3 messages of `shop:signals/signals@0.1#told` wait that were emitted as `{}`, and it takes `{}`",
            types("number"),
            types("amount")
        );
        assert!(refused.json()["problems"][0].as_str().is_some_and(|it| it.contains(&told)), "{refused:?}");
        steer(&host, "resume").await;
        all_are_delivered(&host, 3).await;

        match is_tried_first {
            false => _ = host.swap("recorder", &recorder_of("amount")).await,
            true => {
                host.canary("recorder", &recorder_of("amount"), "canary=50").await;
                assert_eq!(host.decide("recorder", "promote").await.status, StatusCode::OK);
            }
        }
        host.swap("emitter", &emitter_of("amount")).await;
        emit(&host, 2).await;
        all_are_delivered(&host, 2).await;

        // Those that wait now are what it takes after a restart, too.
        steer(&host, "pause").await;
        emit(&host, 4).await;
        host.kill();
        let host = Host::up(folder.path());
        steer(&host, "resume").await;
        all_are_delivered(&host, 4).await;
    }
}

#[tokio::test]
async fn a_start_on_other_types_is_refused_while_messages_wait() {
    let folder = signals("number");
    let host = Host::up(folder.path());
    steer(&host, "pause").await;
    emit(&host, 2).await;
    host.kill();
    write(&folder, "amount");
    assert!(refused(&folder).contains(&told(2, "number", "amount")), "{}", refused(&folder));
    write(&folder, "number");
    let host = Host::up(folder.path());
    steer(&host, "resume").await;
    all_are_delivered(&host, 2).await;
    host.kill();
    write(&folder, "amount");
    Host::up(folder.path());
}

/// What is taken is known of who went live last, and not of who was started.
#[tokio::test]
async fn a_start_on_the_types_from_before_a_swap_is_refused_while_messages_wait() {
    let folder = signals("number");
    let host = Host::up(folder.path());
    host.swap("emitter", &handler("", "")).await;
    host.swap("recorder", &recorder_of("amount")).await;
    host.swap("emitter", &emitter_of("amount")).await;
    steer(&host, "pause").await;
    emit(&host, 1).await;
    host.kill();
    fs::write(folder.path().join("recorder.wasm"), again(recorder_of("number"))).expect("there is room");
    fs::write(folder.path().join("emitter.wasm"), again(emitter_of("number"))).expect("there is room");
    assert!(refused(&folder).contains(&told(1, "amount", "number")), "{}", refused(&folder));
}

/// The app, whose signals have this field.
fn signals(field: &str) -> TempDir {
    let folder = app(MANIFEST);
    write(&folder, field);
    folder
}

fn write(folder: &TempDir, field: &str) {
    fs::write(folder.path().join("recorder.wasm"), recorder_of(field)).expect("there is room");
    fs::write(folder.path().join("emitter.wasm"), emitter_of(field)).expect("there is room");
}

/// Have some emitted, which are there when this returns.
async fn emit(host: &Host, count: usize) {
    let mut client = host.connect().await;
    for _ in 0..count {
        client.get("/").await;
    }
}

/// What is said of messages that cannot be delivered.
fn told(waiting: u64, was: &str, now: &str) -> String {
    let (was, now) = (types(was), types(now));
    format!(
        "{waiting} messages of shop:signals/signals@0.1#told wait for \"recorder\", which were emitted as {was}, and it \
         takes {now} now; start the host with the component from before"
    )
}

/// What a host says that does not start.
fn refused(folder: &TempDir) -> String {
    let output = up(folder.path()).stderr(Stdio::piped()).output().expect("dovetail starts");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}

async fn steer(host: &Host, what: &str) {
    let answer = host.manage(Method::POST, &format!("/v1/events/recorder/{what}"), "").await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
}

/// Wait until the live revision has had so many, and none is left.
async fn all_are_delivered(host: &Host, count: u64) {
    until(&format!("all of {count} are delivered"), async || {
        let queue = host.admin("/v1/events").await.json()["queues"][0].clone();
        assert_eq!(queue["parked"], 0, "{queue}");
        queue["waiting"] == 0 && host.service("recorder").await["live_calls"] == json!(count)
    })
    .await;
    assert_eq!(host.service("recorder").await["traps"], Value::from(0));
}
