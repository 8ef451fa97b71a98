//! What a database file goes through.

use std::collections::BTreeMap;
use std::fs;
use std::future::poll_fn;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use rusqlite::Connection;
use tokio::runtime::Builder;
use tokio::task::spawn_blocking;

use super::{Files, Readers, SqliteStore, reader, schema};
use crate::store::{BucketStore, Change, Guard, KEYS_PER_PAGE, StoreError, Watermark};

/// What is not known any more is asked of the database.
#[tokio::test]
async fn a_guard_is_held_against_what_the_database_has() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (path, seen) = (folder.path().join("a.db"), Watermark::default());
    let store = SqliteStore::open(&path).await?;
    store.set("b", "k".into(), b"kept".into(), &seen).await?;
    store.close().await?;
    drop(store);
    let store = SqliteStore::open(&path).await?;
    for (value, expected) in
        [(Some(&b"other"[..]), false), (None, false), (Some(b"kept"), true), (Some(b"kept"), false)]
    {
        let guard = Guard { bucket: "b", key: "k", value };
        let gone = vec![Change { bucket: "b", key: "k".into(), value: None }];
        assert_eq!(store.write_where(guard, gone, &seen).await?.is_some(), expected, "{value:?}");
    }
    Ok(())
}

#[tokio::test]
async fn creates_its_folder_and_keeps_what_it_was_told() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("not/yet/there/demo.db");
    for round in 1..=3 {
        let store = SqliteStore::open(&path).await?;
        assert_eq!(store.increment("b", "n".into(), 1, &Watermark::default()).await?, round);
        assert_eq!(store.increment("b", "n".into(), 0, &Watermark::default()).await?, round);
        // Closed, or merely dropped.
        if round == 2 {
            store.close().await?;
            let Err(error) = store.set("b", "k".into(), Vec::new(), &Watermark::default()).await else {
                bail!("a closed store took a write");
            };
            ensure!(matches!(error, StoreError::Closed { .. }), error);
        }
        drop(store);
        assert_eq!(files_beside(&path)?, ["demo.db"], "the log stayed");
    }
    Ok(())
}

#[tokio::test]
async fn carries_the_marks_in_the_file_itself() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("demo.db");
    let store = SqliteStore::open(&path).await?;
    // While the host runs, and so after a crash.
    assert_eq!(fs::read(&path)?[68..72], *b"DVTL");
    drop(store);
    Ok(())
}

#[tokio::test]
async fn leaves_alone_what_is_not_its_own() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("demo.db");
    let database = |batch: &str| Ok(Connection::open(&path)?.execute_batch(batch)?);
    type Make<'a> = &'a dyn Fn() -> Result<()>;
    let cases: [(Make, &str); 6] = [
        (&|| Ok(fs::write(&path, "id,name\n1,Alice\n")?), "no SQLite database"),
        (&|| Ok(fs::write(&path, b"SQLite format 3\0")?), "no SQLite database"),
        (&|| Ok(fs::write(&path, [0; 8192])?), "no SQLite database"),
        (
            &|| database("PRAGMA journal_mode = WAL; CREATE TABLE t (x);"),
            "another application (its application_id is 0)",
        ),
        (
            &|| database("PRAGMA application_id = 252006674; CREATE TABLE t (x);"),
            "another application (its application_id is 252006674)",
        ),
        (
            &|| database("PRAGMA application_id = 0x4456544c; PRAGMA user_version = 2;"),
            "it has version 2, and this Dovetail knows version 1",
        ),
    ];
    for (make, report) in cases {
        make()?;
        let before = fs::read(&path)?;
        for tried in [SqliteStore::open(&path).await.map(drop), SqliteStore::inspect(&path)] {
            let Err(error) = tried else {
                bail!("opened a file although: {report}");
            };
            let said = error.to_string();
            assert!(said.contains(report) && said.contains("demo.db"), "{said}");
            assert_eq!(fs::read(&path)?, before, "{report}");
            assert_eq!(files_beside(&path)?, ["demo.db"], "{report}");
        }
        fs::remove_file(&path)?;
    }
    Ok(())
}

#[tokio::test]
async fn sees_a_newer_version_that_is_still_in_the_log() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("demo.db");
    drop(SqliteStore::open(&path).await?);
    let newer = Connection::open(&path)?;
    newer.pragma_update(None, "user_version", 2)?;
    assert_eq!(fs::read(&path)?[60..64], [0, 0, 0, 1]);
    let Err(error) = SqliteStore::open(&path).await else {
        bail!("opened a newer version");
    };
    ensure!(matches!(error, StoreError::OtherVersion { found: 2, .. }), error);
    Ok(())
}

