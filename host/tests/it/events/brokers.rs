//! What is promised of events that go by a broker: the same for each, whose own file starts
//! it and says which of these hold.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    checker::End,
    crashes::{self, Crash},
    emitters::Emitters,
    later::{time_in, told_at},
    rows::Rows,
    signals::{emit, events, has_noted, manifest, noted},
};
use crate::support::{
    Host, app,
    broker::{Broker, Foreign},
    rounds, until,
};

mod kafka;
mod nats;
mod rabbitmq;

/// The event, and its name at a broker.
const EVENT: &str = "shop:signals/signals@0.1.0";
const ADDRESS: &str = "shop.signals.signals";

/// How many events go through each broker.
const EVENTS: u64 = 600;

/// The app whose signals go by a broker.
fn signals_by(broker: &Broker, more: &str) -> TempDir {
    app(&manifest(&format!("transport = \"{}\"\n{more}", broker.url), ""))
}

/// Two subscribers, each with its own place and pace.
async fn once_and_in_order(broker: &Broker) {
    let both = manifest(&format!("transport = \"{}\"", broker.url), "");
    let both = both.replace(r#"["recorder"]"#, r#"["recorder", "repeater"]"#);
    let folder = app(&format!("{both}[service.repeater]\ncomponent = \"{{repeater}}\"\nbuckets = [\"repeated\"]\n"));
    let host = Host::up(folder.path());
    // Who is new begins when they have come to the broker.
    for key in ["recorder", "repeater"] {
        until("it reads the broker", async || is_reading(&host, key).await).await;
    }
    let emitters = Emitters::start(&host, End::Failed).await;
    emitters.more(EVENTS).await;
    emitters.assert_had(&host, &["recorded", "repeated"]).await;
}

/// The broker is killed and comes back while clients have events emitted: they are answered
/// as ever, for what they emit waits in the store.
async fn had_once_whenever_the_broker_is_killed(broker: &Broker) {
    let folder = signals_by(broker, "");
    let host = Host::up(folder.path());
    until("it reads the broker", async || is_reading(&host, "recorder").await).await;
    let emitters = Emitters::start(&host, End::Failed).await;
    for _ in 0..rounds(3) {
        emitters.more(100).await;
        broker.kill();
        emitters.more(100).await;
        emitters.rest();
        broker.restart();
        emitters.wake();
    }
    emitters.more(100).await;
    emitters.assert_had(&host, &["recorded"]).await;
}

/// The host is killed while its clients order, and the broker with it each other time.
async fn one_notice_each_whenever_its_host_is_killed(broker: &Broker) {
    let crash = |round: u64| if round % 2 == 1 { Crash::HostAndBroker(broker) } else { Crash::Host };
    crashes::one_notice_each(None, Some(&broker.url), crash).await;
}

/// Two apps with a store each: one emits, and knows no subscriber; the other has no emitter.
async fn between_two_apps(broker: &Broker) {
    let whole = manifest(&format!("transport = \"{}\"", broker.url), "");
    let emits = whole.replace("subscribers = [\"recorder\"]\n", "").replace("name = \"signals\"", "name = \"emits\"");
    let (emits, hears) = (app(&emits), app(&whole.replace("name = \"signals\"", "name = \"hears\"")));
    let hearing = Host::up(hears.path());
    until("it reads the broker", async || is_reading(&hearing, "recorder").await).await;
    let emitting = Host::up(emits.path());
    let mut client = emitting.connect().await;
    assert_eq!(emit(&mut client, "key=a&count=3").await, StatusCode::OK);
    has_noted(&hearing, "a", "1,2,3").await;
    assert_eq!(noted(&emitting, "a").await, "");
    // What is sent while it is away is there when it is back.
    hearing.kill();
    assert_eq!(emit(&mut client, "key=a&from=4&count=2").await, StatusCode::OK);
    let hearing = Host::up(hears.path());
    has_noted(&hearing, "a", "1,2,3,4,5").await;
}

/// A program of others reads what is emitted, and what it sends is delivered: once, if it sends
/// it twice, and in order.
async fn with_programs_of_others(broker: &Broker, foreign: &Foreign) {
    let folder = signals_by(broker, "");
    let host = Host::up(folder.path());
    until("it reads the broker", async || is_reading(&host, "recorder").await).await;
    for number in [1, 2, 3] {
        let document = document(&format!("signal-{number}"), json!({ "key": "py", "number": number, "what": "note" }));
        foreign.publish(ADDRESS, "told", "py", &document);
        foreign.publish(ADDRESS, "told", "py", &document);
    }
    has_noted(&host, "py", "1,2,3").await;
    // Where a broker keeps only what somebody has asked for, that is from now on.
    foreign.read(ADDRESS, 0);
    assert_eq!(emit(&mut host.connect().await, "key=ours&from=7").await, StatusCode::OK);
    has_noted(&host, "ours", "7").await;
    assert_eq!(noted(&host, "py").await, "1,2,3");
    let read = foreign.read(ADDRESS, 1);
    let event: Value = serde_json::from_str(&read[0]).expect("JSON");
    assert_eq!((&event["specversion"], &event["type"]), (&json!("1.0"), &json!(format!("{EVENT}#told"))));
}

/// What has a time is sent when that has come, and what comes with one waits for it.
async fn what_has_a_time_waits_for_it(broker: &Broker, foreign: &Foreign) {
    let folder = signals_by(broker, "");
    let host = Host::up(folder.path());
    until("it reads the broker", async || is_reading(&host, "recorder").await).await;
    let (mut client, time) = (host.connect().await, time_in(Duration::from_millis(300)));
    assert_eq!(emit(&mut client, &format!("key=ours&what=time&not-before={time}")).await, StatusCode::OK);
    has_noted(&host, "ours", "1").await;
    assert!(told_at(&host, "ours", 1).await >= time);
    let sent: Value = serde_json::from_str(&foreign.read(ADDRESS, 1)[0]).expect("JSON");
    assert!(sent["notbefore"].is_string(), "{sent}");
    let theirs = document("later", json!({ "key": "theirs", "number": 1, "what": "note" }));
    foreign.publish(ADDRESS, "told", "theirs", &theirs.replacen('{', r#"{"notbefore":"9999-01-01T00:00:00Z","#, 1));
    until("it waits", async || events(&host, &["recorder"]).contains("waiting for its time")).await;
}

/// What is no message of the event is parked, says why, and is in nobody's way.
async fn what_is_bad_is_parked(broker: &Broker, foreign: &Foreign) {
    let folder = signals_by(broker, "");
    let host = Host::up(folder.path());
    until("it reads the broker", async || is_reading(&host, "recorder").await).await;
    for document in [
        "no JSON".to_owned(),
        document("1", json!({ "key": "a", "number": "one", "what": "note" })),
        document("2", json!({ "key": "a", "number": 1, "what": "note" })).replace("#told", "#other"),
        document("3", json!({ "key": "a", "number": 1, "what": "note" })),
    ] {
        foreign.publish(ADDRESS, "told", "a", &document);
    }
    has_noted(&host, "a", "1").await;
    let parked = events(&host, &["recorder", "--parked"]);
    for reason in ["signal.number", "#other"] {
        assert!(parked.contains(reason), "{reason} is not in {parked}");
    }
    assert_eq!(Rows::of(folder.path(), None).counts(), [0, 0, 0, 3], "{parked}");
}

/// A broker that is not there holds up no start and no call.
async fn who_cannot_reach_it_keeps_what_is_emitted(broker: &Broker) {
    let folder = signals_by(broker, "");
    let host = Host::up(folder.path());
    until("it reads the broker", async || is_reading(&host, "recorder").await).await;
    broker.kill();
    let mut client = host.connect().await;
    assert_eq!(emit(&mut client, "key=a&count=2").await, StatusCode::OK);
    until("it is told why they wait", async || events(&host, &[]).contains("is not sent to")).await;
    assert_eq!(events(&host, &[&outbox(broker)]).matches("waiting").count(), 2);
    host.signal("TERM");
    assert_eq!(host.wait().code(), Some(0));
    let kept = Rows::of(folder.path(), None);
    assert_eq!(kept.of_kind("event").len(), 2);
    let host = Host::up(folder.path());
    assert_eq!(emit(&mut host.connect().await, "key=a&from=3").await, StatusCode::OK);
    broker.restart();
    has_noted(&host, "a", "1,2,3").await;
}

/// Whether a subscriber has the broker's messages by now.
async fn is_reading(host: &Host, subscriber: &str) -> bool {
    let told = host.admin("/v1/events").await.json();
    let queues = told["queues"].as_array().expect("queues");
    let queue = queues.iter().find(|queue| queue["subscriber"] == subscriber).expect("it subscribes");
    queue["broker"].is_string() && queue["broken"].is_null()
}

/// Under which name what is sent to it waits.
fn outbox(broker: &Broker) -> String {
    format!("@{}", broker.url.split([':', '+']).next().unwrap_or_default())
}

/// A document as somebody else would write it.
fn document(id: &str, signal: Value) -> String {
    let event = json!({
        "specversion": "1.0", "id": id, "source": "/python", "type": format!("{EVENT}#told"),
        "data": { "signal": signal },
    });
    event.to_string()
}
