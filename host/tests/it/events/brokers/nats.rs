//! NATS with JetStream.

use crate::{
    events::hosts::once_whichever_host,
    support::{nats, postgres},
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
