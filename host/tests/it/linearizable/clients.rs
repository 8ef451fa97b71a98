//! Clients that create, read, list and delete at random, all of them on the same few
//! ids: those that were given out last, and the next ones.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::task::JoinSet;

use super::records::{Asked, Presence, Record, Recorder};
use crate::support::{Client, Host};

const CLIENTS: usize = 16;

/// Start clients that take turns in talking to these hosts. Each ends after so many
/// requests, or when its connection breaks.
pub async fn start(hosts: &[Host], requests: usize, recorder: &Arc<Recorder>) -> JoinSet<Vec<Record>> {
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let client = hosts[number % hosts.len()].connect().await;
        clients.spawn(work(client, requests, recorder.clone()));
    }
    clients
}

async fn work(mut client: Client, requests: usize, recorder: Arc<Recorder>) -> Vec<Record> {
    let mut records: Vec<Record> = Vec::new();
    while records.len() < requests && records.last().is_none_or(|record| record.answer.is_some()) {
        // To ask on while nobody can answer would only make the history longer.
        recorder.server.subscribe().wait_for(|server| *server != Presence::Gone).await.expect("it is not closed");
        let asked = any(&recorder);
        records.push(recorder.ask(&mut client, asked).await);
    }
    records
}

fn any(recorder: &Recorder) -> Asked {
    let new_user = || near(&recorder.last_user).max(3);
    let user = || match below(3) {
        // Two are there from the beginning, and come to have many orders.
        0 => 1 + below(2),
        _ => new_user(),
    };
    match below(16) {
        0 => Asked::CreateUser { name: unique("User") },
        1..=5 => Asked::ReadUser(user()),
        6 | 7 => Asked::DeleteUser(new_user()),
        8..=10 => Asked::CreateOrder { user: user(), item: unique("Item") },
        11..=13 => Asked::ReadOrder(near(&recorder.last_order)),
        _ => Asked::ListOrders(user()),
    }
}

/// One of the last three ids, or one of the next two.
fn near(last: &AtomicU64) -> u64 {
    (last.load(Ordering::Relaxed) + 2).saturating_sub(below(5))
}

/// A text that is sent once.
fn unique(what: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{what} {}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Any number below this one.
pub fn below(end: u64) -> u64 {
    RandomState::new().hash_one(()) % end
}
