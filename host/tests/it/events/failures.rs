//! Deliveries that fail: what is tried again, and what is parked.

use std::{fs, process::Output};

use http::StatusCode;
use serde_json::{Value, json};

use super::{
    checker::End,
    emitters::Emitters,
    rows::{Rows, export},
    signals::{emit, has_noted, manifest, noted, signals, up_to},
};
use crate::{
    disk_full::limit,
    support::{Host, app, dovetail, until},
};

#[tokio::test]
async fn what_fails_is_tried_again_and_its_effect_is_once() {
    let folder = signals("attempts = 4\nbackoff = \"1ms..5ms\"", "");
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    for (from, what) in [(1, "trap%203"), (2, ""), (3, "later%203&asked=1"), (4, "")] {
        assert_eq!(emit(&mut client, &format!("key=a&from={from}&what={what}")).await, StatusCode::OK);
    }
    has_noted(&host, "a", "1,2,3,4").await;
    let attempts = host.get("/increment?bucket=recorded&key=attempts/a/1&by=0").await;
    assert_eq!(attempts.text(), "4");
    host.signal("TERM");
    host.wait();
    assert_eq!(Rows::of(folder.path(), None).counts(), [0; 4]);
}

#[tokio::test]
async fn how_it_failed_is_recorded_of_what_is_parked() {
    let folder = signals("attempts = 2\nbackoff = \"1ms..5ms\"\nparked = \"pass\"", "deadline = \"1s\"");
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    let table = [
        ("trap", "", "trap", 2, "its call failed: service \"recorder\" trapped"),
        ("spin", "", "deadline", 2, "its call failed: service \"recorder\" was stopped at its deadline"),
        ("later", "&asked=1", "error", 2, "service \"recorder\" answered with the error \"later\""),
        ("reject", "&asked=1", "reject", 1, "answered with the error {\"reject\":\"told to reject\"}"),
    ];
    for (what, asked, ..) in table {
        assert_eq!(emit(&mut client, &format!("key={what}&what={what}{asked}")).await, StatusCode::OK);
        assert_eq!(emit(&mut client, &format!("key={what}&from=2")).await, StatusCode::OK);
        // It is out of the way.
        has_noted(&host, what, "2").await;
    }
    host.signal("TERM");
    host.wait();
    let rows = Rows::of(folder.path(), None);
    assert_eq!(rows.counts(), [0, 0, 0, 4]);
    for (what, _, why, attempts, error) in table {
        let parked = rows.of_kind("parked").into_iter();
        let Some(row) = parked.into_iter().find(|row| row.value["message"]["partitionkey"] == what) else {
            panic!("{what} is not parked")
        };
        assert_eq!((&row.value["why"], &row.value["attempts"]), (&json!(why), &json!({ "1": attempts })), "{row:?}");
        assert!(row.value["error"].as_str().is_some_and(|said| said.contains(error)), "{row:?}");
        assert!(row.key.starts_with(row.value["message"]["id"].as_str().expect("an id")), "{row:?}");
        assert!(row.value["at"].is_string() && row.value["due"].is_null(), "{row:?}");
    }
}

#[tokio::test]
async fn a_parked_one_blocks_its_key_alone_also_after_a_restart() {
    let folder = signals("attempts = 2\nbackoff = \"1ms..5ms\"", "");
    let mut host = Host::up(folder.path());
    let mut client = host.connect().await;
    assert_eq!(emit(&mut client, "key=bad&what=trap").await, StatusCode::OK);
    Rows::wait_for(folder.path(), [1, 0, 1, 0]).await;
    for restarts in 0..3 {
        let mut client = host.connect().await;
        assert_eq!(emit(&mut client, &format!("key=bad&from={}", 2 + restarts)).await, StatusCode::OK);
        assert_eq!(emit(&mut client, &format!("key=good&from={}", 1 + restarts)).await, StatusCode::OK);
        has_noted(&host, "good", ["1", "1,2", "1,2,3"][restarts]).await;
        assert_eq!(noted(&host, "bad").await, "");
        host.kill();
        assert_eq!(Rows::of(folder.path(), None).counts(), [2 + restarts, 0, 1, 0]);
        host = Host::up(folder.path());
    }
}

