//! What many clients see at once could have been seen by one after the other.
//!
//! Clients of the shop create, read, list and delete, all of them on the same few ids.
//! Each request is recorded with a moment before it was sent and one after it was
//! answered, and the history of each key is checked for linearizability: [`keys`] says
//! what a key is. A request that was not answered may have been done or not, but only
//! once, and for all who ask.

use std::sync::atomic::Ordering;

use http::StatusCode;
use serde_json::json;

use self::{
    checker::End,
    keys::faults,
    records::{Asked, Presence, Record, Recorder},
};
use crate::support::{Host, daemon::Daemon, postgres, redis, shop, until};

pub mod checker;
mod clients;
mod keys;
mod records;

/// How much each client asks for.
const REQUESTS: usize = 120;

/// How often a host is killed.
const CRASHES: u64 = 5;

#[tokio::test(flavor = "multi_thread")]
async fn in_memory() {
    one_after_the_other(1, Some("memory:")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_sqlite() {
    one_after_the_other(1, None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_hosts_in_postgresql() {
    let Some(server) = postgres::Server::shared() else { return };
    one_after_the_other(2, Some(&server.database())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_hosts_in_redis() {
    let Some(server) = redis::Server::shared() else { return };
    one_after_the_other(2, Some(&server.database())).await;
}

/// A killed host's requests were done before, or never; and what was answered, also to
/// those who only read, is there when it is up again.
#[tokio::test(flavor = "multi_thread")]
async fn over_crashes_in_sqlite() {
    let (folder, recorder) = (shop(), Recorder::new());
    let mut records = Vec::new();
    for _ in 0..CRASHES {
        let host = [Host::up(folder.path())];
        let work = clients::start(&host, usize::MAX, &recorder).await;
        has_more_answers(&recorder, 200 + clients::below(200)).await;
        host[0].signal("KILL");
        let mut round = work.join_all().await.concat();
        let [host] = host;
        assert!(!host.wait().success());
        let gone = recorder.now();
        for record in round.iter_mut().filter(|record| record.answer.is_none()) {
            record.end = End::Lost(gone);
        }
        assert!(round.iter().any(|record| record.end == End::Lost(gone)), "nobody waited for an answer");
        records.append(&mut round);
    }
    let host = [Host::up(folder.path())];
    records.extend(clients::start(&host, 20, &recorder).await.join_all().await.concat());
    assert_explained(&records);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_crashes_of_postgresql() {
    let Some(server) = postgres::Server::start(&[]) else { return };
    over_crashes_of(&server, &server.database()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_crashes_of_redis() {
    let Some(server) = redis::Server::durable() else { return };
    over_crashes_of(&server, &server.database()).await;
}

/// Two hosts, whose server is killed: they answer with 503 until it is back.
async fn over_crashes_of(server: &Daemon, url: &str) {
    let (folders, recorder) = ([shop(), shop()], Recorder::new());
    let hosts = folders.each_ref().map(|folder| Host::up_with(folder.path(), &["--store", url]));
    let work = clients::start(&hosts, 2 * REQUESTS, &recorder).await;
    for _ in 0..3 {
        has_more_answers(&recorder, 500).await;
        recorder.server.send_replace(Presence::Leaving);
        server.kill();
        recorder.server.send_replace(Presence::Gone);
        server.restart();
        until("the hosts are ready again", async || {
            let ready = tokio::join!(hosts[0].admin("/readyz"), hosts[1].admin("/readyz"));
            ready.0.status == StatusCode::OK && ready.1.status == StatusCode::OK
        })
        .await;
        recorder.server.send_replace(Presence::Here);
    }
    let records = work.join_all().await.concat();
    assert!(records.iter().any(|record| record.status().is_none()), "nobody waited for an answer");
    assert_explained(&records);
}

async fn has_more_answers(recorder: &Recorder, more: u64) {
    let far = recorder.answers.load(Ordering::Relaxed) + more;
    until("more is answered", async || {
        tokio::task::yield_now().await;
        recorder.answers.load(Ordering::Relaxed) >= far
    })
    .await;
}

/// Clients of so many hosts on one store: that of the manifest, or another.
async fn one_after_the_other(hosts: usize, url: Option<&str>) {
    let (folders, recorder): (Vec<_>, _) = ((0..hosts).map(|_| shop()).collect(), Recorder::new());
    let store = url.map(|url| ["--store", url]);
    let store = store.as_ref().map_or(&[][..], |store| store);
    let hosts: Vec<Host> = folders.iter().map(|folder| Host::up_with(folder.path(), store)).collect();
    let records = clients::start(&hosts, REQUESTS, &recorder).await.join_all().await.concat();
    assert_explained(&records);
}

/// The history is one that clients one after the other could have had. It has all that
/// may happen in it, and each lie that is put into it is found.
fn assert_explained(records: &[Record]) {
    let wrong = faults(records);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (what, told) in [
        ("a user that is read", has(records, |asked| matches!(asked, Asked::ReadUser(_)), 200)),
        ("a user that is not there", has(records, |asked| matches!(asked, Asked::ReadUser(_)), 404)),
        ("a user that is deleted", has(records, |asked| matches!(asked, Asked::DeleteUser(_)), 204)),
        ("a user that has orders", has(records, |asked| matches!(asked, Asked::DeleteUser(_)), 409)),
        ("an order that is refused", has(records, |asked| matches!(asked, Asked::CreateOrder { .. }), 400)),
        ("an order that is read", has(records, |asked| matches!(asked, Asked::ReadOrder(_)), 200)),
        ("an order that is not there", has(records, |asked| matches!(asked, Asked::ReadOrder(_)), 404)),
    ] {
        assert!(told, "the history has no {what}");
    }
    stale_reads_are_found(records);
}

fn has(records: &[Record], asked: impl Fn(&Asked) -> bool, status: u16) -> bool {
    records.iter().any(|record| asked(&record.asked) && record.status() == Some(status))
}

/// A read of what was there before, or an entry that a list lacks, is a fault.
fn stale_reads_are_found(records: &[Record]) {
    let mut found = [0, 0];
    for (index, record) in records.iter().enumerate() {
        let (kind, lie) = match (&record.asked, record.found()) {
            (Asked::ReadOrder(id), Some(_)) if is_taken_before(records, *id, record.begin) => {
                (0, (StatusCode::NOT_FOUND, json!({ "error": "Order not found" })))
            }
            (Asked::ListOrders(_), Some(list)) => match list.as_array().map(Vec::as_slice) {
                Some([others @ .., last])
                    if last["id"].as_u64().is_some_and(|id| is_taken_before(records, id, record.begin)) =>
                {
                    (1, (StatusCode::OK, json!(others)))
                }
                _ => continue,
            },
            _ => continue,
        };
        if found[kind] == 5 {
            continue;
        }
        found[kind] += 1;
        let mut wrong = records.to_vec();
        wrong[index].answer = Some(lie);
        assert_eq!(faults(&wrong).len(), 1, "{:?} was believed", wrong[index]);
    }
    assert_eq!(found, [5, 5], "lies that were told");
}

/// Whether the order was answered before this moment.
fn is_taken_before(records: &[Record], id: u64, moment: u64) -> bool {
    records.iter().any(|record| {
        let taken = matches!(record.asked, Asked::CreateOrder { .. }) && record.found().is_some_and(|o| o["id"] == id);
        taken && matches!(record.end, End::Answered(end) if end < moment)
    })
}
