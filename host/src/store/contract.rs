//! What every engine promises, checked against each of them.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail, ensure, format_err};
use tokio::task::JoinSet;

use super::kept::Kept;
use super::{BucketStore, Change, Guard, KEYS_PER_PAGE, StoreError, Watermark, open, servers};
use crate::manifest::StoreUrl;
use random::does_as_its_model;

pub mod clients;
mod random;

/// Makes a test of each function below for each engine.
macro_rules! contract {
    ($($promise:ident),+ $(,)?) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $promise() -> anyhow::Result<()> {
                super::$promise(super::kept(super::open(&super::StoreUrl::Memory).await?)).await
            })+
        }
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $promise() -> anyhow::Result<()> {
                let folder = tempfile::tempdir()?;
                super::$promise(super::kept(super::sqlite_in(folder.path()).await?)).await
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $promise() -> anyhow::Result<()> {
                match super::postgres().await? {
                    Some(store) => super::$promise(super::kept(store)).await,
                    None => Ok(()),
                }
            })+
        }
        mod redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $promise() -> anyhow::Result<()> {
                match super::redis().await? {
                    Some(store) => super::$promise(super::kept(store)).await,
                    None => Ok(()),
                }
            })+
        }
    };
}

contract!(
    sets_and_deletes,
    keeps_any_key_and_value,
    separates_buckets,
    counts,
    refuses_what_is_no_counter,
    refuses_overflow,
    counts_densely_under_concurrency,
    answers_many_in_order,
    answers_many_within_bounds,
    sets_and_deletes_many,
    shows_a_batch_whole_or_not_at_all,
    changes_several_buckets_at_once,
    writes_where_its_guard_is_held,
    lets_one_of_many_claims_through,
    lists_in_pages,
    lists_stably_while_keys_change,
    takes_any_cursor,
    forgets_cancelled_callers,
    does_as_its_model,
    closes_twice,
);

type Store = Arc<Kept>;

fn kept(store: Arc<dyn BucketStore>) -> Store {
    Arc::new(Kept(store))
}

async fn sqlite_in(folder: &Path) -> Result<Arc<dyn BucketStore>, StoreError> {
    open(&StoreUrl::Sqlite(folder.join("data/test.db"))).await
}

/// A store in a database of its own; none where there is no PostgreSQL.
async fn postgres() -> Result<Option<Arc<dyn BucketStore>>> {
    let Some(server) = servers::postgres::Server::shared() else { return Ok(None) };
    let url = StoreUrl::parse(&server.database(), "test")?;
    Ok(Some(open(&url).await?))
}

/// A store in a database of its own; none where there is no Redis.
async fn redis() -> Result<Option<Arc<dyn BucketStore>>> {
    let Some(server) = servers::redis::Server::shared() else { return Ok(None) };
    let url = StoreUrl::parse(&server.database(), "test")?;
    Ok(Some(open(&url).await?))
}

async fn sets_and_deletes(store: Store) -> Result<()> {
    assert_eq!(store.get("b", "k").await?, None);
    assert!(!store.exists("b", "k").await?);
    store.set("b", "k".into(), b"one".into()).await?;
    assert_eq!(store.get("b", "k").await?, Some(b"one".into()));
    assert!(store.exists("b", "k").await?);
    store.set("b", "k".into(), b"two".into()).await?;
    assert_eq!(store.get("b", "k").await?, Some(b"two".into()));
    store.delete("b", "k".into()).await?;
    store.delete("b", "k".into()).await?;
    assert_eq!(store.get("b", "k").await?, None);
    assert!(!store.exists("b", "k").await?);
    Ok(())
}

async fn keeps_any_key_and_value(store: Store) -> Result<()> {
    let all_bytes: Vec<u8> = (0..=255).collect();
    let large = vec![7; 1 << 20];
    // The two spellings of é are two keys, and a NUL ends no key.
    let keys = ["", " ", "é", "e\u{301}", "订单/1", "a\0b", "a\0", "a", "🦀", "'; --"];
    for value in [Vec::new(), all_bytes, large] {
        for key in keys {
            let own = [key.as_bytes(), &value].concat();
            store.set("b", key.into(), own).await?;
        }
        store.set("b", "a".into(), value.clone()).await?;
        for key in keys.into_iter().filter(|key| *key != "a") {
            let own = [key.as_bytes(), &value].concat();
            assert_eq!(store.get("b", key).await?, Some(own), "{key:?}");
        }
        assert_eq!(store.get("b", "a").await?, Some(value));
    }
    assert_eq!(store.list_keys("b", None).await?.keys, keys);
    Ok(())
}

