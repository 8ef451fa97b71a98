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
    pub works: Vec<Series>,
    /// By server.
    pub costs: Vec<Cost>,
}

/// What a server takes beside the processors.
pub struct Cost {
    pub name: &'static str,
    /// From its start to its first answer, in milliseconds: median; where that is timed.
    pub start: Option<f64>,
    /// The memory that it had when it had answered first, and the most that it had, in MB.
    pub memory: f64,
    pub most_memory: f64,
}

impl Comparison {
    /// Measure it.
    pub async fn of(case: Case, kit: &Kit, effort: Effort) -> Result<Comparison> {
        let (peers, questions) = (case.peers(kit)?, case.questions());
        let (serving, mut costs) = start(case, &peers, effort).await?;
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
            works.push(effort.rounds.run(what, connections, &servers, seen).await?);
        }
        progress("");
        for (cost, serving) in costs.iter_mut().zip(&serving) {
            cost.most_memory = serving.most_memory();
        }
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
        most_memory: f64::NAN,
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
