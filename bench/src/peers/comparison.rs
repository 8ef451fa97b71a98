//! One case: servers are started, asked whether they do the same, and measured in turns.

use std::io::{IsTerminal, Write, stderr};

use anyhow::Result;

use super::{
    case::{Case, Work},
    kit::Kit,
    peer::{Peer, Serving},
};
use crate::{
    check, machine,
    report::median,
    round::{Rounds, Series, Server},
};

/// How much is measured.
#[derive(Clone, Copy)]
pub struct Effort {
    pub rounds: Rounds,
    /// How often a server is started, where that is timed.
    pub starts: usize,
}

/// What came of a case.
pub struct Comparison {
    pub case: Case,
    pub works: Vec<Measured>,
    /// By server.
    pub costs: Vec<Cost>,
}

/// What came of one of its works.
pub struct Measured {
    pub series: Series,
    /// By server: the most memory that it had had by then, in MB.
    pub memory: Vec<f64>,
}

/// What a server's start took.
pub struct Cost {
    pub name: &'static str,
    /// To its first answer, in milliseconds: median; where that is timed.
    pub start: Option<f64>,
    /// The memory that it had then, in MB.
    pub memory: f64,
}

impl Comparison {
    /// Measure it.
    pub async fn of(case: Case, kit: &Kit, effort: Effort) -> Result<Comparison> {
        let (peers, questions) = (case.peers(kit)?, case.questions());
        let (serving, costs) = start(case, &peers, effort).await?;
        let gateways: Vec<_> = serving.iter().map(|serving| serving.gateway).collect();
        check::same(&gateways, &questions).await?;
        let mut works = Vec::new();
        for Work { what, connections, shot } in case.works() {
            let servers = peers.iter().zip(&serving);
            let servers = servers.map(|(peer, serving)| Server {
                name: peer.name,
                gateway: serving.gateway,
                pids: serving.pids(),
                shot,
            });
            let servers: Vec<_> = servers.collect();
            let seen = |number, name: &str, _: Option<&_>| match number {
                0 => progress(&format!("{what} on {connections} connections: warming {name}")),
                _ => progress(&format!("{what} on {connections} connections: round {number}, {name}")),
            };
            let series = effort.rounds.run(what, connections, &servers, seen).await?;
            works.push(Measured { series, memory: serving.iter().map(Serving::most_memory).collect() });
        }
        progress("");
        Ok(Comparison { case, works, costs })
    }
}

/// Start all of them, and time it where the case does: in turns, too, and without the
/// first time, in which some compile what they have afterwards.
async fn start(case: Case, peers: &[Peer], effort: Effort) -> Result<(Vec<Serving>, Vec<Cost>)> {
    let questions = case.questions();
    let times = if case.times_starts() { effort.starts } else { 0 };
    let mut took = vec![Vec::new(); peers.len()];
    let mut serving = Vec::new();
    for time in 0..=times {
        serving.clear();
        for (peer, took) in peers.iter().zip(&mut took) {
            progress(&format!("starting {}", peer.name));
            let (started, ms) = peer.start(&questions[0]).await?;
            serving.push(started);
            if time > 0 {
                took.push(ms);
            }
        }
    }
    let costs = peers.iter().zip(&serving).zip(took).map(|((peer, serving), took)| Cost {
        name: peer.name,
        start: (!took.is_empty()).then(|| median(&took)),
        memory: serving.pids().into_iter().map(machine::memory).sum(),
    });
    let costs = costs.collect();
    Ok((serving, costs))
}

/// Show what is done now, where somebody looks on.
pub fn progress(what: &str) {
    if stderr().is_terminal() {
        // It fails where nobody looks on any more.
        let _ = write!(stderr(), "\r\x1b[K{what}");
    }
}
