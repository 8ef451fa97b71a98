//! What comes of changes at random, by many clients at once: what their models say, also
//! when the store is opened again, and when its server was killed meanwhile.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::clients::{Client, Pace, check_all, work};
use super::{Store, sqlite_in};
use crate::manifest::StoreUrl;
use crate::store::servers::daemon::Daemon;
use crate::store::servers::{postgres, redis};
use crate::store::{BucketStore, StoreError, open};

/// Changes of all clients together, between one opening and the next.
const CHANGES: usize = 400;

const CRASHES: usize = 3;

/// How long anything that is awaited may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// What all clients do comes out as their models say.
pub async fn does_as_its_model(store: Store) -> Result<()> {
    let seed = seed();
    let changed = async {
        let mut clients = work(store.0.clone(), Client::all(seed), Pace::of(CHANGES)).await?;
        check_all(&*store.0, &mut clients).await
    };
    changed.await.with_context(|| format!("with seed {seed}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sqlite_comes_back_as_it_was() -> Result<()> {
    let folder = tempfile::tempdir()?;
    comes_back_as_it_was(|| sqlite_in(folder.path())).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgres_comes_back_as_it_was() -> Result<()> {
    let Some(server) = postgres::Server::shared() else { return Ok(()) };
    let url = StoreUrl::parse(&server.database(), "test")?;
    comes_back_as_it_was(|| open(&url)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis_comes_back_as_it_was() -> Result<()> {
    let Some(server) = redis::Server::shared() else { return Ok(()) };
    let url = StoreUrl::parse(&server.database(), "test")?;
    comes_back_as_it_was(|| open(&url)).await
}

async fn comes_back_as_it_was<F>(open: impl Fn() -> F) -> Result<()>
where
    F: Future<Output = Result<Arc<dyn BucketStore>, StoreError>>,
{
    let seed = seed();
    let mut clients = Client::all(seed);
    for round in 0..4 {
        let context = || format!("in round {round}, with seed {seed}");
        let store = open().await?;
        check_all(&*store, &mut clients).await.with_context(context)?;
        clients = work(store.clone(), clients, Pace::of(CHANGES / 2)).await.with_context(context)?;
        store.close().await?;
    }
    check_all(&*open().await?, &mut clients).await.with_context(|| format!("with seed {seed}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_killed_postgres_has_kept_what_was_told() -> Result<()> {
    let Some(server) = postgres::Server::start(&[]) else { return Ok(()) };
    has_kept_what_was_told(&server, &server.database()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_killed_redis_that_syncs_has_kept_what_was_told() -> Result<()> {
    let Some(server) = redis::Server::durable() else { return Ok(()) };
    has_kept_what_was_told(&server, &server.database()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_a_server_forgot_is_found() -> Result<()> {
    let Some(server) = redis::Server::start(&["save \"\""]) else { return Ok(()) };
    let found = has_kept_what_was_told(&server, &server.database()).await;
    ensure!(found.is_err(), "a server that keeps nothing has kept it all");
    Ok(())
}

/// Kills the server while clients change, which go on when it is there again.
async fn has_kept_what_was_told(server: &Daemon, url: &str) -> Result<()> {
    let (seed, pace) = (seed(), Pace::of(usize::MAX));
    let store = open(&StoreUrl::parse(url, "test")?).await?;
    let mut working = tokio::spawn(work(store.clone(), Client::all(seed), pace.clone()));
    let told = || pace.told.load(Ordering::Relaxed);
    for crash in 0..=CRASHES {
        let (far, end) = (told() + 100 + seed as usize % 50, Instant::now() + PATIENCE);
        while told() < far && !working.is_finished() {
            ensure!(Instant::now() < end, "they make no more changes after crash {crash}");
            tokio::task::yield_now().await;
        }
        if crash < CRASHES {
            server.kill();
            pace.serves.send_replace(false);
            server.restart();
            pace.serves.send_replace(true);
        }
    }
    pace.enough.store(0, Ordering::Relaxed);
    let changed = async {
        let mut clients = (&mut working).await??;
        check_all(&*store, &mut clients).await?;
        // Another host sees the same.
        check_all(&*open(&StoreUrl::parse(url, "test")?).await?, &mut clients).await
    };
    changed.await.with_context(|| format!("with seed {seed}"))
}

fn seed() -> u64 {
    RandomState::new().hash_one(0) | 1
}
