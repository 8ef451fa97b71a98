//! Subscribers that are replaced while they are told of events.

use std::fs;

use http::{Method, StatusCode};
use serde_json::json;

use super::{
    checker::End,
    emitters::Emitters,
    rows::Rows,
    signals::{emit, has_noted, signals, up_to},
};
use crate::support::{
    Host,
    clock::{Clock, HOUR},
    dovetail,
    made::{bytes, variant},
    request, rounds, until,
};

/// A recorder that is another.
fn other() -> Vec<u8> {
    variant("recorder", "told to reject", "told to REJECT")
}

/// `ROUNDS=1000` swaps it as often.
#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_is_swapped_under_load() {
    let folder = signals("", "");
    let host = Host::up(folder.path());
    let emitters = Emitters::start(&host, End::Failed).await;
    let variants = [bytes("recorder"), other()];
    let swaps = rounds(60);
    for live in 1..=swaps {
        host.swap("recorder", &variants[live as usize % 2]).await;
        let drained = host.drained("recorder").await;
        assert!(drained.iter().all(|gone| gone["stopped"] == 0), "{drained:?}");
        emitters.more(2).await;
    }
    emitters.assert_had(&host, &["recorded"]).await;
    let recorder = host.service("recorder").await;
    assert_eq!((&recorder["revision"], &recorder["traps"]), (&json!(swaps + 1), &json!(0)));
    host.signal("TERM");
    host.wait();
    assert_eq!(Rows::of(folder.path(), None).counts(), [0; 4]);
}

/// Whether a message is the canary's is in its id, which is as good as random.
#[tokio::test(flavor = "multi_thread")]
async fn a_canary_has_its_share_of_the_deliveries() {
    let folder = signals("", "");
    let host = Host::up(folder.path());
    host.canary("recorder", &other(), "canary=25").await;
    let mut client = host.connect().await;
    for key in 0..10 {
        assert_eq!(emit(&mut client, &format!("key=k{key}&count=100")).await, StatusCode::OK);
    }
    for key in 0..10 {
        has_noted(&host, &format!("k{key}"), &up_to(100)).await;
    }
    until("all are counted", async || {
        let recorder = host.service("recorder").await;
        recorder["live_calls"].as_u64().zip(recorder["canary"]["calls"].as_u64()).map(|(a, b)| a + b) == Some(1000)
    })
    .await;
    let canary = host.service("recorder").await["canary"]["calls"].as_u64().expect("a number");
    // Five times what such a number strays by.
    assert!(canary.abs_diff(250) <= 70, "{canary} of 1000 deliveries");
}

/// It may fail more often than there are attempts before it is withdrawn.
#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_fails_is_withdrawn_and_its_events_are_had() {
    let folder = signals("attempts = 1\nbackoff = \"1ms..5ms\"", "");
    let host = Host::up(folder.path());
    let emitters = Emitters::start(&host, End::Failed).await;
    emitters.more(10).await;
    host.canary("recorder", &failing(), "canary=50").await;
    until("it is withdrawn", async || host.service("recorder").await["canary"].is_null()).await;
    host.wait_for_output("the canary is withdrawn");
    emitters.more(10).await;
    emitters.assert_had(&host, &["recorded"]).await;
    host.signal("TERM");
    host.wait();
    assert_eq!(Rows::of(folder.path(), None).counts(), [0; 4]);
}

