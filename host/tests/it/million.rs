//! A million entries are listed and exported in little memory, whatever keeps them.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::Stdio,
};

use http::Method;
use rusqlite::Connection;

use crate::{
    shared::run,
    support::{Host, app, dovetail, postgres, redis, request},
};

const COUNT: usize = 1_000_000;

/// The most memory that either may take, and a host more than it did before.
const MOST: usize = 64 << 20;

/// A service that lists the keys of its bucket, page by page, and has time to.
const LISTING: &str = r#"
[app]
name = "app"
[service.guest]
component = "{guest}"
routes = ["/guest/*"]
buckets = ["b"]
limits = { deadline = "5m", memory = "8MiB" }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn in_sqlite() {
    let folder = app(LISTING);
    let fill = || {
        let database = Connection::open(folder.path().join("data/app.db")).expect("a database");
        let million = "PRAGMA synchronous = OFF;
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999999)
            INSERT INTO entries (bucket, key, value) SELECT 'b', 'key/' || i, CAST('value of ' || i AS BLOB) FROM n";
        database.execute_batch(million).expect("it has room");
    };
    are_listed_and_exported(folder.path(), "sqlite:data/app.db", fill).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_postgresql() {
    let Some(server) = postgres::Server::shared() else { return };
    let url = server.database();
    let fill = || {
        let name = url.split(['/', '?']).nth(3).expect("a name");
        let million = "INSERT INTO dovetail.entries (id, bucket, key, value)
            SELECT (nextval('dovetail.batches') << 20) + i, 'b', convert_to('key/' || i, 'UTF8'),
                   convert_to('value of ' || i, 'UTF8')
            FROM generate_series(1, 999999) AS i ORDER BY i";
        server.psql(name, million);
    };
    are_listed_and_exported(app(LISTING).path(), &url, fill).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_redis() {
    // Its 190 MiB are given back when it ends.
    let Some(server) = redis::Server::start(&["save \"\""]) else { return };
    let fill = || {
        let million = "for i = 1, 999999 do
            redis.call('HSET', 'dovetail:values:b', 'key/' .. i, 'value of ' .. i)
            redis.call('ZADD', 'dovetail:order:b', redis.call('INCR', 'dovetail:last:b'), 'key/' .. i)
        end";
        assert_eq!(server.cli(&["EVAL", million, "0"]), "");
    };
    are_listed_and_exported(app(LISTING).path(), &server.url(0), fill).await;
}

/// The first is set by an import, which makes the store; the others as is quickest.
async fn are_listed_and_exported(folder: &Path, url: &str, fill: impl FnOnce()) {
    fs::write(folder.join("lines"), "{\"bucket\":\"b\",\"key\":\"key/0\",\"value\":\"value of 0\"}\n")
        .expect("it is ours");
    let (status, said) = run(folder, &["store", "--store", url, "import", "lines"]);
    assert_eq!(status, Some(0), "{said}");
    fill();

    let mut export = dovetail();
    export.args(["store", "--store", url, "export", "--bucket", "b"]).current_dir(folder);
    let mut child = export.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("dovetail starts");
    let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
    let (mut line, mut count) = (String::new(), 0);
    while out.read_line(&mut line).expect("it is text") > 0 {
        assert_eq!(line, format!("{{\"key\":\"key/{count}\",\"value\":\"value of {count}\"}}\n"));
        line.clear();
        count += 1;
        // It waits until the rest of its lines is read.
        if count == COUNT - 20_000 {
            let status = fs::read_to_string(format!("/proc/{}/status", child.id())).expect("it runs");
            let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells it");
            let kibibytes: usize = peak.trim().trim_end_matches(" kB").parse().expect("a number");
            assert!(kibibytes * 1024 < MOST, "an export took {kibibytes} KiB");
        }
    }
    assert_eq!(count, COUNT);
    assert!(child.wait().expect("it ends").success());

    // A path of the URL is the folder's, as it is in the command above.
    let url = url.replace("sqlite:", &format!("sqlite:{}/", folder.display()));
    let host = Host::up_with(folder, &["--store", &url]);
    assert_eq!(host.get("/guest/get?bucket=b&key=key/7").await.text(), "value of 7");
    let before = host.peak_memory();
    let mut client = host.connect().await;
    let listed = client.try_send(request(Method::GET, "/guest/count-keys?bucket=b&key=key/", "")).await;
    assert_eq!(listed.expect("an answer").text(), COUNT.to_string());
    let more = host.peak_growth(before);
    assert!(more < MOST, "listing took {more} bytes more");
}
