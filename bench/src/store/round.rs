//! Rounds: servers that take turns under the same load.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use anyhow::{Result, ensure};
use tokio::time::sleep;

use crate::{
    load::{Load, Shot, Tally},
    machine::{Shares, Ticks},
    report::median,
};

/// How many, and how long each.
#[derive(Clone, Copy)]
pub struct Rounds {
    pub count: usize,
    pub each: Duration,
}

/// A server that is measured, and what it is asked.
#[derive(Clone, Copy)]
pub struct Server {
    pub name: &'static str,
    pub gateway: SocketAddr,
    pub pid: u32,
    pub shot: Shot,
}

/// What servers did in turns.
pub struct Series {
    pub what: &'static str,
    pub connections: usize,
    /// By server.
    pub turns: Vec<(&'static str, Vec<Turn>)>,
    /// Who used the processors meanwhile.
    pub shares: Shares,
}

/// One server's part of one round.
pub struct Turn {
    pub tally: Tally,
    /// What the server used of the processors for a request, in microseconds.
    pub cpu: f64,
}

impl Rounds {
    /// Measure so many connections to each server, and show how that goes.
    pub async fn measure(self, what: &'static str, connections: usize, servers: &[Server]) -> Result<Series> {
        let Rounds { count, each } = self;
        println!(
            "\n{what} on {connections} connections that are kept alive, {count} rounds of {} s each",
            each.as_secs_f64()
        );
        Series::print_head();
        let mut turns: Vec<_> = servers.iter().map(|server| (server.name, Vec::new())).collect();
        for server in servers {
            // Code, pools and caches are warm.
            turn(*server, connections, each / 4).await?;
        }
        // Several may be one process, asked for different things.
        let pids: BTreeSet<_> = servers.iter().map(|server| server.pid).collect();
        let pids: Vec<_> = pids.into_iter().collect();
        let before = Ticks::until_now(&pids);
        for number in 1..=count {
            for (server, (_, turns)) in servers.iter().zip(&mut turns) {
                let turn = turn(*server, connections, each).await?;
                turn.print(&format!("{number} {}", server.name));
                turns.push(turn);
            }
        }
        let shares = Ticks::until_now(&pids).shares_since(before);
        let series = Series { what, connections, turns, shares };
        series.print();
        Ok(series)
    }
}

impl Series {
    /// The first server's figure.
    pub fn of_first(&self, figure: impl Fn(&Turn) -> f64) -> Vec<f64> {
        self.turns.iter().take(1).flat_map(|(_, turns)| turns.iter().map(&figure)).collect()
    }

    /// The median of a server's figure.
    pub fn median_of(&self, server: usize, figure: impl Fn(&Turn) -> f64) -> f64 {
        let turns = self.turns.get(server).into_iter().flat_map(|(_, turns)| turns.iter().map(&figure));
        median(&turns.collect::<Vec<_>>())
    }

    /// The first server's figure to another's in the same round; the median of these,
    /// for the machine is not the same from one minute to the next.
    pub fn first_to(&self, other: usize, figure: impl Fn(&Turn) -> f64) -> f64 {
        let others = self.turns.get(other).into_iter().flat_map(|(_, turns)| turns.iter().map(&figure));
        let ratios: Vec<_> = self.of_first(&figure).iter().zip(others).map(|(first, other)| first / other).collect();
        median(&ratios)
    }
}

async fn turn(server: Server, connections: usize, time: Duration) -> Result<Turn> {
    let Server { name, gateway, pid, shot } = server;
    let before = Ticks::until_now(&[pid]);
    let load = Load::start(gateway, connections, shot).await?;
    sleep(time).await;
    let tally = load.finish().await?;
    let used = Ticks::until_now(&[pid]).servers_since(before);
    if let Some(failure) = &tally.first_failure {
        ensure!(tally.failed == 0, "{name} failed {} of {} requests: {failure}", tally.failed, tally.requests());
    }
    Ok(Turn { cpu: used.as_secs_f64() * 1e6 / tally.requests() as f64, tally })
}
