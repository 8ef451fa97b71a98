//! Many requests at once: every answer is right, no id is given out twice, and
//! what was answered is there.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
};

use http::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{Client, Host, pieces, post, raw, shop, until};

const CONNECTIONS: u64 = 32;

/// Users that each connection creates, each with an order of its own and one of Alice's.
const EACH: u64 = 8;

/// Streams of one connection of HTTP/2, all open at once. As many instances
/// serve them, which is what `limits.instances` is unless told.
const STREAMS: u64 = 64;

#[tokio::test]
async fn at_once_in_memory_nothing_is_lost_or_given_out_twice() {
    let folder = shop();
    at_once(&Host::up_with(folder.path(), &["--store", "memory:"])).await;
}

#[tokio::test]
async fn at_once_in_sqlite_nothing_is_lost_or_given_out_twice() {
    let folder = shop();
    let host = Host::up(folder.path());
    let created = at_once(&host).await;
    host.signal("TERM");
    assert!(host.wait().success());

    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    for (path, json) in created {
        assert_eq!(client.get(&path).await.json(), json, "{path}");
    }
}

#[tokio::test]
async fn sixty_four_streams_share_one_connection() {
    let folder = shop();
    let host = Host::up_with(folder.path(), &["--store", "memory:"]);
    let client = Client::http2(host.gateway).await;
    let (mut answers, mut rests) = (JoinSet::new(), Vec::new());
    for stream in 0..STREAMS {
        let (rest, body) = pieces();
        rest.send(Ok(r#"{"user_id":1,"#.into())).await.expect("room for a piece");
        let mut client = client.share().expect("HTTP/2");
        answers.spawn(async move { (stream, client.send(post("/orders", "").map(|_| body)).await) });
        rests.push(rest);
    }
    until("every stream has an instance", async || host.busy("order").await == STREAMS).await;
    for (stream, rest) in rests.into_iter().enumerate().rev() {
        rest.send(Ok(format!(r#""item":"{stream}"}}"#).into())).await.expect("room for a piece");
    }
    let mut ids = BTreeSet::new();
    while let Some(answer) = answers.join_next().await {
        let (stream, answer) = answer.expect("no task panics");
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        let order = answer.json();
        assert_eq!(order["item"], stream.to_string());
        ids.insert(order["id"].as_u64().expect("an id"));
    }
    assert!(ids.into_iter().eq(1..=STREAMS));
    until("every instance is idle", async || host.busy("order").await == 0).await;
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let folder = shop();
    let host = Host::up_with(folder.path(), &["--store", "memory:"]);
    let (mut requests, mut expected) = (String::new(), Vec::new());
    for id in 1..=20 {
        let order = json!({ "user_id": 1, "item": "x".repeat(id) }).to_string();
        let length = order.len();
        requests += &format!(
            "POST /orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{order}"
        );
        requests += &format!("GET /orders/{id} HTTP/1.1\r\nhost: x\r\n\r\n");
        requests += "DELETE /users/99 HTTP/1.1\r\nhost: x\r\n\r\n";
        let order = format!(r#"{{"id":{id},"user_id":1,"item":"{}"}}"#, "x".repeat(id));
        expected.extend([("201", order.clone()), ("200", order), ("404", r#"{"error":"User not found"}"#.into())]);
    }
    requests += "GET /users/2 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    expected.push(("200", r#"{"id":2,"name":"Bob"}"#.into()));

    let received = raw::exchange(host.gateway, requests);
    let mut rest = received.as_str();
    for (status, body) in expected {
        let (head, after) = rest.split_once("\r\n\r\n").expect("another answer");
        assert_eq!(head.split(' ').nth(1), Some(status), "{head}");
        assert!(after.starts_with(&body), "{body} begins {after}");
        rest = &after[body.len()..];
    }
    assert_eq!(rest, "");
}

#[test]
fn an_answer_does_not_wait_for_the_next_request() {
    let folder = shop();
    let host = Host::up_with(folder.path(), &["--store", "memory:"]);
    let request = "GET /users/1 HTTP/1.1\r\nhost: x\r\n\r\n";
    let (begun, rest) = request.split_at(10);
    let mut stream = raw::connect(host.gateway);
    stream.write_all(format!("{request}{begun}").as_bytes()).expect("the host reads");
    raw::read_to(&mut stream, "Alice\"}");
    stream.write_all(rest.as_bytes()).expect("the host waits for the rest");
    raw::read_to(&mut stream, "Alice\"}");
}

/// Create users and orders over many connections, and check all of them. The
/// answer is what was created, by path.
async fn at_once(host: &Host) -> BTreeMap<String, Value> {
    let mut connections = JoinSet::new();
    for _ in 0..CONNECTIONS {
        connections.spawn(create_some(host.connect().await));
    }
    let mut created = BTreeMap::new();
    while let Some(some) = connections.join_next().await {
        for (path, json) in some.expect("no task panics") {
            assert_eq!(created.insert(path.clone(), json), None, "{path} was given out twice");
        }
    }

    let mut client = host.connect().await;
    for (path, json) in &created {
        assert_eq!(client.get(path).await.json(), *json, "{path}");
    }
    let users = list(&mut client, "/users?limit=7", "users").await;
    assert_eq!(users.keys().copied().collect::<Vec<_>>(), Vec::from_iter(1..=2 + CONNECTIONS * EACH));
    let mut orders = BTreeSet::new();
    for user_id in users.keys() {
        let of_user = list(&mut client, &format!("/orders?limit=7&user_id={user_id}"), "orders").await;
        let expected = match user_id {
            1 => CONNECTIONS * EACH,
            2 => 0,
            _ => 1,
        };
        assert_eq!(of_user.len() as u64, expected, "orders of user {user_id}");
        for (id, order) in of_user {
            assert_eq!(created.get(&format!("/orders/{id}")), Some(&order));
            assert_eq!(order["user_id"], *user_id);
            assert!(orders.insert(id), "order {id} is in two lists");
        }
    }
    assert!(orders.into_iter().eq(1..=2 * CONNECTIONS * EACH));
    created
}

/// On one connection: users, each with an order, and as many orders of Alice's.
/// Each is read as soon as it is answered.
async fn create_some(mut client: Client) -> Vec<(String, Value)> {
    let mut created = Vec::new();
    for _ in 0..EACH {
        let user = create(&mut client, "/users", &json!({ "name": "Carol" })).await;
        for user_id in [&user.1["id"], &json!(1)] {
            created.push(create(&mut client, "/orders", &json!({ "user_id": user_id, "item": "Book" })).await);
        }
        created.push(user);
    }
    created
}

async fn create(client: &mut Client, path: &str, json: &Value) -> (String, Value) {
    let answer = client.post(path, &json.to_string()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    let location = answer.header("location").to_owned();
    assert_eq!(location, format!("{path}/{}", answer.json()["id"]));
    assert_eq!(client.get(&location).await.json(), answer.json());
    (location, answer.json())
}

/// All entries by id, page by page.
async fn list(client: &mut Client, path: &str, name: &str) -> BTreeMap<u64, Value> {
    let mut entries = BTreeMap::new();
    let mut next = String::new();
    loop {
        let page = client.get(&format!("{path}&after={next}")).await.json();
        for entry in page[name].as_array().expect("a list") {
            let id = entry["id"].as_u64().expect("an id");
            assert_eq!(entries.insert(id, entry.clone()), None, "{id} is in the list twice");
        }
        match &page["next"] {
            Value::Null => return entries,
            after => next = after.to_string(),
        }
    }
}
