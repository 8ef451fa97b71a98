//! Somebody who reads and does not end makes the store's log grow, and the host says so.

use std::{
    fs,
    sync::atomic::{AtomicU8, Ordering},
};

use bytes::Bytes;
use http::{Method, StatusCode};
use rusqlite::Connection;

use crate::support::{Client, Host, app, dovetail, request, until};

const MIB: usize = 1 << 20;

const APP: &str = r#"
[app]
name = "notes"
[service.guest]
component = "{guest}"
routes = ["/*"]
buckets = ["fixtures"]
limits = { value = "8MiB", body = "8MiB", memory = "256MiB" }
"#;

#[tokio::test]
async fn a_log_that_a_reader_lets_grow_is_told_of_until_it_is_short_again() {
    let folder = app(APP);
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    write(&mut client, "small").await;

    let reader = Connection::open(folder.path().join("data/notes.db")).expect("others may read it");
    reader.execute_batch("BEGIN; SELECT count(*) FROM entries;").expect("it can be read");
    let log = folder.path().join("data/notes.db-wal");
    let size = || fs::metadata(&log).expect("there is a log").len() as usize / MIB;
    while size() < 200 {
        write(&mut client, &size().to_string()).await;
    }
    let line = host.wait_for_output("the store's log has ");
    assert!(line.contains("WARN") && line.contains(&log.display().to_string()), "{line}");
    assert!(line.contains("end it: an open sqlite3, an export or a backup"), "{line}");
    until("it is told once more", async || told(&host) == 2).await;
    let stats = dovetail().args(["store", "stats"]).current_dir(folder.path()).output().expect("dovetail starts");
    let shown = String::from_utf8_lossy(&stats.stdout).into_owned();
    assert!(shown.contains(" MiB of log") && shown.contains("grows while somebody reads"), "{shown}");

    drop(reader);
    until("it is folded into the database", async || {
        write(&mut client, "more").await;
        host.output().iter().any(|line| line.contains("the store's log is folded into its database again"))
    })
    .await;
    until("its room is given back", async || {
        write(&mut client, "more").await;
        size() <= 64
    })
    .await;
    // At 64 MiB, at twice as many, and not with each of the writes.
    assert_eq!(told(&host), 2, "{:?}", host.output());
}

fn told(host: &Host) -> usize {
    host.output().iter().filter(|line| line.contains("the store's log has ")).count()
}

/// Set a key to 8 MiB that no key had before: SQLite does not write what is there.
async fn write(client: &mut Client, key: &str) {
    static WRITTEN: AtomicU8 = AtomicU8::new(0);
    let value = Bytes::from(vec![WRITTEN.fetch_add(1, Ordering::Relaxed); 8 * MIB]);
    let answer = client.send(request(Method::PUT, &format!("/set?key={key}"), value)).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
}
