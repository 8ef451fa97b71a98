//! NATS with JetStream.

use http::StatusCode;

use super::{is_reading, signals_by};
use crate::{
    events::{
        hosts::once_whichever_host,
        signals::{emit, has_noted},
    },
    support::{Host, nats, postgres, until},
};

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_had_once_and_in_order_by_nats() {
    let Some(broker) = nats::start() else { return };
    super::once_and_in_order(&broker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_had_once_and_in_order_by_nats_over_tls() {
    let Some(broker) = nats::encrypted() else { return };
    super::once_and_in_order(&broker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_had_once_whenever_nats_is_killed() {
    let Some(broker) = nats::start() else { return };
    super::had_once_whenever_the_broker_is_killed(&broker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_order_has_one_notice_by_nats_whenever_its_host_is_killed() {
    let Some(broker) = nats::start() else { return };
    super::one_notice_each_whenever_its_host_is_killed(&broker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_had_once_whichever_host_reads_nats() {
    let Some(broker) = nats::start() else { return };
    let Some(server) = postgres::Server::shared() else { return };
    once_whichever_host(&server.database(), &format!("transport = \"{}\"", broker.url)).await;
}

/// The client connects again by itself, and says nothing of what it waits for.
#[tokio::test]
async fn a_nats_that_is_gone_is_told_though_nothing_is_sent() {
    let Some(broker) = nats::start() else { return };
    let folder = signals_by(&broker, "");
    let host = Host::up(folder.path());
    until("it reads the broker", async || is_reading(&host, "recorder").await).await;
    broker.kill();
    until("it is told", async || !is_reading(&host, "recorder").await).await;
    broker.restart();
    until("it reads again", async || is_reading(&host, "recorder").await).await;
    assert_eq!(emit(&mut host.connect().await, "key=a&count=2").await, StatusCode::OK);
    has_noted(&host, "a", "1,2").await;
}

#[tokio::test]
async fn what_has_a_time_waits_for_it_on_both_sides_of_nats() {
    let Some(broker) = nats::start() else { return };
    let Some(foreign) = broker.foreign("nats") else { return };
    super::what_has_a_time_waits_for_it(&broker, &foreign).await;
}

#[tokio::test]
async fn apps_are_told_of_each_others_events_by_nats() {
    let Some(broker) = nats::start() else { return };
    super::between_two_apps(&broker).await;
}

#[tokio::test]
async fn programs_of_others_read_and_write_events_by_nats() {
    let Some(broker) = nats::start() else { return };
    let Some(foreign) = broker.foreign("nats") else { return };
    super::with_programs_of_others(&broker, &foreign).await;
}

#[tokio::test]
async fn what_is_no_event_is_parked_that_comes_by_nats() {
    let Some(broker) = nats::start() else { return };
    let Some(foreign) = broker.foreign("nats") else { return };
    super::what_is_bad_is_parked(&broker, &foreign).await;
}

#[tokio::test]
async fn what_is_emitted_waits_for_a_nats_server_that_is_away() {
    let Some(broker) = nats::start() else { return };
    super::who_cannot_reach_it_keeps_what_is_emitted(&broker).await;
}
