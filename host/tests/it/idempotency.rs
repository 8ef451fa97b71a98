//! What is asked for again under an `Idempotency-Key` is done once, whatever happens
//! in between.

use std::{collections::BTreeSet, fs};

use http::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{Answer, Body, Client, Host, app, post, postgres::Server, shop, until, write_manifest};

const BOOK: &str = r#"{"user_id":1,"item":"Book"}"#;

/// A POST under a key, which is put in quotes.
pub fn keyed(path: &str, json: &str, key: &str) -> http::Request<Body> {
    let mut request = post(path, json.to_owned());
    let value = format!("\"{key}\"").parse().expect("a header's value");
    request.headers_mut().insert("idempotency-key", value);
    request
}

/// What a client can tell two answers by: status, `location` and body.
type Told = (StatusCode, String, String);

fn told(answer: &Answer) -> Told {
    (answer.status, answer.header("location").to_owned(), answer.text().to_owned())
}

async fn orders(client: &mut Client, user: u64) -> Vec<Value> {
    let mut page = client.get(&format!("/orders?user_id={user}&limit=1000")).await.json();
    page["orders"].as_array_mut().map(std::mem::take).expect("a list")
}

/// Send it until it is answered with anything but that another one is at it.
async fn insist(client: &mut Client, path: &str, json: &str, key: &str) -> Answer {
    loop {
        let answer = client.send(keyed(path, json, key)).await;
        if answer.status != StatusCode::CONFLICT {
            return answer;
        }
        assert_eq!(answer.json(), json!({ "error": "A request with this Idempotency-Key is being answered" }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_two_at_once_make_one() {
    let folder = shop();
    let host = Host::up(folder.path());
    for round in 1..=5 {
        one_is_made(&[&host], round).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_on_one_database_make_one() {
    let Some(server) = Server::shared() else { return };
    let (folders, url) = ([shop(), shop()], server.database());
    let hosts = folders.each_ref().map(|folder| Host::up_with(folder.path(), &["--store", &url]));
    for round in 1..=3 {
        one_is_made(&hosts.each_ref(), round).await;
    }
}

/// One order and one user, though 32 clients ask for them at once.
async fn one_is_made(hosts: &[&Host], round: usize) {
    let mut asking = JoinSet::new();
    for number in 0..32 {
        let mut client = hosts[number % hosts.len()].connect().await;
        asking.spawn(async move {
            let key = format!("round {round}");
            let order = insist(&mut client, "/orders", BOOK, &key).await;
            let user = insist(&mut client, "/users", r#"{"name":"Carol"}"#, &key).await;
            (told(&order), told(&user))
        });
    }
    let answers: Vec<_> = asking.join_all().await;
    assert_eq!(answers[0].0.0, StatusCode::CREATED, "{answers:?}");
    assert_eq!(answers[0].1.0, StatusCode::CREATED, "{answers:?}");
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let mut client = hosts[0].connect().await;
    assert_eq!(orders(&mut client, 1).await.len(), round);
    let users = client.get("/users").await.json();
    assert_eq!(users["users"].as_array().map(Vec::len), Some(2 + round));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_given_again_after_a_kill() {
    let folder = shop();
    let mut first = Vec::<(String, Told)>::new();
    for round in 0..3 {
        let host = Host::up(folder.path());
        let mut client = host.connect().await;
        // What was answered before the kill is answered the same now.
        for (key, answer) in &first {
            assert_eq!(told(&client.send(keyed("/orders", BOOK, key)).await), *answer, "{key}");
        }
        let mut writers = JoinSet::new();
        for writer in 0..8 {
            let mut client = host.connect().await;
            writers.spawn(async move {
                let mut answered = Vec::new();
                for number in 0.. {
                    let key = format!("{round}.{writer}.{number}");
                    let Ok(answer) = client.try_send(keyed("/orders", BOOK, &key)).await else { break };
                    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
                    answered.push((key, told(&answer)));
                }
                answered
            });
        }
        let far = format!("/orders/{}", 100 * (round + 1));
        until("they have ordered", async || client.get(&far).await.status == StatusCode::OK).await;
        host.signal("KILL");
        first.extend(writers.join_all().await.into_iter().flatten());
        assert!(!host.wait().success());
    }
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    for (key, answer) in &first {
        assert_eq!(told(&client.send(keyed("/orders", BOOK, key)).await), *answer, "{key}");
    }
    let distinct: BTreeSet<_> = first.iter().map(|(_, (_, location, _))| location).collect();
    assert_eq!(distinct.len(), first.len(), "each key has an order of its own");
    // One for each key at most: those in flight at a kill were answered to nobody.
    let kept = orders_of_all(&mut client).await;
    assert!((first.len()..=first.len() + 3 * 8).contains(&kept), "{kept} orders for {} keys", first.len());
}

/// How many orders Alice has, by the ids given out.
async fn orders_of_all(client: &mut Client) -> usize {
    let (mut count, mut after) = (0, json!(0));
    while !after.is_null() {
        let mut page = client.get(&format!("/orders?user_id=1&limit=1000&after={after}")).await.json();
        count += page["orders"].as_array().map_or(0, Vec::len);
        after = page["next"].take();
    }
    count
}

/// The order service with a directory that dies when it is asked about user 13.
const DYING: &str = r#"
[app]
name = "shop"
[service.notices]
component = "{notices}"
buckets = ["notices"]
[service.order]
component = "{order}"
routes = ["/orders", "/orders/{id}"]
buckets = ["orders"]
[service.directory]
component = "{DIRECTORY}"
"#;

/// The guest dies with the right to make the order, which another gets in time. The
/// test takes as long as that: up to 40 seconds.
#[tokio::test]
async fn a_guest_that_dies_does_not_take_its_key_along() {
    let folder = app(&DYING.replace("{DIRECTORY}", "{faulty_directory}"));
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    let order = r#"{"user_id":13,"item":"Book"}"#;
    assert_eq!(client.send(keyed("/orders", order, "k")).await.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(client.send(keyed("/orders", order, "k")).await.status, StatusCode::CONFLICT);
    host.signal("TERM");
    assert!(host.wait().success());

    // Other keys are free at once, and this one is later, with its order made once.
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    let order = r#"{"user_id":7,"item":"Book"}"#;
    assert_eq!(client.send(keyed("/orders", order, "other")).await.status, StatusCode::CREATED);
    until("the key is free", async || match client.send(keyed("/orders", order, "k")).await {
        answer if answer.status == StatusCode::CONFLICT => {
            tokio::task::yield_now().await;
            false
        }
        answer => {
            assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
            true
        }
    })
    .await;
    assert_eq!(client.send(keyed("/orders", order, "k")).await.status, StatusCode::CREATED);
    assert_eq!(orders(&mut client, 7).await.len(), 2);
}

#[tokio::test]
async fn keys_that_expired_are_forgotten_and_removed() {
    let folder = shop();
    keep_keys_for(folder.path(), "1");
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    let first = client.send(keyed("/orders", BOOK, "k")).await;
    until("the key is forgotten", async || {
        let again = client.send(keyed("/orders", BOOK, "k")).await;
        assert_eq!(again.status, StatusCode::CREATED, "{again:?}");
        again.json()["id"] != first.json()["id"]
    })
    .await;
    for number in 0..20 {
        let answer = client.send(keyed("/orders", BOOK, &format!("old {number}"))).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    }
    // Each of those that follow removes some, until none of the old is left.
    let mut number = 0;
    until("they are removed", async || {
        number += 1;
        let answer = client.send(keyed("/orders", BOOK, &format!("new {number}"))).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        let kept = keys(folder.path(), "orders");
        !kept.iter().any(|key| key.starts_with("key/old") || key == "keys/1" || key == "keys/20")
    })
    .await;
    assert!(keys(folder.path(), "orders").iter().all(|key| !key.starts_with("making/")), "no mark is left");
}

#[tokio::test]
async fn no_keys_are_kept_for_no_time() {
    let folder = shop();
    keep_keys_for(folder.path(), "0");
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    for id in 1..=2 {
        assert_eq!(client.send(keyed("/orders", BOOK, "k")).await.json()["id"], id);
    }
    assert_eq!(client.send(keyed("/orders", BOOK, "")).await.status, StatusCode::BAD_REQUEST);
    drop(host);
    keep_keys_for(folder.path(), "a day");
    let host = Host::up(folder.path());
    assert_eq!(host.post("/orders", BOOK).await.status, StatusCode::INTERNAL_SERVER_ERROR);
    host.wait_for_output("IDEMPOTENCY_SECONDS is \"a day\", and must be a whole number of seconds");
}

/// As most clients send it, and as the draft has it.
#[tokio::test]
async fn a_key_is_the_same_in_quotes_and_without() {
    let folder = shop();
    let host = Host::up_with(folder.path(), &["--store", "memory:"]);
    let mut client = host.connect().await;
    for (id, key) in (1..).zip(["8e03978e-40d5-43dd-bc93-6894a57f9324", "k", "order:1/2+3=", "?1"]) {
        for value in [key.to_owned(), format!("\"{key}\""), key.to_owned()] {
            let mut request = post("/orders", BOOK);
            request.headers_mut().insert("idempotency-key", value.parse().expect("a header's value"));
            let answer = client.send(request).await;
            assert_eq!((answer.status, &answer.json()["id"]), (StatusCode::CREATED, &json!(id)), "{value}");
        }
    }
}

#[tokio::test]
async fn a_malformed_key_is_refused() {
    let (folder, bad) = (shop(), StatusCode::BAD_REQUEST);
    let host = Host::up_with(folder.path(), &["--store", "memory:"]);
    let mut client = host.connect().await;
    for value in [
        "",
        "\"",
        "\"k",
        "k\"",
        "\"\"",
        "'k'",
        "k l",
        "k, l",
        "k;l",
        "k\\",
        "ä",
        "\"a\"b\"",
        "\"\\k\"",
        "\"ä\"",
        "\"k\";l=m",
        "\"k\", \"l\"",
    ] {
        let mut request = post("/orders", BOOK);
        let value = http::HeaderValue::from_bytes(value.as_bytes()).expect("a header's value");
        request.headers_mut().insert("idempotency-key", value.clone());
        assert_eq!(client.send(request).await.status, bad, "{value:?}");
    }
    let mut twice = keyed("/orders", BOOK, "k");
    twice.headers_mut().append("idempotency-key", "\"k\"".parse().expect("a header's value"));
    assert_eq!(client.send(twice).await.status, bad);
    let longest = "x".repeat(255);
    assert_eq!(client.send(keyed("/orders", BOOK, &format!("{longest}x"))).await.status, bad);
    assert_eq!(client.send(keyed("/orders", BOOK, &longest)).await.status, StatusCode::CREATED);
    // Keys of one service say nothing to another.
    assert_eq!(client.send(keyed("/users", r#"{"name":"Carol"}"#, &longest)).await.status, StatusCode::CREATED);
}

/// Have the order service keep keys for so many seconds.
fn keep_keys_for(folder: &std::path::Path, seconds: &str) {
    let file = folder.join("dovetail.toml");
    let manifest = fs::read_to_string(&file).expect("a manifest");
    let without: String =
        manifest.lines().filter(|line| !line.starts_with("env")).map(|line| format!("{line}\n")).collect();
    let with = without.replace(
        "buckets = [\"orders\"]\n",
        &format!("buckets = [\"orders\"]\nenv = {{ IDEMPOTENCY_SECONDS = {seconds:?} }}\n"),
    );
    write_manifest(folder, &with);
}

/// All keys of a bucket of the shop that have to do with idempotency.
pub fn keys(folder: &std::path::Path, bucket: &str) -> Vec<String> {
    let file = folder.join("data/shop.db");
    let database = rusqlite::Connection::open_with_flags(file, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY);
    let database = database.expect("a database");
    let mut all = database.prepare(KEYS).expect("such a table");
    let rows = all.query_map([bucket], |row| row.get::<_, String>(0)).expect("rows");
    rows.map(|key| key.expect("a key")).collect()
}

const KEYS: &str = "SELECT key FROM entries WHERE bucket = ?1 \
    AND (key LIKE 'key/%' OR key LIKE 'keys/%' OR key LIKE 'making/%')";
