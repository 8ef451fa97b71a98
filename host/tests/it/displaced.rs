//! Files of a store that go away under a host, or have others in their place: what was
//! answered is in the files that are there, or is not answered.

use std::{fs, net::TcpListener, path::Path, process::Stdio};

use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    durability::{Orders, assert_kept},
    support::{Client, Host, dovetail, post, shop, until, up},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_removed_takes_no_answered_write_along() {
    let folder = shop();
    let (host, data) = (Host::up(folder.path()), folder.path().join("data"));
    let mut client = host.connect().await;
    let before = order(&mut client, "Book").await.expect("the store is there");
    fs::remove_dir_all(&data).expect("it is ours");
    // Nobody has written yet.
    assert_not_ready(&host, "data/shop.db\" was removed while the host runs; put it back, or restart the host").await;
    for round in 0..3 {
        assert_eq!(order(&mut client, "Pen").await, None, "round {round}");
        assert_reads(&host, &before).await;
    }
    host.wait_for_output("a commit failed");
    assert!(!data.exists(), "the host made the folder again");
    host.signal("TERM");
    assert_eq!(host.wait().code(), Some(1), "what was written went with the process");

    let host = Host::up(folder.path());
    assert_eq!(host.get("/orders/1").await.status, StatusCode::NOT_FOUND);
    assert_eq!(order(&mut host.connect().await, "Book").await.expect("a new store")["id"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_moved_back_is_written_to_again() {
    let folder = shop();
    let (host, data) = (Host::up(folder.path()), folder.path().join("data"));
    let mut client = host.connect().await;
    let mut answered = Orders::new();
    take(&mut client, &mut answered).await;
    for round in 0..3 {
        let away = folder.path().join("away");
        fs::rename(&data, &away).expect("it is ours");
        assert_eq!(order(&mut client, "Pen").await, None, "round {round}");
        // Another one is none of its business.
        fs::create_dir(&data).expect("it is ours");
        fs::write(data.join("shop.db"), "").expect("it can be written");
        assert_not_ready(&host, "data/shop.db\" was replaced by another while the host runs").await;
        assert_eq!(order(&mut client, "Pen").await, None, "round {round}");
        assert_eq!(fs::read(data.join("shop.db")).expect("it is there"), b"");
        fs::remove_dir_all(&data).expect("it is ours");
        fs::rename(&away, &data).expect("it is ours");
        until("it takes orders again", async || take(&mut client, &mut answered).await).await;
        assert_eq!(Client::http1(host.admin).await.get("/readyz").await.status, StatusCode::OK);
    }
    assert_kept(&host, &answered).await;
    host.signal("KILL");
    assert!(!host.wait().success());
    assert_kept(&Host::up(folder.path()), &answered).await;
}

/// Whoever has the log open has what is in it, and the database to put it into.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_removed_alone_is_begun_anew_and_nothing_is_lost() {
    for removed in [&["shop.db-wal"][..], &["shop.db-shm"], &["shop.db-wal", "shop.db-shm"]] {
        let folder = shop();
        let host = Host::up(folder.path());
        let mut client = host.connect().await;
        let mut answered = Orders::new();
        for _ in 0..3 {
            assert!(take(&mut client, &mut answered).await, "{removed:?}: no order was refused");
            delivered(&host).await;
            for name in removed {
                fs::remove_file(folder.path().join("data").join(name)).expect("it is there");
            }
            assert!(take(&mut client, &mut answered).await, "{removed:?}: no order was refused");
            assert_kept(&host, &answered).await;
        }
        host.signal("KILL");
        assert!(!host.wait().success());
        assert_kept(&Host::up(folder.path()), &answered).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_over_a_file_is_not_written_to() {
    for (name, content) in [("shop.db", "short"), ("shop.db", ""), ("shop.db-wal", "")] {
        let folder = shop();
        let host = Host::up(folder.path());
        let mut client = host.connect().await;
        order(&mut client, "Book").await.expect("the store is there");
        // What is folded is not in the log alone.
        host.signal("TERM");
        assert!(host.wait().success());
        let host = Host::up(folder.path());
        let mut client = host.connect().await;
        order(&mut client, "Book").await.expect("the store is there");
        delivered(&host).await;
        let file = folder.path().join("data").join(name);
        fs::write(&file, content).expect("it can be written");
        assert_eq!(order(&mut client, "Pen").await, None, "{name}");
        let advice =
            if name == "shop.db" { "if another was copied over it, stop the host" } else { "restart the host" };
        let told = format!("data/{name}\" was cut short or written over while the host runs; {advice}");
        assert_not_ready(&host, &told).await;
        host.signal("TERM");
        assert_eq!(host.wait().code(), Some(1), "{name}");
        assert_eq!(fs::read_to_string(&file).expect("it is there"), content, "{name}");
    }
}

/// As `cp` does: into the same file.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_copied_over_a_database_in_use_is_noticed_and_not_written_to() {
    for (made_by, is_longer) in [("cp", false), ("cp", true), ("store backup", false)] {
        let folder = shop();
        let (file, backup) = (folder.path().join("data/shop.db"), folder.path().join("backup.db"));
        let mut kept = Orders::new();
        let host = Host::up(folder.path());
        assert!(take(&mut host.connect().await, &mut kept).await, "{made_by}");
        host.signal("TERM");
        assert!(host.wait().success());
        match made_by {
            "cp" => drop(fs::copy(&file, &backup).expect("it can be copied")),
            _ => assert!(back_up(folder.path(), &backup), "{made_by}"),
        }
        if is_longer {
            let more = rusqlite::Connection::open(&backup).expect("a database");
            more.execute("INSERT INTO entries (bucket, key, value) VALUES ('b', 'k', zeroblob(99999))", [])
                .expect("there is room");
        }

        // What comes after the backup is in the database first, then in its log.
        let host = Host::up(folder.path());
        order(&mut host.connect().await, "Pen").await.expect("the store is there");
        host.signal("TERM");
        assert!(host.wait().success());
        let host = Host::up(folder.path());
        let mut client = host.connect().await;
        order(&mut client, "Pen").await.expect("the store is there");
        let length = |path| fs::metadata(path).expect("it is there").len();
        assert!(if is_longer { length(&backup) > length(&file) } else { length(&backup) == length(&file) });
        fs::copy(&backup, &file).expect("it can be copied");
        if is_longer {
            assert_eq!(order(&mut client, "Pen").await, None, "{made_by}");
        }
        let told = "data/shop.db\" was cut short or written over while the host runs; if another was copied over it, \
                    stop the host, remove its log (-wal, -shm) and copy it again";
        assert_not_ready(&host, told).await;
        assert_eq!(order(&mut client, "Pen").await, None, "{made_by}");
        host.signal("TERM");
        assert_eq!(host.wait().code(), Some(1), "{made_by}");
        assert!(fs::read(&file).expect("it is there") == fs::read(&backup).expect("it is there"), "{made_by}");

        for beside in ["shop.db-wal", "shop.db-shm"] {
            fs::remove_file(folder.path().join("data").join(beside)).expect("it is there");
        }
        let host = Host::up(folder.path());
        assert_kept(&host, &kept).await;
        assert!(take(&mut host.connect().await, &mut kept).await, "{made_by}");
    }
}

/// A copy of the file that is in use has all that tells it from others.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_the_database_in_use_is_noticed_once_there_was_a_checkpoint() {
    let folder = shop();
    let (file, copy) = (folder.path().join("data/shop.db"), folder.path().join("copy.db"));
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    order(&mut client, "Book").await.expect("the store is there");
    let ready = async || Client::http1(host.admin).await.get("/readyz").await.status == StatusCode::OK;
    // A copy begins with a file that is cut short, which a commit would find.
    delivered(&host).await;
    fs::copy(&file, &copy).expect("it can be copied");
    fs::copy(&copy, &file).expect("it can be copied");
    assert!(ready().await, "nothing is changed by that");

    let content = |path| fs::read(path).expect("it is there");
    let mark = |path| content(path)[40..44].to_vec();
    until("there is a checkpoint", async || {
        order(&mut client, &"Pen".repeat(100)).await.expect("the store is there");
        mark(&file) != mark(&copy)
    })
    .await;
    assert!(ready().await);
    // Not to be known by its length.
    let length = fs::metadata(&file).expect("it is there").len();
    let mut older = content(&copy);
    older.resize(usize::try_from(length).expect("it is in memory"), 0);
    fs::write(&file, older).expect("it can be written");
    assert_eq!(order(&mut client, "Pen").await, None);
    assert_not_ready(&host, "data/shop.db\" was cut short or written over while the host runs").await;
}

/// What a tool makes of the tables is no copy, but looks like one.
#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_changed_beside_a_host_loses_nothing() {
    for change in ["CREATE INDEX other ON entries (key)", "VACUUM", "ANALYZE"] {
        let folder = shop();
        let host = Host::up(folder.path());
        let (mut client, mut answered) = (host.connect().await, Orders::new());
        assert!(take(&mut client, &mut answered).await, "{change}");
        let beside = rusqlite::Connection::open(folder.path().join("data/shop.db")).expect("a database");
        beside.execute_batch(change).expect("it may");
        assert!(take(&mut client, &mut answered).await, "{change}: it is in the log still");
        beside.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).expect("it may");
        assert_not_ready(&host, "if a tool changed its schema, restart the host").await;
        assert_eq!(order(&mut client, "Pen").await, None, "{change}");
        drop(beside);
        host.signal("TERM");
        assert_eq!(host.wait().code(), Some(1), "{change}");
        assert_kept(&Host::up(folder.path()), &answered).await;
    }
}

