//! A user who has orders stays, and no order is taken from one who goes.

use std::{path::Path, process::Command};

use http::{Method, StatusCode};
use rusqlite::Connection;
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::{Client, Host, postgres::Server, shop};

/// Users that are ordered for and deleted at once.
const USERS: u64 = 40;

#[tokio::test(flavor = "multi_thread")]
async fn a_first_order_and_a_deletion_at_once_leave_one_of_both() {
    let folder = shop();
    let host = Host::up(folder.path());
    order_and_delete(&[&host]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_on_one_database_leave_one_of_both() {
    let Some(server) = Server::shared() else { return };
    let (folders, url) = ([shop(), shop()], server.database());
    let hosts = folders.each_ref().map(|folder| Host::up_with(folder.path(), &["--store", &url]));
    order_and_delete(&hosts.each_ref()).await;
}

/// For each user four clients at once: two that order, and two that delete.
async fn order_and_delete(hosts: &[&Host]) {
    let mut maker = hosts[0].connect().await;
    let mut racing = JoinSet::new();
    for id in 3..3 + USERS {
        assert_eq!(maker.post("/users", r#"{"name":"Carol"}"#).await.json()["id"], id);
    }
    for id in 3..3 + USERS {
        for number in 0..4 {
            let mut client = hosts[number % hosts.len()].connect().await;
            let orders = number < 2;
            racing.spawn(async move {
                let status = match orders {
                    true => client.post("/orders", &json!({ "user_id": id, "item": "Book" }).to_string()).await.status,
                    false => client.ask(Method::DELETE, &format!("/users/{id}")).await.status,
                };
                (id, orders, status.as_u16())
            });
        }
    }
    let answers = racing.join_all().await;
    for id in 3..3 + USERS {
        let told =
            |about| answers.iter().filter(move |(user, orders, _)| (*user, *orders) == (id, about)).map(|(.., it)| *it);
        let (ordered, deleted): (Vec<_>, Vec<_>) = (told(true).collect(), told(false).collect());
        let told = format!("user {id}: orders {ordered:?}, deletions {deleted:?}");
        assert!(ordered.iter().all(|status| [201, 400, 503].contains(status)), "{told}");
        assert!(deleted.iter().all(|status| [204, 404, 409].contains(status)), "{told}");
        let taken = ordered.iter().filter(|status| **status == 201).count();
        let gone = maker.get(&format!("/users/{id}")).await.status == StatusCode::NOT_FOUND;
        assert_eq!(gone, deleted.contains(&204), "{told}");
        assert!(!(gone && taken > 0), "{told}");
        assert_eq!(orders(&mut maker, id).await, taken, "{told}");
        // And nobody is kept out: whoever is still there can order now.
        match gone {
            true => assert_eq!(order(&mut maker, id).await, StatusCode::BAD_REQUEST, "{told}"),
            false => {
                assert_eq!(order(&mut maker, id).await, StatusCode::CREATED, "{told}");
                assert_eq!(maker.ask(Method::DELETE, &format!("/users/{id}")).await.status, StatusCode::CONFLICT);
            }
        }
    }
}

async fn order(client: &mut Client, user: u64) -> StatusCode {
    client.post("/orders", &json!({ "user_id": user, "item": "Pen" }).to_string()).await.status
}

async fn orders(client: &mut Client, user: u64) -> usize {
    let page = client.get(&format!("/orders?user_id={user}")).await.json();
    page["orders"].as_array().map_or(0, Vec::len)
}

#[tokio::test]
async fn a_user_with_orders_stays_over_a_kill() {
    let folder = shop();
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    assert_eq!(client.post("/users", r#"{"name":"Carol"}"#).await.json()["id"], 3);
    for user in [1, 3] {
        assert_eq!(order(&mut client, user).await, StatusCode::CREATED);
    }
    host.signal("KILL");
    assert!(!host.wait().success());

    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    for user in [1, 3] {
        let answer = client.ask(Method::DELETE, &format!("/users/{user}")).await;
        assert_eq!((answer.status, answer.json()), (StatusCode::CONFLICT, json!({ "error": "User has orders" })));
        assert_eq!(orders(&mut client, user).await, 1);
    }
    // Bob has none.
    assert_eq!(client.ask(Method::DELETE, "/users/2").await.status, StatusCode::NO_CONTENT);
    assert_eq!(order(&mut client, 2).await, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn users_who_ordered_before_it_was_noted_are_noted_as_the_document_says() {
    let folder = shop();
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    for user in [1, 2] {
        assert_eq!(order(&mut client, user).await, StatusCode::CREATED);
    }
    host.signal("TERM");
    assert!(host.wait().success());
    // As a version left it that did not note who had ordered.
    let database = Connection::open(folder.path().join("data/shop.db")).expect("a database");
    let removed = database.execute("DELETE FROM entries WHERE bucket = 'users' AND key LIKE 'ordered/%'", ());
    assert_eq!(removed.expect("it can be written"), 2);
    drop(database);
    let host = Host::up(folder.path());
    assert_eq!(host.connect().await.ask(Method::DELETE, "/users/2").await.status, StatusCode::NO_CONTENT);
    host.signal("TERM");
    assert!(host.wait().success());

    let document = include_str!("../../STORES.md");
    let (_, rest) = document.split_once("With no host on the store this adds them:\n\n```sh\n").expect("it is told");
    let (commands, _) = rest.split_once("```").expect("it ends");
    let command = Path::new(env!("CARGO_BIN_EXE_dovetail")).parent().expect("it is in a folder").display();
    let mut shell = Command::new("sh");
    shell.args(["-euc", &format!("PATH={command}:$PATH\n{commands}")]).current_dir(folder.path());
    assert!(shell.status().expect("sh starts").success());
    let host = Host::up(folder.path());
    let answer = host.connect().await.ask(Method::DELETE, "/users/1").await;
    assert_eq!((answer.status, answer.json()), (StatusCode::CONFLICT, json!({ "error": "User has orders" })));
}