#[tokio::test]
async fn says_which_path_cannot_be_opened() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("file");
    fs::write(&file, "")?;
    for path in [folder.path().to_owned(), file.join("demo.db")] {
        for tried in [SqliteStore::open(&path).await.map(drop), SqliteStore::inspect(&path)] {
            let Err(error) = tried else {
                bail!("opened {path:?}");
            };
            ensure!(matches!(error, StoreError::NoFile { .. }), error);
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_look_makes_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    SqliteStore::inspect(&folder.path().join("data/demo.db"))?;
    assert_eq!(contents(folder.path())?, BTreeMap::new(), "the folder was made");
    fs::write(folder.path().join("demo.db"), "")?;
    SqliteStore::inspect(&folder.path().join("demo.db"))?;
    assert_eq!(contents(folder.path())?, BTreeMap::from([("demo.db".to_owned(), Vec::new())]));
    Ok(())
}

#[tokio::test]
async fn a_look_at_what_a_crash_left_changes_nothing() -> Result<()> {
    let (folder, crashed) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let path = folder.path().join("a demo?.db");
    let store = SqliteStore::open(&path).await?;
    kept(&store, "k", vec![7; 10_000]).await?;
    for (version, index) in [(1, true), (2, true), (1, false)] {
        let connection = Connection::open(&path)?;
        connection.pragma_update(None, "user_version", version)?;
        for (name, content) in contents(folder.path())? {
            fs::write(crashed.path().join(name), content)?;
        }
        drop(connection);
        let path = crashed.path().join("a demo?.db");
        if !index {
            fs::remove_file(crashed.path().join("a demo?.db-shm"))?;
        }
        let before = contents(crashed.path())?;
        assert!(!before["a demo?.db-wal"].is_empty());
        match SqliteStore::inspect(&path) {
            Ok(()) => assert_eq!(version, 1),
            Err(error) => ensure!(matches!(error, StoreError::OtherVersion { found: 2, .. }) && version == 2, error),
        }
        assert!(contents(crashed.path())? == before, "version {version}, index {index}");
    }
    Ok(())
}

/// The bytes of each file in a folder.
fn contents(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for name in files_beside(&folder.join("demo.db"))? {
        let content = fs::read(folder.join(&name))?;
        files.insert(name, content);
    }
    Ok(files)
}

#[tokio::test]
async fn one_host_at_a_time_has_it_open() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("demo.db");
    let store = SqliteStore::open(&path).await?;
    let Err(error) = SqliteStore::open(&path).await else { bail!("two hosts would count the same numbers") };
    ensure!(matches!(error, StoreError::InUse { .. }), error);
    SqliteStore::inspect(&path)?;
    drop(store);
    SqliteStore::open(&path).await?;
    Ok(())
}

#[tokio::test]
async fn takes_an_empty_file() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("demo.db");
    fs::write(&path, "")?;
    let store = SqliteStore::open(&path).await?;
    assert_eq!(store.increment("b", "n".into(), 1, &Watermark::default()).await?, 1);
    Ok(())
}

#[tokio::test]
async fn lists_a_bucket_without_walking_through_others() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let connection = schema::open(&Files::take(&folder.path().join("demo.db"))?)?;
    let plan = format!("EXPLAIN QUERY PLAN {}", schema::LIST_KEYS);
    let plan: String = connection.query_row(&plan, ("b", 1, 1), |row| row.get("detail"))?;
    let index = "SEARCH entries USING INDEX entries_by_bucket (bucket=? AND rowid>?)";
    assert_eq!(plan, index);
    Ok(())
}

#[tokio::test]
async fn lists_a_million_keys_page_by_page() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("demo.db");
    let store = SqliteStore::open(&path).await?;
    let count = 1_000_000;
    let make = format!(
        "PRAGMA synchronous = OFF;
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
         INSERT INTO entries (bucket, key, value) SELECT 'b', 'key ' || i, x'' FROM n"
    );
    Connection::open(&path)?.execute_batch(&make)?;
    let (mut listed, mut cursor) = (0, None);
    loop {
        let page = store.list_keys("b", cursor, &Watermark::default()).await?;
        assert!(page.keys.len() <= KEYS_PER_PAGE);
        for key in page.keys {
            listed += 1;
            assert_eq!(key, format!("key {listed}"));
        }
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(listed, count);
    Ok(())
}

#[test]
fn only_short_reads_run_on_their_callers_thread() -> Result<()> {
    // One thread may block, and while it is held all that needs it waits.
    let runtime = Builder::new_current_thread().max_blocking_threads(1).build()?;
    runtime.block_on(async {
        let folder = tempfile::tempdir()?;
        let store = SqliteStore::open(&folder.path().join("demo.db")).await?;
        for (name, bytes) in [("small", 1000), ("medium", 100_000), ("large", 500_000)] {
            kept(&store, name, vec![7; bytes]).await?;
        }
        for (name, count, here) in [
            ("small", 1, true),
            ("small", 128, true),
            ("missing", 128, true),
            ("small", 129, false),
            ("medium", 2, true),
            ("medium", 3, false),
            ("large", 1, false),
        ] {
            let value = store.get("b", name, &Watermark::default()).await?;
            let expected = vec![value.clone().map(|value| (name.to_owned(), value)); count];
            let seen = Watermark::default();
            let many = store.get_many("b", vec![name.to_owned(); count], usize::MAX, &seen);
            assert_eq!(on_this_thread(many).await?, (expected, here), "{count} times {name}");
            let one = store.get("b", name, &seen);
            assert_eq!(on_this_thread(one).await?, (value, name != "large"), "{name}");
        }
        Ok(())
    })
}