/// What is in the log of a host that was killed may make the database shorter.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_a_start_makes_shorter_is_served() {
    let (folder, mut answered) = (shop(), Orders::new());
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    assert!(take(&mut client, &mut answered).await);
    delivered(&host).await;
    let file = folder.path().join("data/shop.db");
    let beside = rusqlite::Connection::open(&file).expect("a database");
    beside.execute("INSERT INTO entries (bucket, key, value) VALUES ('b', 'k', zeroblob(999999))", []).expect("room");
    beside.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).expect("it may");
    assert!(take(&mut client, &mut answered).await);
    delivered(&host).await;
    let long = fs::metadata(&file).expect("it is there").len();
    beside.execute_batch("DELETE FROM entries WHERE bucket = 'b'; VACUUM").expect("it may");
    // To close it would fold the log, if it were the last; and it is to be there still.
    host.signal("KILL");
    assert!(!host.wait().success());
    std::mem::forget(beside);
    assert_eq!(fs::metadata(&file).expect("it is there").len(), long, "the log is in the database already");
    let host = Host::up(folder.path());
    assert_kept(&host, &answered).await;
    assert!(take(&mut host.connect().await, &mut answered).await);
    assert!(fs::metadata(&file).expect("it is there").len() < long);
}

/// Who only looks sees a database like others.
#[tokio::test(flavor = "multi_thread")]
async fn a_look_beside_a_host_says_what_the_host_has_seen() {
    let (folder, admin) = (shop(), TcpListener::bind("127.0.0.1:0").expect("a free port"));
    let address = admin.local_addr().expect("it is bound");
    drop(admin);
    let file = folder.path().join("dovetail.toml");
    let manifest = fs::read_to_string(&file).expect("it is there");
    fs::write(&file, format!("{manifest}\n[admin]\nlisten = \"{address}\"\n")).expect("it can be written");
    let look = |arguments: &[&str]| {
        let output = dovetail().arg("store").args(arguments).current_dir(&folder).output().expect("dovetail starts");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let mut command = dovetail();
    command.args(["up", "--listen", "127.0.0.1:0", "--manifest"]).arg(&file);
    let host = Host::start(command.stderr(Stdio::piped()));
    order(&mut host.connect().await, "Book").await.expect("the store is there");
    assert!(!look(&["stats"]).contains("WARN"));
    look(&["backup", "copy.db"]);
    fs::copy(folder.path().join("copy.db"), folder.path().join("data/shop.db")).expect("it can be copied");
    let told = "WARN";
    for arguments in [&["stats"][..], &["export"], &["backup", "again.db"]] {
        let said = look(arguments);
        let says = "this may not be what the host has in this store, which says: cannot write: the store's file";
        assert!(said.contains(told) && said.contains(says), "{arguments:?}: {said}");
        assert!(said.contains("data/shop.db\" was cut short or written over while the host runs"), "{said}");
    }
    // Another store is none of that host's.
    let other = format!("sqlite:{}", folder.path().join("copy.db").display());
    assert!(!look(&["stats", "--store", &other]).contains(told));
}

fn back_up(folder: &Path, to: &Path) -> bool {
    let output = dovetail().args(["store", "backup"]).arg(to).current_dir(folder).output();
    output.expect("dovetail starts").status.success()
}

/// What is in the place of a database belongs to the host that opened it there.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_host_beside_one_whose_files_were_removed_loses_nothing() {
    let folder = shop();
    let data = folder.path().join("data");
    let first = Host::up(folder.path());
    let mut client = first.connect().await;
    let mut answered = Orders::new();
    take(&mut client, &mut answered).await;

    // Without its database the log is not touched, and neither is a host's that runs.
    fs::rename(data.join("shop.db"), folder.path().join("kept.db")).expect("it is ours");
    assert_refused(&store_elsewhere(folder.path()), "its log", "put the database back, or remove the log");
    fs::copy(folder.path().join("kept.db"), data.join("shop.db")).expect("it can be copied");
    assert_refused(&store_elsewhere(folder.path()), "another host has it open", "stop that host");
    fs::rename(folder.path().join("kept.db"), data.join("shop.db")).expect("it is ours");
    until("it takes orders again", async || take(&mut client, &mut answered).await).await;
    assert_kept(&first, &answered).await;

    for file in ["shop.db", "shop.db-wal", "shop.db-shm"] {
        fs::remove_file(data.join(file)).expect("it is there");
    }
    let other = store_elsewhere(folder.path());
    let second = Host::up(other.path());
    let (mut client_of_second, mut kept) = (second.connect().await, Orders::new());
    for _ in 0..10 {
        assert!(take(&mut client_of_second, &mut kept).await);
        assert_eq!(order(&mut client, "Pen").await, None);
    }
    first.signal("TERM");
    assert_eq!(first.wait().code(), Some(1));
    assert!(take(&mut client_of_second, &mut kept).await);
    second.signal("KILL");
    assert!(!second.wait().success());
    assert_kept(&Host::up(other.path()), &kept).await;
}

