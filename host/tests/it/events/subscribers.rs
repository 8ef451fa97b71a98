//! Who subscribes, and what becomes of what waits when that changes.

use std::path::Path;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    rows::Rows,
    signals::{emit, has_noted, manifest, up_to},
};
use crate::support::{Host, app, dovetail, until, write_manifest};

/// The app with these subscribers, and more of the event's table.
fn with(subscribers: &str, more: &str) -> String {
    let both = manifest(more, "").replace(r#"["recorder"]"#, subscribers);
    format!("{both}[service.repeater]\ncomponent = \"{{repeater}}\"\nbuckets = [\"repeated\"]\n")
}

async fn steer(host: &Host, what: &str) {
    let answer = host.manage(Method::POST, &format!("/v1/events/recorder/{what}"), "").await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
}

/// What the repeater has noted of a key.
async fn has_repeated(host: &Host, key: &str, expected: &str) {
    until(&format!("{expected} of {key} are repeated"), async || {
        let answer = host.get(&format!("/get?bucket=repeated&key=had/{key}")).await;
        answer.status == StatusCode::OK && answer.text() == expected
    })
    .await;
}

/// One that is new begins with what is emitted from then on, or with the oldest that waits
/// for the others; one that is taken out loses nothing.
#[tokio::test]
async fn what_waits_stays_when_subscribers_come_and_go() {
    for (start, first) in [("now", "4,5"), ("oldest", "1,2,3,4,5")] {
        let folder = app(&with(r#"["recorder"]"#, ""));
        let host = Host::up(folder.path());
        steer(&host, "pause").await;
        assert_eq!(emit(&mut host.connect().await, "key=a&from=1&count=3").await, StatusCode::OK);
        stop(host);
        write_manifest(folder.path(), &with(r#"["recorder", "repeater"]"#, &format!("start = \"{start}\"")));
        let host = Host::up(folder.path());
        assert_eq!(emit(&mut host.connect().await, "key=a&from=4&count=2").await, StatusCode::OK);
        has_repeated(&host, "a", first).await;
        stop(host);
        write_manifest(folder.path(), &with(r#"["repeater"]"#, ""));
        let host = Host::up(folder.path());
        host.wait_for_output("which subscribes to them no more");
        stop(host);
        assert_eq!(Rows::of(folder.path(), None).of_kind("event").len(), 5);
        write_manifest(folder.path(), &with(r#"["recorder", "repeater"]"#, ""));
        let host = Host::up(folder.path());
        steer(&host, "resume").await;
        has_noted(&host, "a", &up_to(5)).await;
        has_repeated(&host, "a", first).await;
    }
}

fn stop(host: Host) {
    host.signal("TERM");
    assert_eq!(host.wait().code(), Some(0));
}

#[tokio::test]
async fn what_is_left_for_one_that_is_taken_out_is_exported_and_dropped() {
    // No host is at the manifest's address.
    let with = |subscribers| with(subscribers, "") + "[admin]\nlisten = \"127.0.0.1:1\"\n";
    for beside_a_host in [true, false] {
        let folder = app(&with(r#"["recorder"]"#));
        let host = Host::up(folder.path());
        steer(&host, "pause").await;
        assert_eq!(emit(&mut host.connect().await, "key=a&from=1&count=3").await, StatusCode::OK);
        stop(host);
        park(folder.path(), "spoiled");
        write_manifest(folder.path(), &with(r#"["repeater"]"#));
        let exported = run(folder.path(), &["events", "export", "recorder"]);
        let lines: Vec<Value> = exported.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let told: Vec<_> =
            lines.iter().map(|line| (&line["state"], &line["message"]["data"]["signal"]["number"])).collect();
        let waiting = json!("waiting");
        assert_eq!(told[..3], [(&waiting, &json!(1)), (&waiting, &json!(2)), (&waiting, &json!(3))]);
        assert_eq!((&lines[3]["state"], &lines[3]["message"]), (&json!("parked"), &json!("spoiled")));

        let host = Host::up(folder.path());
        let line = host.wait_for_output("which subscribes to them no more");
        assert!(line.contains("drop them with `dovetail events drop --all recorder`"), "{line}");
        assert!(line.contains("waiting=3") && line.contains("parked=1"), "{line}");
        match beside_a_host {
            true => {
                let admin = host.admin.to_string();
                run(folder.path(), &["events", "drop", "--all", "recorder", "--admin", &admin]);
                stop(host);
            }
            false => {
                stop(host);
                run(folder.path(), &["events", "drop", "--all", "recorder"]);
            }
        }
        assert_eq!(Rows::of(folder.path(), None).counts(), [0; 4]);
        let refused = dovetail().args(["events", "drop", "--all", "nobody"]).current_dir(&folder).output();
        let refused = String::from_utf8(refused.expect("dovetail starts").stderr).expect("UTF-8");
        assert_eq!(refused, "error: there is no subscriber `nobody`; there are `recorder`, `repeater`\n");
    }
}

/// Keep something in the place of a parked message of the recorder.
fn park(folder: &Path, value: &str) {
    let bucket = "parked:shop:signals/signals@0.1.0/recorder";
    let line = json!({ "bucket": bucket, "key": "0194f8c6-7d2a-7b3c-9e4f-5a6b7c8d9e0f", "value": value }).to_string();
    std::fs::write(folder.join("lines"), line).expect("there is room");
    run(folder, &["store", "import", "lines"]);
}

/// What a verb prints that must go well.
fn run(folder: &Path, arguments: &[&str]) -> String {
    let output = dovetail().args(arguments).current_dir(folder).output().expect("dovetail starts");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}