#[tokio::test]
async fn a_lock_keeps_no_request_thread_waiting() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("demo.db");
    kept(&SqliteStore::open(&path).await?, "k", b"v".into()).await?;
    // Its own writer, which is elsewhere, would not let another hold the file.
    let mut store = SqliteStore::open(&folder.path().join("other.db")).await?;
    store.readers = Arc::new(Readers::new(Arc::new(Files::take(&path)?)));
    let locked = || {
        let other = Connection::open(&path)?;
        other.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT")?;
        anyhow::Ok(other)
    };

    // The one thread there is gives the file free, unless it waits itself.
    let (start, seen) = (Instant::now(), Watermark::default());
    let other = locked()?;
    let (value, ()) = tokio::join!(store.get("b", "k", &seen), async { drop(other) });
    assert_eq!(value?, Some(b"v".into()));
    store.readers.clear();
    let other = locked()?;
    let (found, ()) = tokio::join!(store.exists("b", "k", &seen), async { drop(other) });
    assert!(found?);
    store.readers.clear();
    let other = locked()?;
    let (values, ()) = tokio::join!(store.get_many("b", vec!["k".into()], 9, &seen), async { drop(other) });
    assert_eq!(values?, [Some(("k".into(), b"v".into()))]);
    assert!(start.elapsed() < schema::BUSY, "a request thread waited");
    Ok(())
}

#[tokio::test]
async fn a_moment_is_kept_until_something_is_written_or_a_checkpoint_is_due() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("demo.db");
    let (store, seen) = (SqliteStore::open(&path).await?, Watermark::default());
    let looks = async |key| {
        for _ in 0..=reader::LOOKS {
            ensure!(store.exists("b", key, &seen).await?, "{key} is not there");
        }
        Ok(())
    };
    let other = Connection::open(&path)?;
    other.busy_timeout(Duration::ZERO)?;
    // It needs a moment in which nobody sees what is in the log.
    let is_held_up = || other.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));

    kept(&store, "1", Vec::new()).await?;
    looks("1").await?;
    assert!(is_held_up()?);
    kept(&store, "2", Vec::new()).await?;
    assert!(store.exists("b", "2", &seen).await?, "it sees an old moment");
    assert!(!is_held_up()?);

    kept(&store, "3", Vec::new()).await?;
    store.get_many("b", vec!["3".into()], 9, &seen).await?;
    assert!(!is_held_up()?, "one look is over when it is answered");

    kept(&store, "4", Vec::new()).await?;
    looks("4").await?;
    assert!(is_held_up()?);
    store.readers.rest();
    assert!(!is_held_up()?);
    Ok(())
}

#[tokio::test]
async fn the_log_is_begun_anew_though_a_reader_keeps_a_moment() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("demo.db");
    let store = SqliteStore::open(&path).await?;
    kept(&store, "k", Vec::new()).await?;
    for _ in 0..=reader::LOOKS {
        store.exists("b", "k", &Watermark::default()).await?;
    }
    // A log that is begun anew has others (https://sqlite.org/fileformat.html#walformat).
    let salts = || Ok::<_, std::io::Error>(fs::read(path.with_extension("db-wal"))?[16..24].to_vec());
    let before = salts()?;
    for byte in 0..200 {
        kept(&store, "large", vec![byte; 1 << 20]).await?;
        if salts()? != before {
            return Ok(());
        }
    }
    bail!("200 MiB are in its log")
}

async fn kept(store: &SqliteStore, key: &str, value: Vec<u8>) -> Result<()> {
    let seen = Watermark::default();
    store.set("b", key.into(), value, &seen).await?;
    Ok(store.durable(&seen).await?)
}

/// What a read answers, and whether it did without another thread.
async fn on_this_thread<T>(read: impl Future<Output = Result<T, StoreError>>) -> Result<(T, bool)> {
    let (release, held) = mpsc::channel::<()>();
    let holding = spawn_blocking(move || held.recv());
    let mut read = pin!(read);
    let here = poll_fn(|context| Poll::Ready(read.as_mut().poll(context))).await;
    drop(release);
    let answer = match here {
        Poll::Ready(answer) => (answer?, true),
        Poll::Pending => (read.await?, false),
    };
    assert!(holding.await?.is_err(), "it was released");
    Ok(answer)
}

fn files_beside(path: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for file in fs::read_dir(path.parent().unwrap_or(path))? {
        names.push(file?.file_name().to_string_lossy().into_owned());
    }
    Ok(names)
}

mod crash;
