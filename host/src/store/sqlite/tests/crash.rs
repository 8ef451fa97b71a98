//! Clients that write at random, and what a crash leaves of it.
//!
//! Each client has two buckets and a model of them. At some moment the files are copied,
//! as a `kill -9` would leave them, and opened: both buckets must then be as their model
//! was at one time, and not before the last change that their client was told of.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Result, ensure};
use tokio::task::JoinSet;

use super::super::SqliteStore;
use crate::store::contract::clients::{CLIENTS, Client, Model, contents};
use crate::store::{BucketStore, Watermark};

const STEPS: usize = 60;

/// How many of its changes a client was told of.
#[derive(Default)]
struct Told(AtomicUsize);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crash_leaves_all_that_anybody_was_told() -> Result<()> {
    for _ in 0..10 {
        let seed = RandomState::new().hash_one(0) | 1;
        let found = lost_by_a_crash(seed, true).await?;
        assert_eq!(found, Vec::<String>::new(), "with seed {seed}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_harness_finds_what_was_told_too_early() -> Result<()> {
    for seed in 1.. {
        if !lost_by_a_crash(seed, false).await?.is_empty() {
            return Ok(());
        }
        ensure!(seed < 50, "clients that did not wait for the disk lost nothing");
    }
    Ok(())
}

/// What was told and is not there after a crash. Clients are told of a change when it
/// is durable, or, for a fault to be found, when it was made.
async fn lost_by_a_crash(seed: u64, wait: bool) -> Result<Vec<String>> {
    let (folder, crashed) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let store = Arc::new(SqliteStore::open(&folder.path().join("test.db")).await?);
    let told: Arc<Vec<Told>> = Arc::new((0..CLIENTS).map(|_| Told::default()).collect());
    let mut clients = JoinSet::new();
    for (number, client) in Client::all(seed).into_iter().enumerate() {
        clients.spawn(work(store.clone(), number, client, wait, told.clone()));
    }
    let enough = STEPS * CLIENTS / 4;
    let all = || told.iter().map(|told| told.0.load(Ordering::SeqCst)).collect::<Vec<_>>();
    while all().iter().sum::<usize>() < enough {
        tokio::task::yield_now().await;
    }
    let told_before = all();
    for name in ["test.db", "test.db-wal"] {
        fs::copy(folder.path().join(name), crashed.path().join(name))?;
    }
    let mut models = vec![Vec::new(); CLIENTS];
    while let Some(done) = clients.join_next().await {
        let (client, steps) = done??;
        models[client] = steps;
    }
    let mut lost = Vec::new();
    for (client, found) in buckets(crashed.path()).await?.into_iter().enumerate() {
        let steps = &models[client][told_before[client]..];
        if !steps.contains(&found) {
            lost.push(format!("client {client} was told of {} changes; there is {found:?}", told_before[client]));
        }
    }
    Ok(lost)
}

/// What a client does; its models, from the empty one on.
async fn work(
    store: Arc<SqliteStore>,
    number: usize,
    mut client: Client,
    wait: bool,
    told: Arc<Vec<Told>>,
) -> Result<(usize, Vec<Model>)> {
    let mut models = vec![Model::default()];
    for step in 0..STEPS {
        let seen = Watermark::default();
        client.change(&*store, &seen).await?;
        models.push(client.model.clone());
        ensure!(client.check(&*store, &Watermark::default()).await?, "client {number} does not see its step {step}");
        if wait {
            store.durable(&seen).await?;
        }
        told[number].0.store(step + 1, Ordering::SeqCst);
    }
    Ok((number, models))
}

/// All buckets of a database that nobody has open.
async fn buckets(folder: &Path) -> Result<Vec<Model>> {
    let store = SqliteStore::open(&folder.join("test.db")).await?;
    let mut found = Vec::new();
    for client in Client::all(0) {
        found.push(contents(&store, &client.buckets, &Watermark::default()).await?);
    }
    Ok(found)
}
