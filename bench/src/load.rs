//! Load: connections that are kept alive, each of which sends its next request
//! when it has the answer to the one before.

use std::{
    borrow::Cow,
    io::{self, Write as _},
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use hdrhistogram::Histogram;
use hyper::{Method, StatusCode};
use tokio::task::JoinSet;

use crate::wire::{Tls, Wire};

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
    /// A number of 1 to this, another each time, is written where the JSON has a `#`.
    pub any_of: Option<u64>,
    /// What every answer must have.
    pub status: StatusCode,
    /// Lines of the head that are its own, each with its end.
    pub fields: &'static str,
    /// Over what it goes, if that is TLS.
    pub tls: Option<&'static Tls>,
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
        let (path, status) = (Path::Same(path), StatusCode::CREATED);
        Shot { method: &Method::POST, path, body, any_of: None, status, fields: "", tls: None }
    }

    /// The same for any of so many: `#` in the JSON is one of 1 to this, all alike.
    pub const fn any_of(self, count: u64) -> Shot {
        Shot { any_of: Some(count), ..self }
    }

    /// A GET, which finds something.
    pub const fn get(path: Path) -> Shot {
        Shot { method: &Method::GET, path, body: "", any_of: None, status: StatusCode::OK, fields: "", tls: None }
    }

    /// The request as it is sent to this server.
    fn write(&self, server: SocketAddr, request: &mut Vec<u8>) -> io::Result<()> {
        let Shot { method, path, .. } = self;
        let body = match self.any_of {
            Some(count) => Cow::Owned(self.body.replacen('#', &fastrand::u64(1..=count).to_string(), 1)),
            None => Cow::Borrowed(self.body),
        };
        request.clear();
        match path {
            Path::Same(path) => write!(request, "{method} {path}")?,
            Path::OneOf(collection, count) => write!(request, "{method} {collection}/{}", fastrand::u64(1..=*count))?,
        }
        write!(request, " HTTP/1.1\r\nhost: {server}\r\n{}", self.fields)?;
        if !body.is_empty() {
            write!(request, "content-type: application/json\r\ncontent-length: {}\r\n", body.len())?;
        }
        request.extend_from_slice(b"\r\n");
        request.extend_from_slice(body.as_bytes());
        Ok(())
    }
}

impl Load {
    /// Connect, and then begin.
    pub async fn start(gateway: SocketAddr, connections: usize, shot: Shot) -> Result<Load> {
        let mut wires = Vec::new();
        for _ in 0..connections {
            wires.push(Wire::connect(gateway, shot.tls).await?);
        }
        let (stop, tally) = (Arc::<AtomicBool>::default(), Arc::new(Mutex::new(Tally::new()?)));
        let since = Instant::now();
        let mut connections = JoinSet::new();
        for wire in wires {
            connections.spawn(keep_asking(wire, gateway, shot, stop.clone(), tally.clone()));
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

/// A connection that is lost, or ended by the server, is made again; where it cannot
/// be, its part ends.
async fn keep_asking(mut wire: Wire, server: SocketAddr, shot: Shot, stop: Arc<AtomicBool>, tally: Arc<Mutex<Tally>>) {
    let (mut request, mut is_over) = (Vec::new(), false);
    while !stop.load(Ordering::Relaxed) {
        if shot.write(server, &mut request).is_err() {
            return;
        }
        let since = Instant::now();
        if is_over {
            // Part of what the request takes: its client has to wait for it.
            match Wire::connect(server, shot.tls).await {
                Ok(again) => wire = again,
                Err(_) => return,
            }
        }
        let answer = wire.ask(&request).await;
        let latency = since.elapsed();
        is_over = answer.as_ref().map_or(true, |answer| answer.is_last);
        let failure = match answer {
            Ok(answer) if answer.status == shot.status.as_u16() => None,
            Ok(answer) => Some(format!("{} {}", answer.status, answer.beginning)),
            Err(error) => Some(format!("{error:#}")),
        };
        tally.lock().unwrap_or_else(PoisonError::into_inner).note(latency, failure);
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
