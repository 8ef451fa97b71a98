//! Clients that change buckets at random, and the model that each has of its own.
//!
//! A client is the only one that writes to its two buckets, so that after each change it
//! can say what is in there, and in which order. Beside them all count on one counter.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Result, ensure};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::store::{self, BucketStore, Entry, StoreError, Watermark};

/// How many there are.
pub const CLIENTS: usize = 8;

/// The keys of a bucket: few, so that most have been there before.
const KEYS: [&str; 8] = ["", "k", "n", "é", "a\0b", "订单/1", "🦀", "'; --"];

/// The bucket of the counter that all share, and its key.
const SHARED: (&str, &str) = ("shared", "n");

/// Two buckets' keys in the order in which they were first set, with their values.
pub type Model = [Vec<Entry>; 2];

/// One that changes its buckets, and counts with all others.
pub struct Client {
    /// Its own buckets. Most changes are of the first.
    pub buckets: [String; 2],
    /// What they hold, as far as it was told.
    pub model: Model,
    /// What they may hold instead, after a change whose end is unknown.
    doubt: Option<Model>,
    /// What the shared counter came to, each time.
    counted: Vec<u64>,
    /// How often it may have counted without being told.
    uncounted: u64,
    random: Random,
}

/// Numbers that look random and come again from the same seed.
struct Random(u64);