#[tokio::test]
async fn one_that_waits_for_its_next_attempt_holds_up_its_key_and_no_other() {
    let folder = signals("backoff = \"1000h..1000h\"", "");
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    assert_eq!(emit(&mut client, "key=bad&what=trap").await, StatusCode::OK);
    Rows::wait_for(folder.path(), [1, 1, 0, 0]).await;
    for from in [1, 2] {
        assert_eq!(emit(&mut client, &format!("key=bad&from={}", 1 + from)).await, StatusCode::OK);
        assert_eq!(emit(&mut client, &format!("key=good&from={from}")).await, StatusCode::OK);
    }
    has_noted(&host, "good", "1,2").await;
    host.kill();
    let rows = Rows::of(folder.path(), None);
    assert_eq!(rows.counts(), [3, 1, 0, 0]);
    let row = rows.of_kind("retry")[0];
    assert!(row.value["due"].as_str() > row.value["at"].as_str(), "{row:?}");
    // It is known after a restart how often it was tried, and when it is due.
    let host = Host::up(folder.path());
    assert_eq!(emit(&mut host.connect().await, "key=good&from=3").await, StatusCode::OK);
    has_noted(&host, "good", "1,2,3").await;
    assert_eq!(noted(&host, "bad").await, "");
    host.kill();
    assert_eq!(Rows::of(folder.path(), None).of_kind("retry")[0].value, row.value);
}

/// Messages that nobody could have emitted, as an import can bring them.
#[tokio::test]
async fn what_cannot_be_read_is_parked_with_the_reason() {
    let folder = signals("", "");
    let queue = "shop:signals/signals@0.1.0/recorder";
    let event = |kind: &str, data: Value| {
        json!({
            "specversion": "1.0", "id": "0194f8c6-7d2a-7b3c-9e4f-5a6b7c8d9e0f", "source": "/elsewhere",
            "type": format!("shop:signals/signals@0.1.0#{kind}"), "time": "2026-11-29T12:00:00Z",
            "datacontenttype": "application/json", "data": data,
        })
    };
    let table = [
        ("no JSON".to_owned(), "it is no CloudEvent in JSON: expected"),
        (event("unknown", json!({})).to_string(), "does not export shop:signals/signals@0.1.0#unknown"),
        (event("told", json!({ "signal": { "key": "a", "number": -1, "what": "" } })).to_string(), "number"),
        (event("told", json!({})).to_string(), "its data is not what shop:signals/signals@0.1.0#told takes"),
    ];
    let lines = table.iter().enumerate().map(|(place, (value, _))| {
        let key = format!("0194f8c6-7d2a-7b3c-9e4f-00000000000{place}");
        json!({ "bucket": format!("event:{queue}"), "key": key, "value": value }).to_string() + "\n"
    });
    fs::write(folder.path().join("lines"), lines.collect::<String>()).expect("there is room");
    let import = dovetail().args(["store", "import", "lines"]).current_dir(&folder).output();
    assert!(import.expect("dovetail starts").status.success());

    let host = Host::up(folder.path());
    let rows = Rows::wait_for(folder.path(), [0, 0, 0, table.len()]).await;
    let mut parked = rows.of_kind("parked");
    // They have no key, and are parked in any order.
    parked.sort_by(|one, other| one.key.cmp(&other.key));
    for (row, (value, error)) in parked.into_iter().zip(&table) {
        assert_eq!((&*row.queue, &row.value["why"]), (queue, &json!("data")), "{row:?}");
        assert!(row.value["error"].as_str().is_some_and(|said| said.contains(error)), "{row:?}");
        let message = serde_json::from_str(value).unwrap_or(json!(value));
        assert_eq!(row.value["message"], message);
    }
    // They are in nobody's way.
    assert_eq!(emit(&mut host.connect().await, "key=a").await, StatusCode::OK);
    has_noted(&host, "a", "1").await;
}

