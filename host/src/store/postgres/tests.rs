//! What a PostgreSQL database goes through.

use std::collections::{BTreeSet, hash_map::RandomState};
use std::future::poll_fn;
use std::hash::BuildHasher;
use std::task::Poll;

use anyhow::{Context, Result, bail, ensure};
use tokio::task::JoinSet;

use super::*;
use crate::manifest::StoreUrl;
use crate::store::{Upkeep, servers::postgres::Server};

/// What has returned is durable.
static NEVER_RAISED: Watermark = Watermark::new();

mod login;

fn url(text: &str) -> Result<PostgresUrl> {
    match StoreUrl::parse(text, "test")? {
        StoreUrl::Postgres(url) => Ok(url),
        other => bail!("{other} is another store"),
    }
}

/// All that `dovetail` made in a database, and what it says of itself.
const CONTENT: &str = "
    SELECT relname, xmin FROM pg_class WHERE relnamespace = to_regnamespace('dovetail')
    UNION ALL SELECT 'schema', xmin FROM pg_namespace WHERE nspname = 'dovetail' ORDER BY 1";

#[tokio::test]
async fn keeps_what_it_was_told_and_takes_no_more_once_closed() -> Result<()> {
    let Some(server) = Server::shared() else { return Ok(()) };
    let url = url(&server.database())?;
    for round in 1..=2 {
        let store = PostgresStore::open(&url).await?;
        assert_eq!(store.increment("b", "n".into(), 1, &NEVER_RAISED).await?, round);
        store.close().await?;
        let Err(error) = store.set("b", "k".into(), Vec::new(), &NEVER_RAISED).await else {
            bail!("a closed store took a write")
        };
        ensure!(matches!(error, StoreError::Closed { .. }), error);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_start_at_once_make_the_tables_once_however_the_database_isolates() -> Result<()> {
    let Some(server) = Server::shared() else { return Ok(()) };
    for isolation in ["read committed", "repeatable read", "serializable"] {
        let text = server.database();
        let database = url(&text)?.database;
        server.psql(&database, &format!("ALTER DATABASE {database} SET default_transaction_isolation = '{isolation}'"));
        let mut starting = JoinSet::new();
        for _ in 0..8 {
            let url = url(&text)?;
            starting.spawn(async move {
                let store = PostgresStore::open(&url).await?;
                store.increment("b", "n".into(), 1, &NEVER_RAISED).await
            });
        }
        let mut numbers = BTreeSet::new();
        while let Some(started) = starting.join_next().await {
            numbers.insert(started?.with_context(|| isolation)?);
        }
        assert_eq!(numbers, (1..=8).collect(), "{isolation}");
        assert_eq!(server.psql(&database, "SELECT max(version) FROM dovetail.versions"), "2", "{isolation}");
    }
    Ok(())
}

#[tokio::test]
async fn leaves_alone_what_is_not_its_own() -> Result<()> {
    let Some(server) = Server::shared() else { return Ok(()) };
    for (sql, report) in [
        ("CREATE SCHEMA dovetail; CREATE TABLE dovetail.mine (a int)", "its schema \"dovetail\" is not Dovetail's"),
        (
            "CREATE SCHEMA dovetail; CREATE TABLE dovetail.versions (version int);
             INSERT INTO dovetail.versions VALUES (1), (2), (3)",
            "it has version 3, and this Dovetail knows version 2; use a newer Dovetail",
        ),
    ] {
        let url = url(&server.database())?;
        server.psql(&url.database, sql);
        let before = server.psql(&url.database, CONTENT);
        for tried in [PostgresStore::open(&url).await.map(drop), PostgresStore::inspect(&url).await] {
            let Err(error) = tried else { bail!("opened a database although: {report}") };
            let said = error.to_string();
            assert!(said.contains(report) && said.contains(&url.database), "{said}");
            assert_eq!(server.psql(&url.database, CONTENT), before, "{report}");
        }
    }
    Ok(())
}

/// What was made by an earlier version is looked after as it is, and is of this one once it
/// was opened.
#[tokio::test]
async fn an_earlier_version_is_looked_after_and_brought_up() -> Result<()> {
    let Some(server) = Server::shared() else { return Ok(()) };
    let url = url(&server.database())?;
    server.psql(&url.database, include_str!("schema/1.sql"));
    let entry = "INSERT INTO dovetail.versions (version) VALUES (1);
                 INSERT INTO dovetail.entries VALUES (1, 'b', 'k', 'v')";
    server.psql(&url.database, entry);
    let buckets = PostgresUpkeep::connect(&url).await?.stats().await?.buckets;
    assert_eq!(buckets.iter().map(|bucket| (bucket.name.as_str(), bucket.keys)).collect::<Vec<_>>(), [("b", 1)]);
    assert_eq!(server.psql(&url.database, "SELECT max(version) FROM dovetail.versions"), "1");
    let store = PostgresStore::open(&url).await?;
    assert_eq!(store.get("b", "k", &NEVER_RAISED).await?, Some(b"v".into()));
    assert_eq!(server.psql(&url.database, "SELECT max(version) FROM dovetail.versions"), "2");
    Ok(())
}

#[tokio::test]
async fn a_look_makes_nothing() -> Result<()> {
    let Some(server) = Server::shared() else { return Ok(()) };
    let url = url(&server.database())?;
    PostgresStore::inspect(&url).await?;
    assert_eq!(server.psql(&url.database, CONTENT), "");
    drop(PostgresStore::open(&url).await?);
    let before = server.psql(&url.database, CONTENT);
    PostgresStore::inspect(&url).await?;
    assert_eq!(server.psql(&url.database, CONTENT), before);
    Ok(())
}

#[tokio::test]
async fn needs_no_more_than_its_tables_once_they_are_made() -> Result<()> {
    let Some(server) = Server::shared() else { return Ok(()) };
    let mut url = url(&server.database())?;
    let database = url.database.clone();
    let user = format!("guest_of_{database}");
    server.psql(&database, &format!("CREATE USER {user} PASSWORD 'secret'"));
    let owner = std::mem::replace(&mut url.user, user.clone());
    for tried in [PostgresStore::open(&url).await.map(drop), PostgresStore::inspect(&url).await] {
        let Err(error) = tried else { bail!("a guest made tables") };
        assert!(error.to_string().contains("CREATE on the database"), "{error}");
    }
    drop(PostgresStore::open(&PostgresUrl { user: owner, ..url.clone() }).await?);
    let grant = format!(
        "GRANT USAGE ON SCHEMA dovetail TO {user}; GRANT ALL ON ALL TABLES IN SCHEMA dovetail TO {user};
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA dovetail TO {user}"
    );
    server.psql(&database, &grant);
    PostgresStore::inspect(&url).await?;
    assert_eq!(PostgresStore::open(&url).await?.increment("b", "n".into(), 3, &NEVER_RAISED).await?, 3);
    Ok(())
}

#[tokio::test]
async fn commits_wait_for_the_disk_whatever_the_database_says() -> Result<()> {
    let Some(server) = Server::shared() else { return Ok(()) };
    let url = url(&server.database())?;
    let database = &url.database;
    server.psql(database, &format!("ALTER DATABASE {database} SET synchronous_commit = off"));
    server.psql(database, &format!("ALTER DATABASE {database} SET default_transaction_isolation = serializable"));
    let store = PostgresStore::open(&url).await?;
    for session in &store.readers {
        let live = session.live().await?;
        for (setting, value) in [("synchronous_commit", "on"), ("default_transaction_isolation", "read committed")] {
            let row = live.client.query_one("SELECT current_setting($1)", &[&setting]).await?;
            assert_eq!(row.get::<_, &str>(0), value, "{setting}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn lists_a_bucket_without_walking_through_others() -> Result<()> {
    let Some(server) = Server::shared() else { return Ok(()) };
    let url = url(&server.database())?;
    drop(PostgresStore::open(&url).await?);
    // Many that came at once, of which the server does not know yet what they are.
    let fill = "ALTER TABLE dovetail.entries SET (autovacuum_enabled = off);
        INSERT INTO dovetail.entries (id, bucket, key, value)
        SELECT (nextval('dovetail.batches') << 20) + n, bucket, convert_to(bucket || n, 'UTF8'), 'value'
        FROM generate_series(1, 200000) AS n, (VALUES ('a'), ('b')) AS buckets (bucket)";
    server.psql(&url.database, fill);
    let many = "'b', '{b1,b2}', '{1,1}', 1000";
    for (query, types, values, plan) in [
        (session::LIST_KEYS, "text, bigint, bigint", "'b', 100, 1001", "Index Scan using entries_in_order"),
        (upkeep::PAGE, "text, bigint", "'b', 100", "Index Scan using entries_in_order"),
        (session::GET, "text, bytea", "'b', 'b1'", "Index Scan using entries_pkey"),
        (session::EXISTS, "text, bytea", "'b', 'b1'", "Index Only Scan using entries_pkey"),
        (session::GET_MANY, "text, bytea[], bigint[], bigint", many, "Index Scan using entries_pkey"),
    ] {
        // The plan for any parameters, without statistics and with them.
        let by_index = session::BY_INDEX;
        let explain = format!(
            "BEGIN; {by_index}; SET plan_cache_mode = force_generic_plan; PREPARE q ({types}) AS {query};
             EXPLAIN EXECUTE q({values}); ANALYZE dovetail.entries; EXPLAIN EXECUTE q({values}); ROLLBACK"
        );
        let said = server.psql(&url.database, &explain);
        assert_eq!(said.matches(plan).count(), 2, "{said}");
        assert!(!said.contains("Seq Scan") && !said.contains("Sort") && !said.contains("Bitmap"), "{said}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_share_it_count_each_number_once_and_see_each_other() -> Result<()> {
    let Some(server) = Server::shared() else { return Ok(()) };
    let url = url(&server.database())?;
    let stores = [Arc::new(PostgresStore::open(&url).await?), Arc::new(PostgresStore::open(&url).await?)];
    let mut counting = JoinSet::new();
    for task in 0..32 {
        let (own, other) = (stores[task % 2].clone(), stores[1 - task % 2].clone());
        counting.spawn(async move {
            let mut got = Vec::new();
            for _ in 0..10 {
                let number = own.increment("b", "n".into(), 1, &NEVER_RAISED).await?;
                own.set("b", format!("k{number}"), b"v".into(), &NEVER_RAISED).await?;
                ensure!(
                    other.get("b", &format!("k{number}"), &NEVER_RAISED).await?.is_some(),
                    "the other host does not see {number}"
                );
                got.push(number);
            }
            Ok(got)
        });
    }
    let mut all = BTreeSet::new();
    while let Some(got) = counting.join_next().await {
        for number in got?? {
            assert!(all.insert(number), "{number} was given out twice");
        }
    }
    assert_eq!(all.len(), 320);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_write_the_same_keys_never_wait_in_a_circle() -> Result<()> {
    let Some(server) = Server::shared() else { return Ok(()) };
    let url = url(&server.database())?;
    let mut stores = Vec::new();
    for _ in 0..4 {
        stores.push(PostgresStore::open(&url).await?);
    }
    let mut writing = JoinSet::new();
    for (host, store) in stores.into_iter().enumerate() {
        writing.spawn(async move {
            for _ in 0..20 {
                // Counters, values and deletions: half of the hosts begin at one end,
                // half at the other.
                let mut keys: Vec<String> = (0..300).map(|n| format!("k{n:03}")).collect();
                if host % 2 == 1 {
                    keys.reverse();
                }
                let entries = keys.iter().map(|key| (key.clone(), b"1".to_vec())).collect();
                let gone = keys.split_off(150);
                tokio::try_join!(
                    store.set_many("b", entries, &NEVER_RAISED),
                    store.delete_many("b", gone, &NEVER_RAISED),
                    store.increment("b", keys[3].clone(), 1, &NEVER_RAISED),
                    store.increment("b", keys[7].clone(), 1, &NEVER_RAISED)
                )?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(written) = writing.join_next().await {
        written??;
    }
    // It would be tried again, and nobody be told.
    assert!(!server.log().contains("deadlock detected"), "{}", server.log());
    Ok(())
}

#[tokio::test]
async fn a_write_that_cannot_be_done_spoils_no_other() -> Result<()> {
    let Some(server) = Server::shared() else { return Ok(()) };
    let store = PostgresStore::open(&url(&server.database())?).await?;
    // A key that no index takes, for it does not shrink either.
    let any = |n: u32| char::from(b'!' + (RandomState::new().hash_one(n) % 90) as u8);
    let large: String = (0..20_000).map(any).collect();
    let (first, large, last) = tokio::join!(
        store.increment("b", "n".into(), 1, &NEVER_RAISED),
        store.set("b", large, b"v".into(), &NEVER_RAISED),
        store.increment("b", "n".into(), 1, &NEVER_RAISED)
    );
    assert_eq!((first?, last?), (1, 2));
    let Err(error) = large else { bail!("an index took a key of 20 kB") };
    ensure!(matches!(error, StoreError::Engine { .. }), error);
    Ok(())
}

#[tokio::test]
async fn a_read_does_not_fail_with_its_connection() -> Result<()> {
    let Some(server) = Server::shared() else { return Ok(()) };
    let url = url(&server.database())?;
    let store = PostgresStore::open(&url).await?;
    store.set("b", "k".into(), b"v".into(), &NEVER_RAISED).await?;
    for reader in &store.readers {
        let live = reader.live().await?;
        let end = "SELECT pg_terminate_backend(pg_backend_pid())";
        assert!(live.client.query_one(end, &[]).await.is_err());
        for _ in 0..2 * READERS {
            assert_eq!(store.get("b", "k", &NEVER_RAISED).await?, Some(b"v".into()));
        }
        well_again(&store).await;
    }
    Ok(())
}

#[tokio::test]
async fn a_write_whose_connection_is_lost_is_not_repeated() -> Result<()> {
    let Some(server) = Server::shared() else { return Ok(()) };
    let url = url(&server.database())?;
    let store = PostgresStore::open(&url).await?;
    assert_eq!(store.increment("b", "n".into(), 1, &NEVER_RAISED).await?, 1);
    let (locking, _driver) = Login::new(&url)?.connect().await?;
    locking.batch_execute("BEGIN; LOCK dovetail.entries").await?;
    let write = async {
        match store.increment("b", "n".into(), 1, &NEVER_RAISED).await {
            Ok(sum) => bail!("its connection was cut, and it came to {sum}"),
            Err(error) => Ok(error),
        }
    };
    let cut = async {
        // Once the write waits for the lock.
        let waits = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
                     AND datname = current_database()";
        while locking.query_one(waits, &[]).await?.get::<_, i64>(0) == 0 {
            tokio::task::yield_now().await;
        }
        anyhow::Ok(())
    };
    let (error, ()) = tokio::try_join!(write, cut)?;
    ensure!(matches!(error, StoreError::Unknown { .. }), error);
    assert!(error.to_string().contains("increment key \"n\" of bucket \"b\""), "{error}");
    locking.batch_execute("ROLLBACK").await?;
    well_again(&store).await;
    assert_eq!(store.increment("b", "n".into(), 1, &NEVER_RAISED).await?, 2);
    Ok(())
}

#[tokio::test]
async fn a_write_whose_caller_left_is_done_at_once_or_never() -> Result<()> {
    let Some(server) = Server::shared() else { return Ok(()) };
    let url = url(&server.database())?;
    let store = PostgresStore::open(&url).await?;
    let increment = || store.increment("b", "n".into(), 1, &NEVER_RAISED);
    let (locking, _driver) = Login::new(&url)?.connect().await?;
    locking.batch_execute("BEGIN; LOCK dovetail.entries").await?;
    let leave = async {
        // Once the first waits for the lock, the next queues behind it.
        let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'dovetail.entries'::regclass";
        while locking.query_one(waits, &[]).await?.get::<_, i64>(0) == 0 {
            tokio::task::yield_now().await;
        }
        let mut next = Box::pin(increment());
        assert!(poll_fn(|context| Poll::Ready(next.as_mut().poll(context).is_pending())).await, "nothing was locked");
        drop(next);
        locking.batch_execute("ROLLBACK").await?;
        anyhow::Ok(())
    };
    let (first, left) = tokio::join!(increment(), leave);
    left?;
    assert_eq!((first?, increment().await?), (1, 2));
    Ok(())
}

/// Waits until all connections are there again.
async fn well_again(store: &PostgresStore) {
    while store.health().await.is_err() || !store.readers.iter().all(Session::serves) {
        tokio::task::yield_now().await;
    }
}
