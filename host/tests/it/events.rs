//! What is promised of events, each sentence of it through the real binary.
//!
//! An emitter has HTTP requests emit signals, a recorder is told of them and notes them
//! ([`signals`]); a [`checker`] judges what was noted by what was asked for.

use http::StatusCode;
use serde_json::Value;

use self::{
    checker::{End, Had},
    emitters::Emitters,
    rows::Rows,
    signals::{emit, had_in, has_noted, manifest, noted, open, signals, up_to},
};
use crate::support::{Host, app, postgres, redis, until};

mod brokers;
mod checker;
mod crashes;
mod emitters;
mod failures;
mod hosts;
mod later;
mod rows;
mod signals;
mod subscribers;
mod swaps;
mod types;

/// How many events go through each store.
const EVENTS: u64 = 600;

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_had_once_and_in_order_in_memory() {
    once_and_in_order(Some("memory:")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_had_once_and_in_order_in_sqlite() {
    once_and_in_order(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_had_once_and_in_order_in_postgresql() {
    let Some(server) = postgres::Server::shared() else { return };
    once_and_in_order(Some(&server.database())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_had_once_and_in_order_in_redis() {
    let Some(server) = redis::Server::shared() else { return };
    once_and_in_order(Some(&server.database())).await;
}

/// Two subscribers, of WASI 0.2 and of 0.3, each with its own place, order and pace.
async fn once_and_in_order(store: Option<&str>) {
    let both = manifest("", "").replace(r#"["recorder"]"#, r#"["recorder", "repeater"]"#);
    let folder = app(&format!("{both}[service.repeater]\ncomponent = \"{{repeater}}\"\nbuckets = [\"repeated\"]\n"));
    let store = store.map(|url| ["--store", url]);
    let host = Host::up_with(folder.path(), store.as_ref().map_or(&[][..], |store| store));
    let emitters = Emitters::start(&host, End::Failed).await;
    emitters.more(EVENTS).await;
    emitters.assert_had(&host, &["recorded", "repeated"]).await;
}

#[tokio::test]
async fn what_a_call_emits_is_durable_with_it_or_never_was() {
    let folder = signals("", "");
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    for (from, then, status) in [
        (1, "", StatusCode::OK),
        (3, "trap", StatusCode::INTERNAL_SERVER_ERROR),
        (5, "422", StatusCode::UNPROCESSABLE_ENTITY),
        (7, "500", StatusCode::INTERNAL_SERVER_ERROR),
        (9, "", StatusCode::OK),
    ] {
        let query = format!("key=a&from={from}&count=2&then={then}");
        assert_eq!(emit(&mut client, &query).await, status, "{then}");
    }
    // The last come last, so that nothing comes after them.
    has_noted(&host, "a", "1,2,5,6,7,8,9,10").await;
    // What was answered is there without any delivery.
    let blocked = emit(&mut client, "key=b&what=wait&count=3").await;
    assert_eq!(blocked, StatusCode::OK);
    host.kill();
    assert_eq!(Rows::of(folder.path(), None).of_kind("event").len(), 3);
    let host = Host::up(folder.path());
    assert_eq!(noted(&host, "b").await, "");
    open(&host).await;
    has_noted(&host, "b", "1,2,3").await;
    host.signal("TERM");
    assert_eq!(host.wait().code(), Some(0));
    assert_eq!(Rows::of(folder.path(), None).counts(), [0; 4]);
}

#[tokio::test]
async fn a_call_that_is_stopped_at_its_deadline_has_emitted_nothing() {
    let folder = app(&manifest("", "").replace("20s", "500ms"));
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    assert_eq!(emit(&mut client, "key=a&then=spin").await, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(emit(&mut client, "key=a&from=2").await, StatusCode::OK);
    has_noted(&host, "a", "2").await;
}

#[tokio::test]
async fn a_service_that_is_not_atomic_emits_at_once() {
    let folder = app(&manifest("", "").replace("atomic = true", "atomic = false"));
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    assert_eq!(emit(&mut client, "key=a&count=2&then=trap").await, StatusCode::INTERNAL_SERVER_ERROR);
    has_noted(&host, "a", "1,2").await;
}

#[tokio::test]
async fn a_message_is_a_cloud_event() {
    let folder = signals("", "");
    let host = Host::up(folder.path());
    emit(&mut host.connect().await, "key=a&what=wait&from=7").await;
    let rows = Rows::of(folder.path(), None);
    let [row] = rows.of_kind("event")[..] else { panic!("one waits") };
    assert_eq!(row.queue, "shop:signals/signals@0.1.0/recorder");
    for (name, expected) in [
        ("specversion", "1.0"),
        ("type", "shop:signals/signals@0.1.0#told"),
        ("datacontenttype", "application/json"),
        ("partitionkey", "a"),
    ] {
        assert_eq!(row.value[name], expected, "{}", row.value);
    }
    let id = row.value["id"].as_str().expect("an id");
    assert!(row.key.starts_with(&format!("{id}/")), "{}", row.key);
    let Value::Object(data) = &row.value["data"] else { panic!("{}", row.value) };
    assert_eq!(data["signal"], serde_json::json!({ "key": "a", "number": 7, "what": "wait" }));
}

#[tokio::test]
async fn one_that_takes_long_holds_up_its_key_and_no_other() {
    let folder = signals("", "deadline = \"1m\"");
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    // More than are kept in mind of one key.
    assert_eq!(emit(&mut client, "key=slow&what=wait&count=500").await, StatusCode::OK);
    assert_eq!(emit(&mut client, "key=quick&count=3").await, StatusCode::OK);
    has_noted(&host, "quick", "1,2,3").await;
    assert_eq!(noted(&host, "slow").await, "");
    open(&host).await;
    has_noted(&host, "slow", &up_to(500)).await;
}

#[tokio::test]
async fn a_full_backlog_takes_no_more_and_loses_nothing() {
    let folder = signals("limits = { waiting = 3 }", "deadline = \"1m\"");
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    // They are counted before the first is delivered.
    assert_eq!(emit(&mut client, "key=first").await, StatusCode::OK);
    has_noted(&host, "first", "1").await;
    assert_eq!(emit(&mut client, "key=a&what=wait&count=3").await, StatusCode::OK);
    for (from, asked) in [(4, ""), (4, "&asked=1")] {
        let refused = emit(&mut client, &format!("key=b&from={from}{asked}")).await;
        assert_eq!(refused, StatusCode::SERVICE_UNAVAILABLE);
    }
    let line = host.wait_for_output("as many as may (limits.waiting of the event)");
    assert!(line.contains("3 messages of shop:signals/signals@0.1.0 wait for \"recorder\""), "{line}");
    // Nothing is left of the call that was refused.
    let answer = host.get("/exists?bucket=emitted&key=b").await;
    assert_eq!((answer.status, answer.text()), (StatusCode::OK, "false"));

    open(&host).await;
    has_noted(&host, "a", "1,2,3").await;
    until("there is room", async || emit(&mut client, "key=b&from=9").await == StatusCode::OK).await;
    has_noted(&host, "b", "9").await;
    assert_eq!(
        had_in(&host, "recorded", &["a".into(), "b".into()]).await,
        Had::from([("a".into(), vec![1, 2, 3]), ("b".into(), vec![9])])
    );
}
