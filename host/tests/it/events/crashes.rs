//! Hosts that are killed while their clients order: afterwards each order that was answered
//! has exactly one notice, no notice is without its order, and no user's are out of order.

use std::collections::BTreeMap;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use http::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{
    checker::{Emitted, End, Had, faults},
    emitters::Emitters,
    rows::Rows,
    signals::signals,
};
use crate::support::{Client, Host, daemon::Daemon, post, postgres, redis, rounds, shop, until};

const CLIENTS: usize = 32;

/// Each user has the orders of several clients at once.
const USERS: usize = 8;

/// The first moment. Those before it are for orders that nobody saw answered.
const FIRST: u64 = 1 << 32;

/// `ROUNDS=100` kills it as often.
#[tokio::test(flavor = "multi_thread")]
async fn each_order_has_one_notice_whenever_its_host_is_killed_in_sqlite() {
    one_notice_each(None, None, |_| Crash::Host).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_order_has_one_notice_whenever_its_host_is_killed_in_postgresql() {
    let Some(server) = postgres::Server::shared() else { return };
    one_notice_each(Some(&server.database()), None, |_| Crash::Host).await;
}

/// What is killed in a round.
pub enum Crash<'a> {
    /// The host.
    Host,
    /// The host, and a moment before it the broker, which comes back when both are gone.
    HostAndBroker(&'a Daemon),
}

/// The shop, its events by a broker if there is one.
pub async fn one_notice_each<'a>(store: Option<&str>, transport: Option<&str>, crash: impl Fn(u64) -> Crash<'a>) {
    let folder = shop();
    if let Some(transport) = transport {
        let path = folder.path().join("dovetail.toml");
        let manifest = std::fs::read_to_string(&path).expect("it has a manifest");
        let subscribers = "subscribers = [\"notices\"]";
        assert!(manifest.contains(subscribers), "{manifest}");
        let by = manifest.replace(subscribers, &format!("{subscribers}\ntransport = \"{transport}\""));
        std::fs::write(path, by).expect("it can be written");
    }
    let arguments = store.map(|url| ["--store", url]);
    let arguments = arguments.as_ref().map_or(&[][..], |arguments| arguments);
    let (moments, mut answered) = (Arc::new(AtomicU64::new(FIRST)), Vec::new());
    let mut host = Host::up_with(folder.path(), arguments);
    for number in 3..=USERS {
        let user = host.post("/users", &json!({ "name": format!("User {number}") }).to_string()).await;
        assert_eq!(user.json()["id"], number, "{user:?}");
    }
    for round in 0..rounds(10) {
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            let (client, user) = (host.connect().await, 1 + number % USERS);
            clients.spawn(order_until_broken(client, user as u64, moments.clone()));
        }
        // In the midst of it, each time later than the last.
        let far = moments.load(Ordering::SeqCst) + 2 * CLIENTS as u64 + 37 * (round % 10);
        until("they have ordered", async || {
            tokio::task::yield_now().await;
            moments.load(Ordering::SeqCst) >= far
        })
        .await;
        let crash = crash(round);
        if let Crash::HostAndBroker(broker) = &crash {
            broker.kill();
        }
        host.signal("KILL");
        answered.extend(clients.join_all().await.concat());
        assert!(!host.wait().success());
        if let Crash::HostAndBroker(broker) = &crash {
            broker.restart();
        }
        host = Host::up_with(folder.path(), arguments);
    }
    assert!(answered.len() >= CLIENTS, "{} orders", answered.len());
    assert_noticed(&host, &answered).await;
    host.signal("TERM");
    assert_eq!(host.wait().code(), Some(0));
    assert_eq!(Rows::of(folder.path(), store).counts(), [0; 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_had_once_whenever_postgresql_is_killed() {
    let Some(server) = postgres::Server::start(&[]) else { return };
    had_once_over_crashes_of(&server, &server.database()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_had_once_whenever_redis_is_killed() {
    let Some(server) = redis::Server::durable() else { return };
    had_once_over_crashes_of(&server, &server.database()).await;
}

/// A host whose store's server is killed: what it answered with 503 meanwhile may be there.
async fn had_once_over_crashes_of(server: &Daemon, url: &str) {
    let folder = signals("", "");
    let host = Host::up_with(folder.path(), &["--store", url]);
    let emitters = Emitters::start(&host, End::Unknown).await;
    for _ in 0..rounds(3) {
        emitters.more(100).await;
        server.kill();
        server.restart();
        until("the host is ready again", async || host.admin("/readyz").await.status == StatusCode::OK).await;
    }
    emitters.more(100).await;
    emitters.assert_had(&host, &["recorded"]).await;
}

/// Order until the host is gone; what was answered.
async fn order_until_broken(mut client: Client, user: u64, moments: Arc<AtomicU64>) -> Vec<Emitted> {
    let mut answered = Vec::new();
    loop {
        let begin = moments.fetch_add(1, Ordering::SeqCst);
        let order = json!({ "user_id": user, "item": "Book" }).to_string();
        let Ok(answer) = client.try_send(post("/orders", order)).await else { return answered };
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        let end = End::Well(moments.fetch_add(1, Ordering::SeqCst));
        let number = answer.json()["id"].as_u64().expect("an id");
        answered.push(Emitted { key: user.to_string(), number, begin, end });
    }
}

/// Of the orders that are there nobody saw some answered: those have a notice, too, at any
/// place among their user's.
async fn assert_noticed(host: &Host, answered: &[Emitted]) {
    let mut client = host.connect().await;
    let mut emitted: BTreeMap<u64, Emitted> = answered.iter().map(|order| (order.number, order.clone())).collect();
    assert_eq!(emitted.len(), answered.len(), "an id was given out twice");
    let mut orders = 0;
    for user in 1..=USERS as u64 {
        for number in list(&mut client, "orders", user, "id").await {
            orders += 1;
            let of = Emitted { key: user.to_string(), number, begin: number, end: End::Well(u64::MAX) };
            emitted.entry(number).or_insert(of);
        }
    }
    assert_eq!(orders, emitted.len(), "an order that was answered is not there, or one is there twice");
    let emitted: Vec<_> = emitted.into_values().collect();
    // Many rounds leave many behind: they may take as long as they like, and none may stay away.
    let mut without = usize::MAX;
    while without > 0 {
        let before = without;
        until(&format!("fewer than {before} orders are without a notice"), async || {
            let found = faults(&emitted, &noticed(&mut client).await);
            without = found.iter().filter(|fault| fault.ends_with("was lost")).count();
            without < before
        })
        .await;
    }
    assert_eq!(faults(&emitted, &noticed(&mut client).await), Vec::<String>::new());
}

async fn noticed(client: &mut Client) -> Had {
    let mut had = Had::new();
    for user in 1..=USERS as u64 {
        had.insert(user.to_string(), list(client, "notices", user, "order_id").await);
    }
    had
}

/// All orders or notices of a user, page by page: one field of each.
async fn list(client: &mut Client, what: &str, user: u64, field: &str) -> Vec<u64> {
    let (mut all, mut after) = (Vec::new(), json!(0));
    while !after.is_null() {
        let mut page = client.get(&format!("/{what}?user_id={user}&after={after}&limit=1000")).await.json();
        let Value::Array(found) = page[what].take() else { panic!("{page}") };
        all.extend(found.iter().map(|one| one[field].as_u64().expect("a number")));
        after = page["next"].take();
    }
    all
}
