//! Several hosts share a PostgreSQL database, and lose nothing when it is lost.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Output,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use http::StatusCode;
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinSet, time::timeout};

use crate::{
    durability::{Orders, WRITERS, assert_kept},
    support::{Client, Host, PATIENCE, dovetail, load, plain, post, postgres::Server, shop, shop_table, until},
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
    host.signal("TERM");
    assert_eq!(host.wait().code(), Some(0));

    let host = Host::up_with(folder.path(), &["--store", &url]);
    assert_eq!(host.get("/orders/1").await.text(), r#"{"id":1,"user_id":1,"item":"Book"}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hosts_on_one_database_give_each_id_once() {
    let Some(server) = Server::shared() else { return };
    let (folders, url) = ([shop(), shop()], server.database());
    // Both find no tables, and one of them makes them.
    let hosts = tokio::task::spawn_blocking(move || {
        let up = |folder: &Path| Host::up_with(folder, &["--store", &url]);
        let hosts = std::thread::scope(|scope| {
            let starting = folders.each_ref().map(|folder| scope.spawn(|| up(folder.path())));
            starting.map(|started| started.join().expect("both serve"))
        });
        (hosts, folders)
    });
    let (hosts, _folders) = hosts.await.expect("both serve");
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
async fn a_killed_server_has_lost_no_answered_order() {
    let Some(server) = Server::start(&[]) else { return };
    let folder = shop();
    let host = Host::up_with(folder.path(), &["--store", &server.database()]);
    let progress = Arc::<Progress>::default();
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        writers.spawn(progress.clone().write(host.connect().await, format!("Book {writer}")));
    }
    let far = 5 * WRITERS as u64;
    for _ in 0..5 {
        progress.until_more(&progress.taken, far).await;
        server.kill();
        until("the host says that it is not ready", async || {
            let answer = host.admin("/readyz").await;
            let why = answer.json()["error"].as_str().unwrap_or_default().to_owned();
            let named = why.contains(&format!("postgres://127.0.0.1:{}/", server.port()));
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
    let Some(server) = Server::start(&["fsync=off"]) else { return };
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
    let Some(server) = Server::shared() else { return };
    let [fresh, newer] = [server.database(), server.database()];
    let name = |url: &str| url.rsplit_once('/').and_then(|_| url.split(['/', '?']).nth(3)).expect("a name").to_owned();
    let sql = "CREATE SCHEMA dovetail; CREATE TABLE dovetail.versions AS SELECT 7 AS version";
    server.psql(&name(&newer), sql);
    let wrong = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(wrong.path(), "*:*:*:*:wr0ng").expect("it can be written");
    fs::set_permissions(wrong.path(), fs::Permissions::from_mode(0o600)).expect("it is ours");
    let passfile = server.file("passfile").display().to_string();
    for (url, told) in [
        (fresh.replace(&passfile, &wrong.path().display().to_string()), "password authentication failed"),
        (fresh.replace(&name(&fresh), "missing"), "create the database \"missing\" (createdb -O postgres missing)"),
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
    let made = server.psql(&name(&fresh), "SELECT count(*) FROM pg_namespace WHERE nspname = 'dovetail'");
    assert_eq!(made, "0", "a check made tables");
}

#[test]
fn a_password_in_a_url_is_refused_and_not_repeated() {
    let url = "postgres://shop:s3cret@localhost/shop";
    let folder = plain(&format!("[store]\nurl = \"{url}\"\n"));
    for (arguments, status) in [(&["check"][..], 1), (&["up"], 1), (&["up", "--store", url], 2)] {
        let (code, said) = run(folder.path(), arguments);
        assert_eq!(code, Some(status), "{said}");
        assert!(said.contains("has a password") && said.contains("~/.pgpass"), "{said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
}

/// What clients have come to that order all the time, whatever they are answered.
#[derive(Default)]
pub struct Progress {
    pub stop: AtomicBool,
    pub taken: watch::Sender<u64>,
    pub refused: watch::Sender<u64>,
}

impl Progress {
    /// Take orders for Alice and Bob; those that were taken, by id.
    pub async fn write(self: Arc<Self>, mut client: Client, item: String) -> BTreeMap<u64, Value> {
        let (mut answered, mut number) = (BTreeMap::new(), 0);
        while !self.stop.load(Ordering::Relaxed) {
            number += 1;
            let mut order = json!({ "user_id": 1 + number % 2, "item": format!("{item}.{number}") });
            let answer = client.send(post("/orders", order.to_string())).await;
            if answer.status == StatusCode::SERVICE_UNAVAILABLE {
                self.refused.send_modify(|refused| *refused += 1);
                continue;
            }
            assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
            let taken = answer.json();
            order["id"] = taken["id"].clone();
            assert_eq!(taken, order);
            answered.insert(taken["id"].as_u64().expect("an id"), taken);
            self.taken.send_modify(|taken| *taken += 1);
        }
        answered
    }

    /// Wait until a counter has so many more.
    pub async fn until_more(&self, counter: &watch::Sender<u64>, more: u64) {
        let mut counter = counter.subscribe();
        let goal = *counter.borrow() + more;
        let waited = timeout(PATIENCE, counter.wait_for(|count| *count >= goal)).await;
        waited.expect("waited in vain until they went on").expect("they count");
    }
}

/// How a command about a folder's manifest ended, and all that it printed.
pub fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } =
        dovetail().args(arguments).current_dir(folder).output().expect("dovetail starts");
    (status.code(), [String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)].concat())
}
