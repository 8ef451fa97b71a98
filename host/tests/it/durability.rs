//! What was answered is there after a restart, whatever ended the host.

use std::{
    collections::BTreeMap,
    fs,
    hash::{BuildHasher, RandomState},
    path::Path,
    process::Output,
};

use http::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{Client, Host, dovetail, post, shop, until};

pub const WRITERS: usize = 32;

const CRASHES: u64 = 30;

/// Orders by id, as they were answered.
pub type Orders = BTreeMap<u64, Value>;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_host_has_lost_no_answered_order() {
    let folder = shop();
    let mut answered = Orders::new();
    for round in 0..CRASHES {
        let host = Host::up(folder.path());
        if round % 10 == 9 {
            assert_kept(&host, &answered).await;
        }
        order_until_killed(host, round, 100, &mut answered).await;
    }
    assert!(answered.len() >= WRITERS * CRASHES as usize / 2);
    assert_kept(&Host::up(folder.path()), &answered).await;
}

/// Take orders of many at once, and kill the host in the midst of it, when there were
/// some more than it has writers, and up to `more`. What it answered is added.
pub async fn order_until_killed(host: Host, round: u64, more: u64, answered: &mut Orders) {
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let client = host.connect().await;
        writers.spawn(write_until_broken(client, format!("Book {round}.{writer}")));
    }
    // They are in the midst of it, at one moment or another.
    let last = answered.last_key_value().map_or(0, |(id, _)| *id);
    let far = format!("/orders/{}", last + WRITERS as u64 + RandomState::new().hash_one(round) % more);
    let mut reader = host.connect().await;
    until("they have ordered", async || reader.get(&far).await.status == StatusCode::OK).await;
    host.signal("KILL");
    for orders in writers.join_all().await {
        for (id, order) in orders {
            assert_eq!(answered.insert(id, order), None, "id {id} was given out twice");
        }
    }
    assert!(!host.wait().success());
}

/// Take orders for Alice and Bob until the host is gone; those that it answered.
async fn write_until_broken(mut client: Client, item: String) -> Vec<(u64, Value)> {
    let mut answered = Vec::new();
    loop {
        let user = 1 + answered.len() % 2;
        let order = json!({ "user_id": user, "item": format!("{item}.{}", answered.len()) });
        let Ok(answer) = client.try_send(post("/orders", order.to_string())).await else { return answered };
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        let mut taken = answer.json();
        answered.push((taken["id"].as_u64().expect("an id"), taken.clone()));
        taken.as_object_mut().expect("an object").remove("id");
        assert_eq!(taken, order);
    }
}

/// Every answered order is there under its id and once in its user's list. What
/// is there beside them was taken and never answered; it is whole all the same: no
/// list has an order that is not there, and no order is there that is in no list.
pub async fn assert_kept(host: &Host, answered: &Orders) {
    assert_eq!(faults(host, answered).await, Vec::<String>::new());
}

/// What is not as [`assert_kept`] wants it.
pub async fn faults(host: &Host, answered: &Orders) -> Vec<String> {
    let mut client = host.connect().await;
    let (mut faults, mut listed) = (Vec::new(), Orders::new());
    for user in [1, 2] {
        for order in list(&mut client, user).await {
            let id = order["id"].as_u64().expect("an id");
            if order["user_id"] != user {
                faults.push(format!("order {id} is listed for user {user}: {order}"));
            }
            if listed.insert(id, order).is_some() {
                faults.push(format!("order {id} is listed twice"));
            }
        }
    }
    for (id, order) in answered {
        if listed.get(id) != Some(order) {
            faults.push(format!("order {id} was answered and is in no list as it was: {:?}", listed.get(id)));
        }
    }
    // Ids beyond the last that is listed may have been given out, too, and not used.
    let last = listed.keys().chain(answered.keys()).max().copied().unwrap_or(0) + 2 * WRITERS as u64;
    for id in 1..=last {
        let answer = client.get(&format!("/orders/{id}")).await;
        let found = match answer.status {
            StatusCode::OK => Some(answer.json()),
            StatusCode::NOT_FOUND => None,
            _ => panic!("order {id}: {answer:?}"),
        };
        if found.as_ref() != listed.get(&id) {
            faults.push(format!("order {id} is {found:?}, and in its user's list {:?}", listed.get(&id)));
        }
    }
    let beside = listed.len().saturating_sub(answered.len());
    if beside > WRITERS * CRASHES as usize {
        faults.push(format!("{beside} orders that nobody was told of"));
    }
    faults
}

/// All orders of a user, page by page.
async fn list(client: &mut Client, user: u64) -> Vec<Value> {
    let mut orders = Vec::new();
    let mut after = json!(0);
    while !after.is_null() {
        let mut page = client.get(&format!("/orders?user_id={user}&after={after}&limit=100")).await.json();
        orders.append(page["orders"].as_array_mut().expect("a list"));
        after = page["next"].take();
    }
    orders
}

#[tokio::test]
async fn a_stopped_host_has_lost_nothing() {
    let folder = shop();
    let mut answered = Orders::new();
    for round in 1..=3 {
        let host = Host::up(folder.path());
        let mut client = host.connect().await;
        assert_eq!(client.post("/users", r#"{"name":"Carol"}"#).await.json()["id"], 2 + round);
        let answer = client.post("/orders", &json!({ "user_id": 2 + round, "item": "Book" }).to_string()).await;
        assert_eq!(answer.json()["id"], round);
        answered.insert(round, answer.json());
        host.signal("TERM");
        assert_eq!(host.wait().code(), Some(0));
        // The log of the store is folded into the one file that is left.
        assert_eq!(files(&folder.path().join("data")), ["shop.db"]);
    }
    let host = Host::up(folder.path());
    for (id, order) in &answered {
        assert_eq!(host.get(&format!("/orders/{id}")).await.json(), *order);
        let page = host.get(&format!("/orders?user_id={}", id + 2)).await.json();
        assert_eq!(page, json!({ "orders": [order], "next": null }));
    }
    let names: Vec<_> = host.get("/users").await.json()["users"].as_array().expect("a list").to_vec();
    assert_eq!(names.len(), 5);
}

#[test]
fn a_file_that_is_no_store_is_refused_and_left_alone() {
    let folder = shop();
    let path = folder.path().join("data/shop.db");
    fs::create_dir(folder.path().join("data")).expect("the folder is new");
    for content in ["id,name\n1,Alice\n".repeat(1000), "SQLite format 3\0 or not".to_owned()] {
        fs::write(&path, &content).expect("it can be written");
        let refused = up_fails(folder.path());
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{said}");
        let path_said = path.display().to_string();
        assert!(said.contains("is no SQLite database") && said.contains(&path_said), "{said}");
        assert!(!String::from_utf8_lossy(&refused.stdout).contains("Serving"));
        assert_eq!(fs::read(&path).expect("it is still there"), content.as_bytes());
        assert_eq!(files(&folder.path().join("data")), ["shop.db"]);
    }
}

fn up_fails(folder: &Path) -> Output {
    let mut up = dovetail();
    up.args(["up", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--manifest"]);
    up.arg(folder.join("dovetail.toml")).output().expect("dovetail starts")
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name().display().to_string()).collect();
    names.sort();
    names
}
