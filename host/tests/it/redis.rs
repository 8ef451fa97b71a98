//! Several hosts share a Redis database, and lose nothing that it keeps.

use std::{fs, os::unix::fs::PermissionsExt};

use http::StatusCode;

use crate::{
    shared::{
        a_clock_that_differs_is_told, a_killed_server_has_lost_no_answered_order,
        a_silent_server_is_given_up_before_the_deadline, answers_as_with_any_store, is_told_before_anything_is_served,
        two_hosts_give_each_id_once,
    },
    support::{Host, redis::Server, shop, until},
};

/// A server that would forget is not believed in silence.
const WARNINGS: [&str; 2] = ["set appendonly yes", "set appendfsync always"];

#[tokio::test]
async fn the_shop_answers_as_with_any_store() {
    let Some(server) = Server::shared() else { return };
    answers_as_with_any_store(&server.database(), &WARNINGS).await;
}

#[tokio::test]
async fn so_it_does_over_tls() {
    let Some(server) = Server::encrypted() else { return };
    let url = server.database();
    assert!(url.starts_with("rediss://localhost:"), "{url}");
    answers_as_with_any_store(&url, &WARNINGS).await;
}

#[tokio::test]
async fn a_clock_that_is_not_the_servers_is_told() {
    let Some(server) = Server::shared() else { return };
    a_clock_that_differs_is_told(&server.database()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hosts_on_one_database_give_each_id_once() {
    let Some(server) = Server::shared() else { return };
    two_hosts_give_each_id_once(server.database()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_that_syncs_has_kept_every_answered_order() {
    let Some(server) = Server::durable() else { return };
    a_killed_server_has_lost_no_answered_order(&server, &server.database(), 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_answers_nothing_is_given_up_before_the_deadline() {
    let Some(server) = Server::start(&["save \"\""]) else { return };
    a_silent_server_is_given_up_before_the_deadline(&server, &server.database()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_follows_another_is_left_until_it_takes_writes_again() {
    let settings = ["save \"\"", "masterauth secret"];
    let (Some(server), Some(leader)) = (Server::start(&settings), Server::start(&settings)) else { return };
    let folder = shop();
    let host = Host::up_with(folder.path(), &["--store", &server.database()]);
    let mut client = host.connect().await;
    let order = r#"{"user_id":1,"item":"Book"}"#;
    assert_eq!(client.post("/orders", order).await.status, StatusCode::CREATED);

    assert_eq!(server.cli(&["REPLICAOF", "127.0.0.1", &leader.port().to_string()]), "OK");
    // Also if nobody writes.
    until("the host says that it is not ready", async || {
        let answer = host.admin("/readyz").await;
        let why = answer.json()["error"].as_str().unwrap_or_default().to_owned();
        answer.status == StatusCode::SERVICE_UNAVAILABLE && why.contains("its server is a replica of another")
    })
    .await;
    for answer in [client.post("/orders", order).await, client.get("/orders/1").await] {
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
    }

    assert_eq!(server.cli(&["REPLICAOF", "NO", "ONE"]), "OK");
    until("the host is ready again", async || host.admin("/readyz").await.status == StatusCode::OK).await;
    let ordered = client.post("/orders", order).await;
    assert_eq!(ordered.status, StatusCode::CREATED, "{ordered:?}");
    let read = client.get(&format!("/orders/{}", ordered.json()["id"])).await;
    assert_eq!(read.json(), ordered.json());
}

#[test]
fn what_cannot_be_a_store_is_told_before_anything_is_served() {
    let (Some(server), Some(encrypted)) = (Server::start(&["save \"\""]), Server::encrypted()) else { return };
    let Some(replica) = Server::start(&["save \"\"", &format!("replicaof 127.0.0.1 {}", server.port())]) else {
        return;
    };
    let [newer, fresh] = [server.database(), server.database()];
    assert_eq!(server.cli(&["SET", "dovetail:version", "7"]), "OK");
    let wrong = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(wrong.path(), "wr0ng\n").expect("it can be written");
    fs::set_permissions(wrong.path(), fs::Permissions::from_mode(0o600)).expect("it is ours");
    let passfile = server.file("passfile").display().to_string();
    let wrong = [
        (fresh.replace(&passfile, &wrong.path().display().to_string()), "name it by ?passfile=FILE"),
        (fresh.replace(&format!("?passfile={passfile}"), ""), "name it by ?passfile=FILE"),
        (fresh.replace(&passfile, "/nowhere/passfile"), "put the password file right"),
        (fresh.replace(&format!(":{}", server.port()), ":1"), "start its server, or correct host and port"),
        (newer, "it has version 7, and this Dovetail knows version 1; use a newer Dovetail"),
        (replica.database(), "its server is a replica of another; name the one that takes writes"),
        (encrypted.database().replace("localhost", "127.0.0.1"), "name the server as its certificate does"),
    ];
    is_told_before_anything_is_served(&wrong, &fresh);
    assert_eq!(server.cli(&["-n", "1", "DBSIZE"]), "0", "a check wrote");
}