/// The shop with the store of another folder, and a history of its own.
fn store_elsewhere(folder: &Path) -> tempfile::TempDir {
    let other = shop();
    let file = other.path().join("dovetail.toml");
    let manifest = fs::read_to_string(&file).expect("a manifest");
    let store = format!("{manifest}[store]\nurl = \"sqlite:{}\"\n", folder.join("data/shop.db").display());
    fs::write(file, store).expect("it can be written");
    other
}

fn assert_refused(folder: &tempfile::TempDir, why: &str, advice: &str) {
    let output = up(folder.path()).output().expect("dovetail starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(why) && said.contains(advice), "{said}");
}

/// An order that was taken; none if it was refused as it should be.
async fn order(client: &mut Client, item: &str) -> Option<Value> {
    let order = json!({ "user_id": 1, "item": item });
    let answer = client.send(post("/orders", order.to_string())).await;
    match answer.status {
        StatusCode::CREATED => Some(answer.json()),
        StatusCode::SERVICE_UNAVAILABLE => None,
        _ => panic!("{answer:?}"),
    }
}

/// Whether an order was taken, which is added to those that were answered.
async fn take(client: &mut Client, answered: &mut Orders) -> bool {
    let Some(order) = order(client, &format!("Book {}", answered.len())).await else { return false };
    let id = order["id"].as_u64().expect("an id");
    assert_eq!(answered.insert(id, order), None, "id {id} was given out twice");
    true
}

/// The notices of all orders are there, so that nobody reads or writes any more: who comes
/// upon that may be refused, or write behind what is cut off.
async fn delivered(host: &Host) {
    until("the notices are there", async || {
        let queue = &host.admin("/v1/events").await.json()["queues"][0];
        (&queue["waiting"], &queue["running"]) == (&json!(0), &json!(0))
    })
    .await;
    // What is written after them is answered when they are durable.
    let user = json!({ "name": "Ada" }).to_string();
    assert_eq!(host.connect().await.post("/users", &user).await.status, StatusCode::CREATED);
}

/// Several at once read what was written before.
async fn assert_reads(host: &Host, order: &Value) {
    let path = format!("/orders/{}", order["id"]);
    let (one, other, third) = tokio::join!(host.get(&path), host.get(&path), host.get(&path));
    for answer in [one, other, third] {
        assert_eq!((answer.status, answer.json()), (StatusCode::OK, order.clone()));
    }
}

async fn assert_not_ready(host: &Host, why: &str) {
    let ready = Client::http1(host.admin).await.get("/readyz").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE, "{ready:?}");
    let error = ready.json()["error"].as_str().expect("a text").to_owned();
    assert!(error.contains(why), "{error}");
}

/// Nobody who only looks, or folds the log, is taken for somebody who replaced it.
#[tokio::test(flavor = "multi_thread")]
async fn who_looks_beside_a_host_is_in_nobodys_way() {
    let folder = shop();
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    let mut answered = Orders::new();
    for round in 0..20 {
        assert!(take(&mut client, &mut answered).await, "round {round}");
        let beside = rusqlite::Connection::open(folder.path().join("data/shop.db")).expect("a database");
        let fold = ["PASSIVE", "FULL", "RESTART", "TRUNCATE"][round % 4];
        beside.query_row(&format!("PRAGMA wal_checkpoint({fold})"), [], |_| Ok(())).expect("it may");
        assert!(take(&mut client, &mut answered).await, "round {round}, {fold}");
        drop(beside);
        let copy = folder.path().join(format!("copy{round}"));
        for arguments in [&["stats"][..], &["export"], &["backup", &copy.display().to_string()]] {
            let store = dovetail().arg("store").args(arguments).current_dir(folder.path()).output();
            assert!(store.expect("dovetail starts").status.success(), "{arguments:?}");
        }
    }
    assert_kept(&host, &answered).await;
}