#[tokio::test]
async fn one_subscriber_that_fails_holds_up_no_other() {
    let both = manifest("attempts = 1", "").replace(r#"["recorder"]"#, r#"["recorder", "repeater"]"#);
    let both = both.replace("buckets = [\"recorded\"]", "buckets = [\"recorded\"]\nconfig = { what = \"trap\" }");
    let folder = app(&format!("{both}[service.repeater]\ncomponent = \"{{repeater}}\"\nbuckets = [\"repeated\"]\n"));
    let host = Host::up(folder.path());
    assert_eq!(emit(&mut host.connect().await, "key=a&count=5").await, StatusCode::OK);
    until("the other has them", async || host.get("/get?bucket=repeated&key=had/a").await.text() == up_to(5)).await;
    let rows = Rows::wait_for(folder.path(), [5, 0, 1, 0]).await;
    assert!(rows.of_kind("event").iter().all(|row| row.queue.ends_with("/recorder")));
    assert_eq!(noted(&host, "a").await, "");
}

#[tokio::test]
async fn a_circle_of_events_ends_with_an_error_that_shows_it() {
    let circle = manifest("attempts = 1", "").replace(r#"["recorder"]"#, r#"["repeater"]"#);
    let folder = app(&format!("{circle}[service.repeater]\ncomponent = \"{{repeater}}\"\nbuckets = [\"repeated\"]\n"));
    let host = Host::up(folder.path());
    assert_eq!(emit(&mut host.connect().await, "key=a&what=repeat").await, StatusCode::OK);
    let line = host.wait_for_output("parked an event");
    let hop = "shop:signals/signals@0.1.0#told";
    assert!(line.contains("events go in a circle: 17 of them led to each other"), "{line}");
    // Each of them, and the one that was not emitted.
    assert_eq!(line.matches(hop).count(), 1 + 17, "{line}");
    let answer = host.get("/get?bucket=repeated&key=had/a").await;
    assert_eq!(answer.text(), up_to(15));
    let rows = Rows::wait_for(folder.path(), [1, 0, 1, 0]).await;
    assert_eq!(rows.of_kind("blocked")[0].value["why"], "failed");
}

/// The clients' events wait on a disk that is full; those which were answered are had when
/// there is room, and the others never.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_loses_no_event_and_they_are_delivered_when_there_is_room() {
    let folder = signals("", "");
    let host = Host::up(folder.path());
    let emitters = Emitters::start(&host, End::Failed).await;
    for _ in 0..3 {
        emitters.more(100).await;
        limit(&host, Some(0));
        until("the store has failed", async || !host.admin("/readyz").await.status.is_success()).await;
        limit(&host, None);
        until("there is room", async || host.admin("/readyz").await.status.is_success()).await;
    }
    emitters.more(100).await;
    emitters.assert_had(&host, &["recorded"]).await;
}

#[tokio::test]
async fn what_waits_moves_with_an_export_to_another_store() {
    let folder = signals("attempts = 1", "deadline = \"1m\"");
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    assert_eq!(emit(&mut client, "key=bad&what=trap").await, StatusCode::OK);
    assert_eq!(emit(&mut client, "key=a&what=wait&count=20").await, StatusCode::OK);
    Rows::wait_for(folder.path(), [21, 0, 1, 0]).await;
    host.kill();
    fs::write(folder.path().join("lines"), export(folder.path(), None)).expect("there is room");
    let copy = "sqlite:data/copy.db";
    let import = dovetail().args(["store", "import", "lines", "--store", copy]).current_dir(&folder).output();
    let Output { status, stderr, .. } = import.expect("dovetail starts");
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    assert_eq!(Rows::of(folder.path(), Some(copy)).counts(), [21, 0, 1, 0]);
    let url = format!("sqlite:{}", folder.path().join("data/copy.db").display());
    let host = Host::up_with(folder.path(), &["--store", &url]);
    super::open(&host).await;
    has_noted(&host, "a", &up_to(20)).await;
    assert_eq!(noted(&host, "bad").await, "");
}
