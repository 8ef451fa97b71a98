//! What a log promises, with nobody at the disk but the test.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use anyhow::{Context, Result};
use tokio::task::spawn_blocking;

use super::*;

/// A write, and what its caller has seen by it.
async fn set(log: &Log, key: &str, value: &[u8]) -> Result<Watermark> {
    let seen = Watermark::default();
    log.write(vec![Change { bucket: "b", key: key.to_owned(), value: Some(value.to_vec()) }], &seen).await?;
    Ok(seen)
}

/// Whether a future is over when it is polled.
async fn is_over(future: impl Future) -> bool {
    let mut future = pin!(future);
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await
}

fn broken() -> StoreError {
    StoreError::engine("write", std::io::Error::other("the disk is full"))
}

#[tokio::test]
async fn who_read_what_is_pending_waits_for_it() -> Result<()> {
    let log = Log::new(1);
    set(&log, "k", b"1").await?;
    let first = log.next().context("something gathered")?;
    let reader = Watermark::default();
    assert_eq!(log.get("b", "k", &reader), Some(Some("1".into())));
    let stranger = Watermark::default();
    assert_eq!(log.get("b", "other", &stranger), None);
    assert!(stranger.is_empty(), "it met nothing that is pending");
    let later = set(&log, "k", b"2").await?;
    assert!(!is_over(log.durable(&reader)).await);
    log.committed(&first);
    log.durable(&reader).await?;
    assert!(!is_over(log.durable(&later)).await, "it is in the next commit");
    let second = log.next().context("something gathered")?;
    log.committed(&second);
    log.durable(&later).await?;
    assert_eq!(log.get("b", "k", &stranger), None, "the database has it");
    Ok(())
}

#[tokio::test]
async fn a_failed_commit_takes_with_it_what_came_after() -> Result<()> {
    let log = Log::new(1);
    let before = set(&log, "a", b"1").await?;
    log.committed(&*log.next().context("something gathered")?);
    let during = set(&log, "b", b"1").await?;
    let _taken = log.next().context("something gathered")?;
    let after = set(&log, "c", b"1").await?;
    log.fail(&broken());
    log.durable(&before).await?;
    for lost in [&during, &after] {
        assert!(log.durable(lost).await.is_err());
    }
    assert!(!log.has_pending(), "reads find what is durable");
    assert!(set(&log, "d", b"1").await.is_err() && log.health().is_err());

    log.recover(7);
    let again = set(&log, "d", b"1").await?;
    log.committed(&*log.next().context("something gathered")?);
    log.durable(&again).await?;
    assert!(log.durable(&after).await.is_err(), "lost for good");
    log.durable(&before).await?;
    Ok(())
}

#[tokio::test]
async fn who_lost_a_write_is_told_so_though_the_next_one_is_durable() -> Result<()> {
    let log = Log::new(1);
    let early = set(&log, "a", b"1").await?;
    log.committed(&*log.next().context("something gathered")?);
    assert_eq!(log.durability(&early), Durability::Durable);
    let seen = set(&log, "b", b"1").await?;
    assert_eq!(log.durability(&seen), Durability::Pending);
    let _taken = log.next().context("something gathered")?;
    log.fail(&broken());
    log.recover(7);

    let derived = log.write(vec![Change { bucket: "b", key: "c".to_owned(), value: None }], &seen).await;
    assert!(derived.is_err(), "what rests on it would be there without it");
    assert!(log.increment("b", "n", 1, None, &seen).await.is_err());
    seen.include(&set(&log, "c", b"1").await?);
    log.committed(&*log.next().context("something gathered")?);
    assert!(log.durable(&seen).await.is_err());
    assert_eq!(log.durability(&seen), Durability::Lost);
    let (caller, callee) = (Watermark::default(), set(&log, "d", b"1").await?);
    caller.include(&seen);
    caller.include(&callee);
    assert_eq!(log.durability(&caller), Durability::Lost, "it goes through a link");
    log.committed(&*log.next().context("something gathered")?);
    assert_eq!((log.durability(&early), log.durability(&callee)), (Durability::Durable, Durability::Durable));
    Ok(())
}