enum Change {
    Set(Vec<Entry>),
    Delete(Vec<String>),
    /// Of both buckets, at once.
    Write(Vec<(usize, &'static str, Option<Vec<u8>>)>),
    Increment(&'static str, u64),
    Count,
}

impl Client {
    /// All clients of a store. Their changes come again from the same seed.
    pub fn all(seed: u64) -> Vec<Client> {
        let client = |number: usize| Client {
            buckets: [format!("of {number}"), format!("beside {number}")],
            model: Model::default(),
            doubt: None,
            counted: Vec::new(),
            uncounted: 0,
            random: Random(seed.wrapping_mul(number as u64 + 1) | 1),
        };
        (0..CLIENTS).map(client).collect()
    }

    /// Makes one change, any change.
    pub async fn change(&mut self, store: &dyn BucketStore, seen: &Watermark) -> Result<(), StoreError> {
        let change = self.random.change();
        let (mut model, bucket) = (self.model.clone(), &self.buckets[0]);
        let (done, expected) = match change {
            Change::Count => {
                let counted = store.increment(SHARED.0, SHARED.1.to_owned(), 1, seen).await;
                self.uncounted += u64::from(matches!(counted, Err(StoreError::Unknown { .. })));
                let sum = counted?;
                assert!(self.counted.last().is_none_or(|last| *last < sum), "the counter went back to {sum}");
                self.counted.push(sum);
                return Ok(());
            }
            Change::Set(entries) => {
                entries.iter().for_each(|(key, value)| put(&mut model[0], key, value.clone()));
                let done = match entries.as_slice() {
                    [(key, value)] => store.set(bucket, key.clone(), value.clone(), seen).await,
                    _ => store.set_many(bucket, entries, seen).await,
                };
                (done.map(|()| None), Ok(None))
            }
            Change::Delete(keys) => {
                model[0].retain(|(key, _)| !keys.contains(key));
                let done = match keys.as_slice() {
                    [key] => store.delete(bucket, key.clone(), seen).await,
                    _ => store.delete_many(bucket, keys, seen).await,
                };
                (done.map(|()| None), Ok(None))
            }
            Change::Write(changes) => {
                for (place, key, value) in &changes {
                    match value {
                        Some(value) => put(&mut model[*place], key, value.clone()),
                        None => model[*place].retain(|(known, _)| known != key),
                    }
                }
                let change = |(place, key, value): (usize, &str, _)| {
                    let (bucket, key) = (self.buckets[place].as_str(), key.to_owned());
                    store::Change { bucket, key, value }
                };
                (store.write(changes.into_iter().map(change).collect(), seen).await.map(|_| None), Ok(None))
            }
            Change::Increment(key, delta) => {
                let sum = add(&mut model[0], key, delta);
                (store.increment(bucket, key.to_owned(), delta, seen).await.map(Some), sum.map(Some))
            }
        };
        match done {
            Ok(done) => {
                assert_eq!(Ok(done), expected, "{bucket:?} held {:?}", self.model);
                self.model = model;
            }
            Err(StoreError::NotACounter { .. } | StoreError::CounterOverflow { .. }) => {
                assert_eq!(expected, Err(()), "{bucket:?} held {:?}", self.model);
            }
            Err(error) => {
                if matches!(error, StoreError::Unknown { .. }) {
                    self.doubt = Some(model);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// Whether the buckets are as their model says, read in every way. What was in doubt is
    /// settled.
    pub async fn check(&mut self, store: &dyn BucketStore, seen: &Watermark) -> Result<bool, StoreError> {
        let found = contents(store, &self.buckets, seen).await?;
        if let Some(doubt) = self.doubt.take()
            && found == doubt
        {
            self.model = doubt;
        }
        let key = self.random.key();
        let value = self.model[0].iter().find(|(known, _)| known == key).map(|(_, value)| value.clone());
        let right = store.exists(&self.buckets[0], key, seen).await? == value.is_some()
            && store.get(&self.buckets[0], key, seen).await? == value;
        Ok(right && found == self.model)
    }
}

/// How far the clients of a store are, and how far they are to go.
pub struct Pace {
    /// Changes that were told.
    pub told: AtomicUsize,
    /// After how many it is enough.
    pub enough: AtomicUsize,
    /// Whether the store is there, as far as those know who take it away.
    pub serves: watch::Sender<bool>,
}

impl Pace {
    /// So many changes.
    pub fn of(enough: usize) -> Arc<Pace> {
        let serves = watch::Sender::new(true);
        Arc::new(Pace { told: AtomicUsize::new(0), enough: AtomicUsize::new(enough), serves })
    }
}

/// Has all clients make changes at once, and look at their bucket after each. They go on
/// when the store is back that was away, or whose answer got lost.
pub async fn work(store: Arc<dyn BucketStore>, clients: Vec<Client>, pace: Arc<Pace>) -> Result<Vec<Client>> {
    let mut working = JoinSet::new();
    for mut client in clients {
        let (store, pace) = (store.clone(), pace.clone());
        working.spawn(async move {
            while pace.told.load(Ordering::Relaxed) < pace.enough.load(Ordering::Relaxed) {
                client.step(&*store, &pace).await?;
            }
            anyhow::Ok(client)
        });
    }
    working.join_all().await.into_iter().collect()
}

/// Every client finds what it was told of, and each number was counted once.
pub async fn check_all(store: &dyn BucketStore, clients: &mut [Client]) -> Result<()> {
    let (seen, mut counted) = (Watermark::default(), Vec::<u64>::new());
    for client in clients.iter_mut() {
        let Client { buckets, model, .. } = &client;
        let said = format!("{buckets:?} are not {model:?}");
        ensure!(client.check(store, &seen).await?, said);
        counted.extend(&client.counted);
    }
    let told = counted.len() as u64;
    counted.sort_unstable();
    counted.dedup();
    let all = store.increment(SHARED.0, SHARED.1.to_owned(), 0, &seen).await?;
    let most = told + clients.iter().map(|client| client.uncounted).sum::<u64>();
    ensure!(counted.len() as u64 == told, "a number was given out twice");
    ensure!((told..=most).contains(&all), "the counter is at {all} after {told} to {most} counts");
    ensure!(counted.last().is_none_or(|last| *last <= all), "the counter went back to {all}");
    Ok(())
}

impl Client {
    async fn step(&mut self, store: &dyn BucketStore, pace: &Pace) -> Result<()> {
        let seen = Watermark::default();
        match self.change(store, &seen).await {
            Ok(()) => {
                store.durable(&seen).await?;
                pace.told.fetch_add(1, Ordering::Relaxed);
            }
            Err(StoreError::Away { .. } | StoreError::Unknown { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        loop {
            match self.check(store, &seen).await {
                Ok(right) => {
                    ensure!(right, "{:?} are not {:?}", self.buckets, self.model);
                    return Ok(());
                }
                Err(StoreError::Away { .. }) => {
                    pace.serves.subscribe().wait_for(|serves| *serves).await?;
                    tokio::task::yield_now().await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or_default() % end
    }

    fn key(&mut self) -> &'static str {
        KEYS[self.below(KEYS.len())]
    }

    fn value(&mut self) -> Vec<u8> {
        match self.below(8) {
            0 => Vec::new(),
            1 => self.below(100).to_string().into_bytes(),
            2 => b"007".into(),
            3 => u64::MAX.to_string().into_bytes(),
            4 => vec![0xff; self.below(1000)],
            _ => vec![b'x'; self.below(100)],
        }
    }

    fn change(&mut self) -> Change {
        let many = [1, 1, 2, 5][self.below(4)];
        match self.below(8) {
            0 | 1 => Change::Set((0..many).map(|_| (self.key().to_owned(), self.value())).collect()),
            2 => Change::Delete((0..many).map(|_| self.key().to_owned()).collect()),
            3 | 4 => {
                // So many that some are of one key, which is set and deleted in turn.
                let change = |random: &mut Random| {
                    let value = random.below(3) > 0;
                    (random.below(2), random.key(), value.then(|| random.value()))
                };
                Change::Write((0..1 + self.below(10)).map(|_| change(self)).collect())
            }
            5 | 6 => {
                let delta = [0, 1, 7, 1 << 60][self.below(4)];
                Change::Increment(self.key(), delta)
            }
            _ => Change::Count,
        }
    }
}

fn put(model: &mut Vec<Entry>, key: &str, value: Vec<u8>) {
    match model.iter_mut().find(|(known, _)| known == key) {
        Some((_, old)) => *old = value,
        None => model.push((key.to_owned(), value)),
    }
}

/// What a counter comes to, unless it is none, or would be too large.
fn add(model: &mut Vec<Entry>, key: &str, delta: u64) -> Result<u64, ()> {
    let stored = model.iter().find(|(known, _)| known == key);
    let stored = stored.map_or("0", |(_, value)| str::from_utf8(value).unwrap_or("no text"));
    let is_counter = stored.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = stored.parse().ok().filter(|_| is_counter).ok_or(())?;
    let sum = number.checked_add(delta).ok_or(())?;
    if delta > 0 {
        put(model, key, sum.to_string().into_bytes());
    }
    Ok(sum)
}

/// All of two buckets, in order.
pub async fn contents(store: &dyn BucketStore, buckets: &[String; 2], seen: &Watermark) -> Result<Model, StoreError> {
    let mut model = Model::default();
    for (bucket, found) in buckets.iter().zip(&mut model) {
        let mut cursor = None;
        loop {
            let page = store.list_keys(bucket, cursor, seen).await?;
            found.extend(store.get_many(bucket, page.keys, usize::MAX, seen).await?.into_iter().flatten());
            cursor = page.cursor;
            if cursor.is_none() {
                break;
            }
        }
    }
    Ok(model)
}
