//! Kafka.
//!
//! The broker here is killed only while nothing is sent. It numbers a batch before it writes
//! it, so one that is killed in between has acknowledged what it never has: that a broker of
//! Kafka's own keeps what it acknowledged is not shown.

use super::{Crash, crashes};
use crate::support::kafka;

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_had_once_and_in_order_by_kafka() {
    let Some(broker) = kafka::start() else { return };
    super::once_and_in_order(&broker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_order_has_one_notice_by_kafka_whenever_its_host_is_killed() {
    let Some(broker) = kafka::start() else { return };
    crashes::one_notice_each(None, Some(&broker.url), |_| Crash::Host).await;
}

#[tokio::test]
async fn apps_are_told_of_each_others_events_by_kafka() {
    let Some(broker) = kafka::start() else { return };
    super::between_two_apps(&broker).await;
}

#[tokio::test]
async fn programs_of_others_read_and_write_events_by_kafka() {
    let Some(broker) = kafka::start() else { return };
    let Some(foreign) = broker.foreign("kafka") else { return };
    super::with_programs_of_others(&broker, &foreign).await;
}

#[tokio::test]
async fn what_is_no_event_is_parked_that_comes_by_kafka() {
    let Some(broker) = kafka::start() else { return };
    let Some(foreign) = broker.foreign("kafka") else { return };
    super::what_is_bad_is_parked(&broker, &foreign).await;
}

#[tokio::test]
async fn what_is_emitted_waits_for_a_kafka_broker_that_is_away() {
    let Some(broker) = kafka::start() else { return };
    super::who_cannot_reach_it_keeps_what_is_emitted(&broker).await;
}