async fn separates_buckets(store: Store) -> Result<()> {
    store.set("a", "k".into(), b"1".into()).await?;
    store.set("b", "k".into(), b"2".into()).await?;
    store.increment("c", "k".into(), 3).await?;
    store.delete("b", "k".into()).await?;
    assert_eq!(store.get("a", "k").await?, Some(b"1".into()));
    assert_eq!(store.get("b", "k").await?, None);
    assert_eq!(store.list_keys("a", None).await?.keys, ["k"]);
    assert!(store.list_keys("b", None).await?.keys.is_empty());
    assert_eq!(store.get("c", "k").await?, Some(b"3".into()));
    Ok(())
}

async fn counts(store: Store) -> Result<()> {
    assert_eq!(store.increment("b", "n".into(), 0).await?, 0);
    assert!(!store.exists("b", "n").await?, "a delta of 0 wrote");
    assert_eq!(store.increment("b", "n".into(), 5).await?, 5);
    assert_eq!(store.increment("b", "n".into(), 0).await?, 5);
    assert_eq!(store.increment("b", "n".into(), 37).await?, 42);
    assert_eq!(store.get("b", "n").await?, Some(b"42".into()));
    store.set("b", "n".into(), b"99".into()).await?;
    assert_eq!(store.increment("b", "n".into(), 1).await?, 100);
    Ok(())
}

