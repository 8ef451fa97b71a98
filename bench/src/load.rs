//! Load: connections that are kept alive, each of which sends its next request
//! when it has the answer to the one before.

use std::{
    borrow::Cow,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use hdrhistogram::Histogram;
use hyper::{Method, Response, StatusCode, body::Bytes};
use tokio::task::JoinSet;

use crate::client::Client;

/// The longest latency that is told from longer ones.
const LONGEST: Duration = Duration::from_secs(60);

/// The request that is sent again and again, and the status that it must have.
#[derive(Clone, Copy)]
pub struct Shot {
    /// Its method.
    pub method: &'static Method,
    /// Where it goes.
    pub path: Path,
    /// The JSON, empty where there is none.
    pub body: &'static str,
    /// What every answer must have.
    pub status: StatusCode,
}

/// Where a request goes.
#[derive(Clone, Copy)]
pub enum Path {
    /// There, each time.
    Same(&'static str),
    /// To one of a collection of so many, another each time: any of them, all alike.
    OneOf(&'static str, u64),
}

/// A load that goes on.
pub struct Load {
    connections: JoinSet<()>,
    stop: Arc<AtomicBool>,
    /// Held for the note of one answer.
    tally: Arc<Mutex<Tally>>,
    since: Instant,
}

/// What came of a load.
pub struct Tally {
    /// Of every request, in microseconds.
    pub latencies: Histogram<u64>,
    /// How many had another status, or no answer.
    pub failed: u64,
    /// What was wrong with the first of these.
    pub first_failure: Option<String>,
    /// From the first request to the last answer.
    pub took: Duration,
}

impl Shot {
    /// A POST, which makes something.
    pub const fn post(path: &'static str, body: &'static str) -> Shot {
        Shot { method: &Method::POST, path: Path::Same(path), body, status: StatusCode::CREATED }
    }

    /// A GET, which finds something.
    pub const fn get(path: Path) -> Shot {
        Shot { method: &Method::GET, path, body: "", status: StatusCode::OK }
    }

    async fn send(&self, client: &mut Client) -> Result<Response<Bytes>> {
        let path = match self.path {
            Path::Same(path) => Cow::Borrowed(path),
            Path::OneOf(collection, count) => format!("{collection}/{}", fastrand::u64(1..=count)).into(),
        };
        client.send(self.method.clone(), &path, Bytes::from_static(self.body.as_bytes())).await
    }
}

impl Load {
    /// Connect, and then begin.
    pub async fn start(gateway: SocketAddr, connections: usize, shot: Shot) -> Result<Load> {
        let mut clients = Vec::new();
        for _ in 0..connections {
            clients.push(Client::connect(gateway).await?);
        }
        let (stop, tally) = (Arc::<AtomicBool>::default(), Arc::new(Mutex::new(Tally::new()?)));
        let since = Instant::now();
        let mut connections = JoinSet::new();
        for client in clients {
            connections.spawn(keep_asking(client, gateway, shot, stop.clone(), tally.clone()));
        }
        Ok(Load { connections, stop, tally, since })
    }

    /// Let every connection have its last answer.
    pub async fn finish(mut self) -> Result<Tally> {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.connections.join_next().await {
            ended?;
        }
        let took = self.since.elapsed();
        let tally = Arc::into_inner(self.tally).context("a connection still asks")?;
        let tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
        ensure!(tally.requests() > 0, "no request was sent");
        Ok(Tally { took, ..tally })
    }
}

impl Tally {
    fn new() -> Result<Tally> {
        let latencies = Histogram::new_with_max(micros(LONGEST), 3)?;
        Ok(Tally { latencies, failed: 0, first_failure: None, took: Duration::ZERO })
    }

    /// How many requests were sent.
    pub fn requests(&self) -> u64 {
        self.latencies.len()
    }

    /// How many were answered in a second.
    pub fn rate(&self) -> f64 {
        self.requests() as f64 / self.took.as_secs_f64()
    }

    /// The latency that so many of a hundred requests do not exceed, in milliseconds.
    pub fn percentile(&self, percent: f64) -> f64 {
        self.latencies.value_at_percentile(percent) as f64 / 1000.0
    }

    fn note(&mut self, latency: Duration, failure: Option<String>) {
        self.latencies.saturating_record(micros(latency));
        if let Some(failure) = failure {
            self.failed += 1;
            self.first_failure.get_or_insert(failure);
        }
    }
}

/// A connection that is lost is made again; where it cannot be, its part ends.
async fn keep_asking(
    mut client: Client,
    gateway: SocketAddr,
    shot: Shot,
    stop: Arc<AtomicBool>,
    tally: Arc<Mutex<Tally>>,
) {
    while !stop.load(Ordering::Relaxed) {
        let since = Instant::now();
        let answer = shot.send(&mut client).await;
        let latency = since.elapsed();
        let is_lost = answer.is_err();
        let failure = match answer {
            Ok(answer) if answer.status() == shot.status => None,
            Ok(answer) => Some(format!("{} {}", answer.status(), String::from_utf8_lossy(answer.body()))),
            Err(error) => Some(format!("{error:#}")),
        };
        tally.lock().unwrap_or_else(PoisonError::into_inner).note(latency, failure);
        if is_lost {
            match Client::connect(gateway).await {
                Ok(again) => client = again,
                Err(_) => return,
            }
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
