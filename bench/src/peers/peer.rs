//! A server that is compared with others: how it is started, again and again.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result, ensure};
use hyper::body::Bytes;
use tokio::time::{Instant, sleep};

use crate::{check::Question, client::Client, host::Host, machine, native::Child, process::Process};

/// How long a server may take until its first answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two questions to a server that does not answer yet.
const PAUSE: Duration = Duration::from_millis(1);

/// How a server is started.
pub struct Peer {
    pub name: &'static str,
    start: Box<dyn Fn() -> Result<Serving>>,
}

/// What serves: one process, or several that work together.
pub struct Serving {
    pub gateway: SocketAddr,
    pub processes: Vec<Process>,
}

impl Peer {
    /// A server that starts in this way.
    pub fn new<S: Into<Serving>>(name: &'static str, start: impl Fn() -> Result<S> + 'static) -> Peer {
        Peer { name, start: Box::new(move || Ok(start()?.into())) }
    }

    /// Start it and wait for the right answer; with how long that took, in milliseconds.
    pub async fn start(&self, question: &Question) -> Result<(Serving, f64)> {
        let since = Instant::now();
        let mut serving = (self.start)().with_context(|| format!("{} could not be started", self.name))?;
        while !serving.answers(question).await {
            let ended = serving.processes.iter_mut().any(Process::has_ended);
            let said = || serving.processes.iter().map(Process::said).collect::<String>();
            ensure!(!ended, "{} ended before it answered: {}", self.name, said());
            ensure!(since.elapsed() < PATIENCE, "{} gave no right answer: {}", self.name, said());
            sleep(PAUSE).await;
        }
        Ok((serving, since.elapsed().as_secs_f64() * 1000.0))
    }
}

impl Serving {
    /// The processes' numbers.
    pub fn pids(&self) -> Vec<u32> {
        self.processes.iter().map(Process::pid).collect()
    }

    /// The most memory that it had, in MB.
    pub fn most_memory(&self) -> f64 {
        self.pids().into_iter().map(machine::most_memory).sum()
    }

    async fn answers(&self, question: &Question) -> bool {
        let (method, path, body, status) = question;
        let Ok(mut client) = Client::connect(self.gateway).await else { return false };
        let answer = client.send(method.clone(), path, Bytes::from_static(body.as_bytes())).await;
        answer.is_ok_and(|answer| answer.status() == *status)
    }
}

impl From<Host> for Serving {
    fn from(host: Host) -> Serving {
        Serving { gateway: host.gateway, processes: vec![host.process] }
    }
}

impl From<Child> for Serving {
    fn from(child: Child) -> Serving {
        Serving { gateway: child.gateway, processes: vec![child.process] }
    }
}
