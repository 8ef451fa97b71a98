//! Nobody ever finds a part of what a call wrote through two services, whoever is killed
//! when.
//!
//! Each request writes keys of its own, and others look for them meanwhile. What they all
//! found must be what clients one after the other could have found, by the checker that
//! the shop's histories go through: first none of a request's keys, then all.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, RandomState},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::{APP, WORKERS};
use crate::{
    linearizable::checker::{End, Event, Model, is_linearizable},
    support::{Client, Host, app, postgres, redis, request, until},
};

/// How often a host is killed.
const CRASHES: u64 = 4;

const WRITERS: u64 = 8;

const READERS: u64 = 4;

/// The number of the first request: that of who is noted by the other service.
const FIRST: u64 = 1_000_000;

/// Whether what a request writes is there.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Whole(bool);

/// What was done about a request's keys, or came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Did {
    /// They were written.
    Write,
    /// They were written by a call that then failed.
    Fail,
    /// So many of so many were found.
    Find(usize, usize),
}

impl Model for Whole {
    type Operation = Did;

    fn after(&self, did: &Did) -> Option<Whole> {
        match did {
            Did::Write => Some(Whole(true)),
            Did::Fail => Some(self.clone()),
            Did::Find(found, all) => (*found == if self.0 { *all } else { 0 }).then(|| self.clone()),
        }
    }

    fn is_read(did: &Did) -> bool {
        matches!(did, Did::Find(..))
    }
}

/// By the number of the request that writes them.
type History = BTreeMap<u64, Vec<Event<Did>>>;

/// What the clients of a store share.
struct Recorder {
    clock: AtomicU64,
    /// The number of the next request.
    next: AtomicU64,
    answers: AtomicU64,
    /// Where the service is that writes.
    path: &'static str,
}

impl Recorder {
    fn new(path: &'static str) -> Arc<Recorder> {
        let [clock, answers] = [const { AtomicU64::new(0) }; 2];
        Arc::new(Recorder { clock, next: AtomicU64::new(FIRST), answers, path })
    }

    fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    /// Ask a worker; none if the connection broke.
    async fn ask(&self, client: &mut Client, path: &str, steps: &str) -> Option<(u16, Value)> {
        let asked = client.try_send(request(Method::GET, &format!("{path}?steps={steps}"), "")).await.ok()?;
        self.answers.fetch_add(1, Ordering::Relaxed);
        Some((asked.status.as_u16(), serde_json::from_slice(&asked.body).unwrap_or_default()))
    }

    /// Write, until the host is gone. Every fourth call fails in the end.
    async fn write(self: Arc<Self>, mut client: Client) -> Vec<(u64, Event<Did>)> {
        let mut events = Vec::new();
        loop {
            let number = self.next.fetch_add(1, Ordering::SeqCst);
            let (operation, end, status) = match number % 4 {
                3 => (Did::Fail, ";trap", 500),
                _ => (Did::Write, "", 200),
            };
            let steps =
                format!("set:a{number}:1;ask:{number};in:other;set:c{number}:1;in:fixtures;set:b{number}:1{end}");
            let begin = self.now();
            let answer = self.ask(&mut client, self.path, &steps).await;
            let event = |end| (number, Event { operation, begin, end });
            let Some((found, answer)) = answer else {
                events.push(event(End::Open));
                return events;
            };
            assert_eq!(found, status, "{answer}");
            events.push(event(End::Answered(self.now())));
        }
    }

    /// Look for what was written of late, until the host is gone.
    async fn read(self: Arc<Self>, mut client: Client) -> Vec<(u64, Event<Did>)> {
        let mut events = Vec::new();
        loop {
            let number = self.next.load(Ordering::SeqCst).saturating_sub(below(WRITERS + 2)).max(FIRST);
            let begin = self.now();
            // These are read at one moment.
            let steps = format!("getmany:a{number},b{number},noted/{number}");
            let Some((_, found)) = self.ask(&mut client, "/plain", &steps).await else { return events };
            let operation = Did::Find(keys(&found), 3);
            events.push((number, Event { operation, begin, end: End::Answered(self.now()) }));
        }
    }

    /// Have clients write and read, and kill the host in the midst of it.
    async fn until_killed(self: &Arc<Self>, host: Host, history: &mut History) {
        let mut clients = JoinSet::new();
        for _ in 0..WRITERS {
            clients.spawn(self.clone().write(host.connect().await));
        }
        for _ in 0..READERS {
            clients.spawn(self.clone().read(host.connect().await));
        }
        let far = self.answers.load(Ordering::Relaxed) + 200 + below(100);
        until("more is answered", async || {
            tokio::task::yield_now().await;
            self.answers.load(Ordering::Relaxed) >= far
        })
        .await;
        host.signal("KILL");
        let mut round = clients.join_all().await.concat();
        assert!(!host.wait().success());
        let gone = self.now();
        for (number, mut event) in round.drain(..) {
            if event.end == End::Open {
                event.end = End::Lost(gone);
            }
            history.entry(number).or_default().push(event);
        }
    }