/// Components mostly trap when their store fails. That it does is no fault of theirs: neither
/// canary is withdrawn, and the event is not parked.
#[tokio::test(flavor = "multi_thread")]
async fn what_fails_of_the_store_counts_against_nobody() {
    let folder = signals("attempts = 1", "");
    let (host, data) = (Host::up(folder.path()), folder.path().join("data"));
    host.canary("recorder", &other(), "canary=99").await;
    host.canary("guest", &variant("guest", "no such behaviour", "no such BEHAVIOUR"), "canary=50").await;
    let mut client = host.connect().await;
    assert_eq!(emit(&mut client, "key=a&what=count").await, StatusCode::OK);
    until("it counts", async || host.get("/exists?bucket=recorded&key=counted").await.text() == "true").await;

    let away = folder.path().join("away");
    fs::rename(&data, &away).expect("it is ours");
    host.wait_for_output("deliveries wait for the store");
    for _ in 0..10 {
        let answer = client.get("/insist?bucket=emitted&key=a").await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
        assert_eq!(answer.json()["error"], "The store cannot keep anything now; try again later");
        assert!(client.get("/increment?bucket=emitted&key=a").await.status.is_server_error());
    }
    host.wait_for_output("service \"guest\" failed, because the store did");
    fs::rename(&away, &data).expect("it is ours");
    let mut client = host.connect().await;
    let set = "/set?bucket=recorded&key=open";
    until("it keeps", async || client.send(request(Method::POST, set, "yes")).await.status == StatusCode::OK).await;
    has_noted(&host, "a", "1").await;
    for name in ["recorder", "guest"] {
        let service = host.service(name).await;
        assert_eq!((&service["traps"], &service["errors"]), (&json!(0), &json!(0)), "{service}");
        assert_eq!(service["canary"]["errors"], 0, "{service}");
    }
    host.signal("TERM");
    host.wait();
    assert_eq!(Rows::of(folder.path(), None).counts(), [0; 4]);
}

/// A recorder that traps when it would note something, for it is not granted this bucket.
fn failing() -> Vec<u8> {
    variant("recorder", "recorded", "recordet")
}

/// A message is parked by the revision that is live, when that has had all its attempts.
#[tokio::test]
async fn attempts_of_a_revision_that_was_replaced_are_given_back() {
    let (folder, clock) = (signals("attempts = 2\nbackoff = \"1000h..1000h\"", ""), Clock::new());
    let host = clock.up(folder.path());
    assert_eq!(emit(&mut host.connect().await, "key=a&what=trap%202").await, StatusCode::OK);
    Rows::wait_for(folder.path(), [1, 1, 0, 0]).await;
    host.swap("recorder", &other()).await;
    host.kill();
    clock.set(1_001 * HOUR);
    let host = clock.up(folder.path());
    assert_eq!(host.service("recorder").await["revision"], 2);
    let line = host.wait_for_output("a delivery failed");
    assert!(line.contains("attempt=2"), "{line}");
    until("it is recorded", async || {
        let rows = Rows::of(folder.path(), None);
        rows.counts() == [1, 1, 0, 0] && rows.of_kind("retry")[0].value["attempts"] == json!({ "1": 1, "2": 1 })
    })
    .await;
    host.kill();
    clock.set(2_002 * HOUR);
    let host = clock.up(folder.path());
    has_noted(&host, "a", "1").await;
}

#[tokio::test]
async fn what_a_bad_revision_could_not_take_a_good_one_does() {
    let folder = signals("attempts = 1000\nbackoff = \"1ms..20ms\"", "");
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    host.swap("recorder", &failing()).await;
    assert_eq!(emit(&mut client, "key=a&count=5").await, StatusCode::OK);
    host.wait_for_output("a delivery failed");
    assert_eq!(host.decide("recorder", "rollback").await.status, StatusCode::OK);
    has_noted(&host, "a", "1,2,3,4,5").await;
}

/// What a bad revision has parked waits for a person, who is told so.
#[tokio::test]
async fn a_rollback_names_what_is_parked_and_the_command_that_tries_it_again() {
    let folder = signals("attempts = 1", "");
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    host.swap("recorder", &failing()).await;
    for key in ["a", "b"] {
        assert_eq!(emit(&mut client, &format!("key={key}&count=2")).await, StatusCode::OK);
    }
    Rows::wait_for(folder.path(), [4, 0, 2, 0]).await;
    let admin = host.admin.to_string();
    let said = |arguments: &[&str]| {
        let output = dovetail().args(arguments).args(["--admin", &admin]).output().expect("dovetail starts");
        let said = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(output.status.success(), "{arguments:?}: {said}");
        said
    };
    let retry = ["events", "retry", "--all-parked", "--of", "recorder"];
    let told = format!("Note 2 events for recorder are parked, and tried again with `dovetail {}`\n", retry.join(" "));
    let rolled_back = said(&["rollback", "recorder"]);
    assert!(rolled_back.ends_with(&told), "{rolled_back}");
    said(&retry);
    for key in ["a", "b"] {
        has_noted(&host, key, "1,2").await;
    }
    host.swap("recorder", &other()).await;
    assert!(!said(&["rollback", "recorder"]).contains("parked"));
}