async fn refuses_what_is_no_counter(store: Store) -> Result<()> {
    for text in ["", "x", "-1", "+1", " 1", "1.5", "18446744073709551616", "\u{ff}"] {
        store.set("b", "n".into(), text.into()).await?;
        for delta in [0, 1] {
            let Err(error) = store.increment("b", "n".into(), delta).await else {
                bail!("{text:?} was counted on by {delta}");
            };
            ensure!(matches!(error, StoreError::NotACounter { .. }), error);
            assert!(error.to_string().contains(r#"key "n" of bucket "b""#));
        }
        assert_eq!(store.get("b", "n").await?, Some(text.into()));
    }
    Ok(())
}

async fn refuses_overflow(store: Store) -> Result<()> {
    store.increment("b", "n".into(), u64::MAX - 1).await?;
    assert_eq!(store.increment("b", "n".into(), 1).await?, u64::MAX);
    let Err(error) = store.increment("b", "n".into(), 1).await else {
        bail!("the counter overflowed");
    };
    ensure!(matches!(error, StoreError::CounterOverflow { .. }), error);
    assert_eq!(store.increment("b", "n".into(), 0).await?, u64::MAX);
    Ok(())
}

async fn counts_densely_under_concurrency(store: Store) -> Result<()> {
    let (tasks, each) = (32, 25);
    // Between the good ones, writes that fail: alone, though they share commits.
    store.set("b", "text".into(), b"x".into()).await?;
    let mut counting = JoinSet::new();
    for _ in 0..tasks {
        let store = Arc::clone(&store);
        counting.spawn(async move {
            let mut got = Vec::new();
            for _ in 0..each {
                got.push(store.increment("b", "n".into(), 1).await?);
                ensure!(store.increment("b", "text".into(), 1).await.is_err());
            }
            Ok(got)
        });
    }
    let mut all = BTreeSet::new();
    while let Some(got) = counting.join_next().await {
        let got = got??;
        assert!(got.is_sorted(), "a task saw its counter go back");
        all.extend(got);
    }
    assert!(all.into_iter().eq(1..=tasks * each));
    Ok(())
}

async fn answers_many_in_order(store: Store) -> Result<()> {
    // Few and many are read in different ways.
    for count in [0, 3, 100] {
        let keys: Vec<String> = (0..count).map(|n| format!("k{n}")).collect();
        let present = keys.iter().step_by(2);
        let entries = present.map(|key| (key.clone(), key.as_bytes().to_vec()));
        store.set_many("b", entries.collect()).await?;
        let asked: Vec<String> = keys.iter().rev().chain(keys.first()).cloned().collect();
        let answers = store.get_many("b", asked.clone(), usize::MAX).await?;
        let expected = asked.into_iter().map(|key| {
            let even = key[1..].parse::<u32>().is_ok_and(|n| n % 2 == 0);
            even.then(|| (key.clone(), key.into_bytes()))
        });
        assert_eq!(answers, expected.collect::<Vec<_>>());
    }
    Ok(())
}

async fn answers_many_within_bounds(store: Store) -> Result<()> {
    for (value, count) in [(100, 3), (1, 1000), (100_000, 3), (1 << 20, 100)] {
        store.set("b", "k".into(), vec![7; value]).await?;
        let mut keys = vec!["k".to_owned(); count];
        keys.push("missing".into());
        let whole = count * (1 + value);
        assert_eq!(store.get_many("b", keys.clone(), whole).await?.len(), count + 1);
        for most in [whole - 1, 1, 0] {
            let Err(error) = store.get_many("b", keys.clone(), most).await else {
                bail!("{count} times {value} bytes went into {most}");
            };
            ensure!(matches!(error, StoreError::TooMuch { .. }), error);
            let said = error.to_string();
            assert!(said.contains(&format!("{} keys", count + 1)) && said.contains(&format!("{most} bytes")), "{said}");
        }
    }
    Ok(())
}

async fn sets_and_deletes_many(store: Store) -> Result<()> {
    let entry = |key: &str, value: &[u8]| (key.to_owned(), value.to_owned());
    store.set_many("b", Vec::new()).await?;
    store.delete_many("b", Vec::new()).await?;
    store.set_many("b", vec![entry("a", b"1"), entry("b", b"2"), entry("a", b"3")]).await?;
    assert_eq!(store.get("b", "a").await?, Some(b"3".into()));
    assert_eq!(store.list_keys("b", None).await?.keys, ["a", "b"]);
    store.delete_many("b", vec!["a".into(), "missing".into(), "a".into()]).await?;
    assert_eq!(store.list_keys("b", None).await?.keys, ["b"]);
    Ok(())
}

async fn shows_a_batch_whole_or_not_at_all(store: Store) -> Result<()> {
    for count in [8, 40] {
        let keys: Vec<String> = (0..count).map(|n| format!("{count}/{n}")).collect();
        let writer = {
            let (store, keys) = (Arc::clone(&store), keys.clone());
            tokio::spawn(async move {
                for round in 0..100 {
                    let value = vec![round; 9];
                    let entries = keys.iter().map(|key| (key.clone(), value.clone()));
                    store.set_many("b", entries.collect()).await?;
                    if round % 3 == 0 {
                        store.delete_many("b", keys.clone()).await?;
                    }
                }
                anyhow::Ok(())
            })
        };
        while !writer.is_finished() {
            let values = store.get_many("b", keys.clone(), usize::MAX).await?;
            let mut values = values.into_iter().map(|entry| entry.map(|(_, value)| value));
            let first = values.next();
            assert!(values.all(|value| Some(value) == first), "a batch was torn");
            tokio::task::yield_now().await;
        }
        writer.await??;
    }
    Ok(())
}

async fn changes_several_buckets_at_once(store: Store) -> Result<()> {
    let change = |bucket, key: &str, value: Option<&str>| Change {
        bucket,
        key: key.to_owned(),
        value: value.map(|value| value.as_bytes().to_vec()),
    };
    let keys = |bucket| store.list_keys(bucket, None);
    store.write(Vec::new()).await?;
    store.write(vec![change("a", "x", Some("1")), change("b", "x", Some("2")), change("a", "y", Some("3"))]).await?;
    assert_eq!(store.get("a", "x").await?, Some(b"1".into()));
    assert_eq!(store.get("b", "x").await?, Some(b"2".into()));
    // What is deleted and set again is the last of its bucket; the last of several counts.
    let again = vec![
        change("a", "x", None),
        change("b", "x", None),
        change("a", "x", Some("4")),
        change("c", "gone", None),
        change("a", "x", Some("5")),
    ];
    store.write(again).await?;
    assert_eq!(keys("a").await?.keys, ["y", "x"]);
    assert_eq!(store.get("a", "x").await?, Some(b"5".into()));
    assert_eq!((keys("b").await?.keys.len(), keys("c").await?.keys.len()), (0, 0));
    Ok(())
}

/// Of those who write if a key has a value, one does; where hosts share the store.
async fn writes_where_its_guard_is_held(store: Store) -> Result<()> {
    let write = async |value: Option<&[u8]>, key: &str| {
        let (guard, seen) = (Guard { bucket: "guarded", key: "k", value }, Watermark::default());
        let change = Change { bucket: "beside", key: key.to_owned(), value: Some(b"written".into()) };
        store.0.write_where(guard, vec![change], &seen).await.map(|placed| placed.is_some())
    };
    assert!(!write(Some(b"so"), "too early").await?);
    store.set("guarded", "k".into(), b"so".into()).await?;
    assert!(!write(Some(b"not so"), "other").await?);
    assert!(!write(None, "none").await?);
    assert!(write(Some(b"so"), "same").await?);
    store.delete("guarded", "k".into()).await?;
    assert!(!write(Some(b"so"), "gone").await?);
    assert!(write(None, "absent").await?);
    assert_eq!(store.list_keys("beside", None).await?.keys, ["same", "absent"]);
    Ok(())
}

async fn lets_one_of_many_claims_through(store: Store) -> Result<()> {
    // Many at once are one batch, which has guards of many keys.
    let mut before = vec![None; 4];
    for round in 0..10_u8 {
        let mut claims = JoinSet::new();
        for claimant in 0..8_u8 {
            for (place, value) in before.iter().enumerate() {
                let (store, value, key) = (store.clone(), Option::<Vec<u8>>::clone(value), format!("k{place}"));
                claims.spawn(async move {
                    let next = vec![round, claimant];
                    let guard = Guard { bucket: "guarded", key: &key, value: value.as_deref() };
                    let change = |bucket, key: &str| Change { bucket, key: key.into(), value: Some(next.clone()) };
                    let changes = vec![change("guarded", &key), change("beside", &key)];
                    let written = store.0.write_where(guard, changes, &Watermark::default()).await?;
                    anyhow::Ok((place, written.map(|_| next)))
                });
            }
        }
        let mut won: Vec<Vec<Vec<u8>>> = vec![Vec::new(); before.len()];
        while let Some(claim) = claims.join_next().await {
            let (place, next) = claim??;
            won[place].extend(next);
        }
        for (place, won) in won.into_iter().enumerate() {
            let [next] = <[Vec<u8>; 1]>::try_from(won).map_err(|won| format_err!("claimed by {won:?}"))?;
            for bucket in ["guarded", "beside"] {
                assert_eq!(store.get(bucket, &format!("k{place}")).await?.as_ref(), Some(&next), "{bucket}");
            }
            before[place] = Some(next);
        }
    }
    Ok(())
}

async fn lists_in_pages(store: Store) -> Result<()> {
    for count in [0, 1, KEYS_PER_PAGE, KEYS_PER_PAGE + 1, 2 * KEYS_PER_PAGE + 7] {
        let bucket = format!("of {count}");
        let keys: Vec<String> = (0..count).rev().map(|n| format!("k{n}")).collect();
        let entries = keys.iter().map(|key| (key.clone(), Vec::new()));
        store.set_many(&bucket, entries.collect()).await?;
        let (mut listed, mut cursor, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = store.list_keys(&bucket, cursor).await?;
            assert!(page.keys.len() <= KEYS_PER_PAGE);
            listed.extend(page.keys);
            pages += 1;
            cursor = page.cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(listed, keys, "in the order they were set");
        assert_eq!(pages, count.div_ceil(KEYS_PER_PAGE).max(1));
    }
    Ok(())
}

async fn lists_stably_while_keys_change(store: Store) -> Result<()> {
    let key = |n: usize| format!("k{n}");
    let count = 3 * KEYS_PER_PAGE;
    let entries = (0..count).map(|n| (key(n), b"old".to_vec()));
    store.set_many("b", entries.collect()).await?;
    let (mut listed, mut cursor, mut round) = (Vec::new(), None, 0);
    loop {
        let page = store.list_keys("b", cursor).await?;
        listed.extend(page.keys);
        // Between pages: odd keys go (listed ones, the cursor's own and those
        // to come), even ones get a new value, and new keys come.
        let gone = (0..count).filter(|n| n % 2 == 1 && n % 3 == round % 3);
        store.delete_many("b", gone.map(key).collect()).await?;
        let again = (0..count).step_by(2).map(|n| (key(n), b"new".to_vec()));
        store.set_many("b", again.collect()).await?;
        store.set("b", format!("new {round}"), Vec::new()).await?;
        round += 1;
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    let unique: BTreeSet<&String> = listed.iter().collect();
    assert_eq!(unique.len(), listed.len(), "a key came twice");
    for n in (0..count).step_by(2) {
        assert!(unique.contains(&key(n)), "{} did not come", key(n));
    }
    Ok(())
}

async fn takes_any_cursor(store: Store) -> Result<()> {
    store.set("b", "k".into(), Vec::new()).await?;
    for cursor in [1 << 62, i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX] {
        let page = store.list_keys("b", Some(cursor)).await?;
        assert_eq!((page.keys, page.cursor), (Vec::new(), None));
    }
    assert_eq!(store.list_keys("b", Some(0)).await?.keys, ["k"]);
    Ok(())
}

async fn forgets_cancelled_callers(store: Store) -> Result<()> {
    let mut counting = JoinSet::new();
    for n in 0..200 {
        let store = Arc::clone(&store);
        let task = counting.spawn(async move { store.increment("b", "n".into(), 1).await });
        if n % 2 == 0 {
            task.abort();
        }
    }
    let mut finished = 0;
    while let Some(counted) = counting.join_next().await {
        match counted {
            Ok(counted) => {
                counted?;
                finished += 1;
            }
            Err(stopped) => assert!(stopped.is_cancelled()),
        }
    }
    let counted = store.increment("b", "n".into(), 0).await?;
    assert!(finished >= 100 && (finished..=200).contains(&counted));
    Ok(())
}

async fn closes_twice(store: Store) -> Result<()> {
    store.set("b", "k".into(), b"v".into()).await?;
    store.close().await?;
    store.close().await?;
    assert_eq!(store.get("b", "k").await?, Some(b"v".into()));
    Ok(())
}