    /// Look for all that was ever written, in both buckets.
    async fn read_all(&self, host: &Host, history: &mut History) {
        let mut client = host.connect().await;
        for (number, events) in history {
            let begin = self.now();
            let steps = format!("getmany:a{number},b{number},noted/{number};in:other;getmany:c{number}");
            let (_, found) = self.ask(&mut client, "/plain", &steps).await.expect("it serves");
            let operation = Did::Find(keys(&found), 4);
            events.push(Event { operation, begin, end: End::Answered(self.now()) });
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_memory() {
    for worker in WORKERS {
        let (folder, recorder, mut history) = (folder(worker), Recorder::new("/work"), History::new());
        recorder.until_killed(up(folder.path(), "memory:"), &mut history).await;
        // What is in memory is gone with the host.
        assert_whole(history);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_crashes_in_sqlite() {
    over_crashes("worker", None).await;
    over_crashes("worker_async", None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_crashes_in_postgresql() {
    let Some(server) = postgres::Server::shared() else { return };
    over_crashes("worker", Some(&server.database())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_crashes_in_redis() {
    let Some(server) = redis::Server::shared() else { return };
    over_crashes("worker", Some(&server.database())).await;
}

/// A service that is not atomic is found to leave parts.
#[tokio::test(flavor = "multi_thread")]
async fn parts_are_found() {
    let (folder, recorder, mut history) = (folder("worker"), Recorder::new("/plain"), History::new());
    recorder.until_killed(up(folder.path(), "memory:"), &mut history).await;
    assert!(!faults(&history).is_empty(), "nobody has seen a part of what was written");
}

async fn over_crashes(worker: &str, store: Option<&str>) {
    let (folder, recorder, mut history) = (folder(worker), Recorder::new("/work"), History::new());
    let up = || match store {
        Some(url) => up(folder.path(), url),
        None => Host::up(folder.path()),
    };
    for _ in 0..CRASHES {
        recorder.until_killed(up(), &mut history).await;
    }
    recorder.read_all(&up(), &mut history).await;
    let all = || history.values().flatten();
    assert!(all().any(|event| matches!(event.end, End::Lost(_))), "nobody waited for an answer");
    assert!(all().any(|event| event.operation == Did::Find(4, 4)), "nothing was kept");
    assert!(all().any(|event| event.operation == Did::Find(0, 4)), "nothing failed");
    assert_whole(history);
}

fn folder(worker: &str) -> TempDir {
    app(&APP.replace("WORKER", worker).replace("CALLEE", "true"))
}

fn up(folder: &Path, store: &str) -> Host {
    Host::up_with(folder, &["--store", store])
}

/// Requests of which a part was found, or that were there and then not.
fn faults(history: &History) -> Vec<String> {
    let wrong = history.iter().filter(|(_, events)| !is_linearizable(Whole(false), events));
    wrong.map(|(number, events)| format!("request {number}: {events:?}")).collect()
}

/// The history is as it should be, and each lie that is put into it is found.
fn assert_whole(mut history: History) {
    assert_eq!(faults(&history), Vec::<String>::new());
    let mut lies = [0, 0, 0];
    for events in history.values_mut() {
        let written = events.iter().find(|event| event.operation == Did::Write).map(|event| event.end);
        for place in 0..events.len() {
            let Event { operation, begin, .. } = events[place];
            let Did::Find(found, all) = operation else { continue };
            let was_there = matches!(written, Some(End::Answered(end)) if end < begin);
            for (kind, lie) in [
                (0, Some(Did::Find(1, all))),
                (1, was_there.then_some(Did::Find(0, all))),
                (2, events.iter().any(|event| event.operation == Did::Fail).then_some(Did::Find(all, all))),
            ] {
                let Some(lie) = lie.filter(|lie| *lie != Did::Find(found, all)) else { continue };
                events[place].operation = lie;
                assert!(!is_linearizable(Whole(false), events), "it was believed: {events:?}");
                events[place].operation = operation;
                lies[kind] += 1;
            }
        }
    }
    assert!(lies.iter().all(|told| *told > 0), "lies that were told: {lies:?}");
}

/// How many keys were found, by the answer of a worker.
fn keys(found: &Value) -> usize {
    let lists = found.as_array().unwrap_or_else(|| panic!("no list: {found}"));
    lists.iter().flat_map(|list| list.as_array().expect("keys")).filter(|key| **key != json!(null)).count()
}

/// Any number below this one.
fn below(end: u64) -> u64 {
    RandomState::new().hash_one(0) % end
}
