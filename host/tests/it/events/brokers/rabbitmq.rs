//! RabbitMQ.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use http::StatusCode;
use serde_json::json;

use super::super::{
    rows::Rows,
    signals::{emit, events, has_noted, manifest},
};
use super::{ADDRESS, document, is_reading, outbox, signals_by};
use crate::support::{
    Host, app,
    clock::{Clock, HOUR},
    rabbitmq, until,
};

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_had_once_and_in_order_by_rabbitmq() {
    let Some(broker) = rabbitmq::start() else { return };
    super::once_and_in_order(&broker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_had_once_and_in_order_by_rabbitmq_over_tls() {
    let Some(broker) = rabbitmq::encrypted() else { return };
    super::once_and_in_order(&broker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_had_once_whenever_rabbitmq_is_killed() {
    let Some(broker) = rabbitmq::start() else { return };
    super::had_once_whenever_the_broker_is_killed(&broker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_order_has_one_notice_by_rabbitmq_whenever_its_host_is_killed() {
    let Some(broker) = rabbitmq::start() else { return };
    super::one_notice_each_whenever_its_host_is_killed(&broker).await;
}

#[tokio::test]
async fn apps_are_told_of_each_others_events_by_rabbitmq() {
    let Some(broker) = rabbitmq::start() else { return };
    super::between_two_apps(&broker).await;
}

#[tokio::test]
async fn programs_of_others_read_and_write_events_by_rabbitmq() {
    let Some(broker) = rabbitmq::start() else { return };
    let Some(foreign) = broker.foreign("rabbitmq") else { return };
    super::with_programs_of_others(&broker, &foreign).await;
}

#[tokio::test]
async fn what_is_no_event_is_parked_that_comes_by_rabbitmq() {
    let Some(broker) = rabbitmq::start() else { return };
    let Some(foreign) = broker.foreign("rabbitmq") else { return };
    super::what_is_bad_is_parked(&broker, &foreign).await;
}

#[tokio::test]
async fn what_is_emitted_waits_for_a_rabbitmq_that_is_away() {
    let Some(broker) = rabbitmq::start() else { return };
    super::who_cannot_reach_it_keeps_what_is_emitted(&broker).await;
}

/// A server that keeps its connections and says nothing is given up, and had again.
#[tokio::test(flavor = "multi_thread")]
async fn a_rabbitmq_that_is_silent_is_told_and_had_again() {
    let Some(broker) = rabbitmq::start() else { return };
    let folder = signals_by(&broker, "");
    let host = Host::up(folder.path());
    until("it reads the broker", async || is_reading(&host, "recorder").await).await;
    broker.freeze();
    assert_eq!(emit(&mut host.connect().await, "key=a&count=2").await, StatusCode::OK);
    until("it is told", async || !is_reading(&host, "recorder").await).await;
    broker.thaw();
    has_noted(&host, "a", "1,2").await;
}

/// RabbitMQ keeps what somebody has a queue for, and nothing else.
#[tokio::test]
async fn what_no_queue_is_bound_for_is_parked() {
    let Some(broker) = rabbitmq::start() else { return };
    let more = format!("transport = \"{}\"\nattempts = 2\nbackoff = \"1ms..2ms\"", broker.url);
    let folder = app(&manifest(&more, "").replace("subscribers = [\"recorder\"]\n", ""));
    let host = Host::up(folder.path());
    assert_eq!(emit(&mut host.connect().await, "key=a").await, StatusCode::OK);
    let parked = host.wait_for_output("parked an event");
    let why = "no queue is bound to the exchange `shop.signals.signals` for `told.a`";
    assert!(parked.contains(why), "{parked}");
}

/// One that is refused goes with others, and is the only one that is parked.
#[tokio::test]
async fn what_is_refused_is_parked_and_what_goes_with_it_is_sent() {
    let Some(broker) = rabbitmq::start() else { return };
    let more = format!("transport = \"{}\"\nattempts = 1", broker.url.replace('?', "/some?"));
    let folder = app(&manifest(&more, "").replace("subscribers = [\"recorder\"]\n", ""));
    let host = Host::up(folder.path());
    events(&host, &["pause", &outbox(&broker)]);
    let mut client = host.connect().await;
    for key in ["a", "b", "c"] {
        assert_eq!(emit(&mut client, &format!("key={key}")).await, StatusCode::OK);
    }
    events(&host, &["resume", &outbox(&broker)]);
    let parked = host.wait_for_output("parked an event");
    assert!(parked.contains("for `told.b`"), "{parked}");
    until("the others are sent", async || Rows::of(folder.path(), None).counts() == [1, 0, 1, 0]).await;
}

#[tokio::test]
async fn why_rabbitmq_cannot_be_used_is_told() {
    let Some(broker) = rabbitmq::start() else { return };
    let wrong = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(wrong.path(), "wr0ng\n").expect("it can be written");
    fs::set_permissions(wrong.path(), fs::Permissions::from_mode(0o600)).expect("it is ours");
    let passfile = broker.file("passfile").display().to_string();
    for (url, why) in [
        (broker.url.replace('?', "/exchange?"), "inequivalent arg 'type' for exchange 'shop.signals.signals'"),
        (broker.url.replace('?', "/queue?"), "for queue 'signals.recorder.shop.signals.signals'"),
        (broker.url.replace('?', "/nowhere?"), "vhost nowhere not found"),
        (broker.url.replace(&passfile, &wrong.path().display().to_string()), "user and password may be wrong"),
    ] {
        let folder = app(&manifest(&format!("transport = \"{url}\""), ""));
        let told = Host::up(folder.path()).wait_for_output("events of others do not arrive");
        assert!(told.contains(why), "{told}");
    }
}

/// By the host's clock it is days later each time that it starts.
#[tokio::test]
async fn an_id_is_forgotten_when_its_time_to_be_kept_is_over() {
    let Some(broker) = rabbitmq::start() else { return };
    let Some(foreign) = broker.foreign("rabbitmq") else { return };
    let (folder, clock) = (signals_by(&broker, "keep = \"7d\""), Clock::new());
    let signal = |number: u64| {
        let document = document(&format!("signal-{number}"), json!({ "key": "a", "number": number, "what": "note" }));
        foreign.publish(ADDRESS, "told", "a", &document);
    };
    // What is old is forgotten when the first has come, and that is the one before the next.
    for (days, sent, had) in [(0, [1, 1, 2], "1,2"), (6, [3, 1, 4], "1,2,3,4"), (8, [5, 1, 6], "1,2,3,4,5,1,6")] {
        clock.set(days * 24 * HOUR);
        let host = clock.up(folder.path());
        until("it reads the broker", async || is_reading(&host, "recorder").await).await;
        for number in sent {
            signal(number);
            if number == sent[0] {
                let so_far = &had[..=had.find(&number.to_string()).expect("it is had")];
                has_noted(&host, "a", so_far).await;
            }
        }
        has_noted(&host, "a", had).await;
        host.signal("TERM");
        assert_eq!(host.wait().code(), Some(0));
    }
}