#[tokio::test]
async fn a_count_on_what_the_database_had_before_is_refused() -> Result<()> {
    let log = Log::new(1);
    let (seen, place) = (Watermark::default(), log.place());
    set(&log, "other", b"1").await?;
    log.committed(&*log.next().context("something gathered")?);
    let stale = log.increment("b", "n", 1, Some((place, None)), &seen).await?;
    assert!(matches!(stale, Counted::Unknown));
    let fresh = log.increment("b", "n", 1, Some((log.place(), Some(b"6".into()))), &seen).await?;
    assert!(matches!(fresh, Counted::Sum(7)));
    let pending = log.increment("b", "n", 1, None, &seen).await?;
    assert!(matches!(pending, Counted::Sum(8)));
    Ok(())
}

/// A log whose writer takes nothing that nobody waits for.
fn patient() -> Log {
    Log { patience: Patience { linger: Duration::MAX, ..Patience::default() }, ..Log::new(1) }
}

#[tokio::test]
async fn what_is_written_until_somebody_waits_is_one_commit() -> Result<()> {
    let log = Arc::new(patient());
    let writer = spawn_blocking({
        let log = log.clone();
        move || log.next()
    });
    for key in ["a", "b"] {
        set(&log, key, b"1").await?;
    }
    let seen = set(&log, "c", b"1").await?;
    let mut durable = pin!(log.durable(&seen));
    assert!(!is_over(&mut durable).await);
    let batch = writer.await?.context("something gathered")?;
    assert_eq!(batch.changes().count(), 3);
    log.committed(&batch);
    Ok(durable.await?)
}

#[tokio::test]
async fn a_commit_waits_for_half_of_those_who_waited_for_the_one_before() -> Result<()> {
    let patience = Patience { gather: Duration::MAX, ..Patience::default() };
    let log = Log { patience, ..Log::new(1) };
    let rest = || log.state().rest(patience).map(|(sleep, _)| sleep);
    let seen = set(&log, "k", b"1").await?;
    assert_eq!(rest(), Some(Sleep::UntilAwaited { by: 1 }));
    let waiters = [(); 4].map(|()| log.state().gathering.end.subscribe());
    assert_eq!(rest(), None);
    log.committed(&*log.next().context("something gathered")?);
    drop(waiters);

    set(&log, "k", b"2").await?;
    let mut waiters = vec![log.state().gathering.end.subscribe()];
    assert_eq!(rest(), Some(Sleep::UntilAwaited { by: 2 }));
    waiters.push(log.state().gathering.end.subscribe());
    assert_eq!(rest(), None);
    Ok(log.durable(&seen).await?)
}

#[tokio::test]
async fn what_is_read_while_it_gathers_is_waited_for() -> Result<()> {
    let log = patient();
    set(&log, "k", b"1").await?;
    let reader = Watermark::default();
    log.get("b", "k", &reader);
    let mut durable = pin!(log.durable(&reader));
    assert!(!is_over(&mut durable).await);
    log.committed(&*log.next().context("something gathered")?);
    Ok(durable.await?)
}

#[tokio::test]
async fn a_log_that_is_closed_waits_for_nobody() -> Result<()> {
    let log = patient();
    set(&log, "k", b"1").await?;
    log.close();
    log.committed(&*log.next().context("something gathered")?);
    assert!(log.next().is_none());
    Ok(())
}

#[tokio::test]
async fn writes_wait_for_room() -> Result<()> {
    let log = patient();
    set(&log, "k", &vec![0; MOST_PENDING]).await?;
    let mut next = pin!(set(&log, "more", b"1"));
    assert!(!is_over(&mut next).await);
    log.committed(&*log.next().context("something gathered")?);
    next.await?;
    Ok(())
}
