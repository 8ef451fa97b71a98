//! Several hosts share a Redis database, and lose nothing that it keeps.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    sync::{Arc, atomic::Ordering},
};

use http::StatusCode;
use tokio::task::JoinSet;

use crate::{
    durability::{Orders, WRITERS, assert_kept},
    postgres::{Progress, run},
    support::{Host, load, plain, redis::Server, shop, shop_table, until},
};

#[tokio::test]
async fn the_shop_answers_as_with_any_store() {
    let Some(server) = Server::shared() else { return };
    let (folder, url) = (shop(), server.database());
    let host = Host::up_with(folder.path(), &["--store", &url]);
    let shown = host.wait_for_output("Store");
    assert!(shown.contains(&url), "{shown}");
    assert_eq!(host.admin("/readyz").await.status, StatusCode::OK);
    shop_table::run(&mut host.connect().await).await;
    // A server that would forget is not believed in silence.
    host.wait_for_output("set appendonly yes");
    host.wait_for_output("set appendfsync always");
    host.signal("TERM");
    assert_eq!(host.wait().code(), Some(0));

    let host = Host::up_with(folder.path(), &["--store", &url]);
    assert_eq!(host.get("/orders/1").await.text(), r#"{"id":1,"user_id":1,"item":"Book"}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hosts_on_one_database_give_each_id_once() {
    let Some(server) = Server::shared() else { return };
    let (folders, url) = ([shop(), shop()], server.database());
    let hosts = folders.each_ref().map(|folder| Host::up_with(folder.path(), &["--store", &url]));
    let mut ordering = JoinSet::new();
    for client in 0..32 {
        let mut own = hosts[client % 2].connect().await;
        let mut other = hosts[1 - client % 2].connect().await;
        ordering.spawn(async move {
            let mut taken = Orders::new();
            for n in 0..10 {
                let (id, answer) = load::order(&mut own, 1 + n % 2, &format!("Book {client}.{n}")).await;
                assert_eq!(other.get(&format!("/orders/{id}")).await.json(), answer.json(), "the other host has it");
                taken.insert(id, answer.json());
            }
            taken
        });
    }
    let mut all = Orders::new();
    for taken in ordering.join_all().await {
        for (id, order) in taken {
            assert_eq!(all.insert(id, order), None, "id {id} was given out twice");
        }
    }
    assert_eq!(all.len(), 320);
    for host in &hosts {
        assert_kept(host, &all).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_that_syncs_has_lost_no_answered_order() {
    let Some(server) = Server::durable() else { return };
    let folder = shop();
    let host = Host::up_with(folder.path(), &["--store", &server.database()]);
    assert!(!host.output().iter().any(|line| line.contains("WARN")), "{:?}", host.output());
    let progress = Arc::<Progress>::default();
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        writers.spawn(progress.clone().write(host.connect().await, format!("Book {writer}")));
    }
    let far = 5 * WRITERS as u64;
    for _ in 0..3 {
        progress.until_more(&progress.taken, far).await;
        server.kill();
        until("the host says that it is not ready", async || {
            let answer = host.admin("/readyz").await;
            let why = answer.json()["error"].as_str().unwrap_or_default().to_owned();
            let named = why.contains(&format!("redis://127.0.0.1:{}/", server.port()));
            answer.status == StatusCode::SERVICE_UNAVAILABLE && named
        })
        .await;
        // Each of them is told, and goes on.
        progress.until_more(&progress.refused, far).await;
        assert_eq!(host.admin("/healthz").await.status, StatusCode::OK);
        server.restart();
        until("the host is ready again", async || host.admin("/readyz").await.status == StatusCode::OK).await;
    }
    progress.until_more(&progress.taken, far).await;
    progress.stop.store(true, Ordering::Relaxed);
    let mut answered = Orders::new();
    for orders in writers.join_all().await {
        for (id, order) in orders {
            assert_eq!(answered.insert(id, order), None, "id {id} was given out twice");
        }
    }
    assert!(answered.len() as u64 >= 4 * far);
    assert_kept(&host, &answered).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_answers_nothing_is_given_up_before_the_deadline() {
    let Some(server) = Server::start(&["save \"\""]) else { return };
    let folder = shop();
    let host = Host::up_with(folder.path(), &["--store", &server.database()]);
    let mut client = host.connect().await;
    let order = r#"{"user_id":1,"item":"Book"}"#;
    assert_eq!(client.post("/orders", order).await.status, StatusCode::CREATED);
    server.freeze();
    let (ordered, read) = tokio::join!(host.post("/orders", order), host.get("/users/1"));
    for answer in [ordered, read] {
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
    }
    assert_eq!(host.admin("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
    server.thaw();
    until("the host is ready again", async || host.admin("/readyz").await.status == StatusCode::OK).await;
    assert_eq!(client.post("/orders", order).await.status, StatusCode::CREATED);
}

#[test]
fn what_cannot_be_a_store_is_told_before_anything_is_served() {
    let Some(server) = Server::start(&["save \"\""]) else { return };
    let [newer, fresh] = [server.database(), server.database()];
    assert_eq!(server.cli(&["SET", "dovetail:version", "7"]), "OK");
    let wrong = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(wrong.path(), "wr0ng\n").expect("it can be written");
    fs::set_permissions(wrong.path(), fs::Permissions::from_mode(0o600)).expect("it is ours");
    let passfile = server.file("passfile").display().to_string();
    for (url, told) in [
        (fresh.replace(&passfile, &wrong.path().display().to_string()), "name it by ?passfile=FILE"),
        (fresh.replace(&format!("?passfile={passfile}"), ""), "name it by ?passfile=FILE"),
        (fresh.replace(&passfile, "/nowhere/passfile"), "put the password file right"),
        (fresh.replace(&format!(":{}", server.port()), ":1"), "start its server, or correct host and port"),
        (newer, "it has version 7, and this Dovetail knows version 1; use a newer Dovetail"),
    ] {
        let folder = plain(&format!("[store]\nurl = \"{url}\"\n"));
        for verb in ["up", "check"] {
            let (status, said) = run(folder.path(), &[verb]);
            assert_eq!(status, Some(1), "{said}");
            assert!(said.contains(told) && !said.contains("wr0ng") && !said.contains("Serving"), "{said}");
        }
    }
    let folder = plain(&format!("[store]\nurl = \"{fresh}\"\n"));
    let (status, said) = run(folder.path(), &["check"]);
    assert_eq!(status, Some(0), "{said}");
    assert_eq!(server.cli(&["-n", "1", "DBSIZE"]), "0", "a check wrote");
}
