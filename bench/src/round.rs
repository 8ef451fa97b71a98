//! Rounds: servers that take turns under the same load.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use anyhow::{Result, ensure};
use tokio::time::sleep;

use crate::{
    load::{Load, Shot, Tally},
    machine::{Shares, Ticks},
    report::{max, median},
};

/// How many, and how long each.
#[derive(Clone, Copy)]
pub struct Rounds {
    pub count: usize,
    pub each: Duration,
}

/// A server that is measured, and what it is asked.
#[derive(Clone)]
pub struct Server {
    pub name: &'static str,
    pub gateway: SocketAddr,
    /// Its processes.
    pub pids: Vec<u32>,
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
    /// Measure so many connections to each server, and show each turn.
    pub async fn measure(self, what: &'static str, connections: usize, servers: &[Server]) -> Result<Series> {
        let Rounds { count, each } = self;
        let seconds = each.as_secs_f64();
        println!("\n{what} on {connections} connections that are kept alive, {count} rounds of {seconds} s each");
        Series::print_head();
        let series = self.run(what, connections, servers, |number, name, turn| {
            if let Some(turn) = turn {
                turn.print(&format!("{number} {name}"));
            }
        });
        let series = series.await?;
        series.print();
        Ok(series)
    }

    /// Measure so many connections to each server. What is seen is the number of a
    /// round and a server, before its turn and with it.
    pub async fn run(
        self,
        what: &'static str,
        connections: usize,
        servers: &[Server],
        mut seen: impl FnMut(usize, &str, Option<&Turn>),
    ) -> Result<Series> {
        let mut turns: Vec<_> = servers.iter().map(|server| (server.name, Vec::new())).collect();
        for server in servers {
            seen(0, server.name, None);
            // Code, pools and caches are warm.
            turn(server, connections, self.each / 4).await?;
        }
        // Several may be one process, asked for different things.
        let pids: BTreeSet<_> = servers.iter().flat_map(|server| &server.pids).copied().collect();
        let pids: Vec<_> = pids.into_iter().collect();
        let before = Ticks::until_now(&pids);
        for number in 1..=self.count {
            for (server, (_, turns)) in servers.iter().zip(&mut turns) {
                seen(number, server.name, None);
                let turn = turn(server, connections, self.each).await?;
                seen(number, server.name, Some(&turn));
                turns.push(turn);
            }
        }
        let shares = Ticks::until_now(&pids).shares_since(before);
        Ok(Series { what, connections, turns, shares })
    }
}

impl Series {
    /// The first server's figure.
    pub fn of_first(&self, figure: impl Fn(&Turn) -> f64) -> Vec<f64> {
        self.turns.first().map(|(_, turns)| turns.iter().map(figure).collect()).unwrap_or_default()
    }

    /// The first server's figure to another's.
    pub fn first_to(&self, other: usize, figure: impl Fn(&Turn) -> f64) -> f64 {
        match (self.turns.first(), self.turns.get(other)) {
            (Some((_, first)), Some((_, other))) => ratio(first, other, figure),
            _ => f64::NAN,
        }
    }

    /// The median of a server's figure.
    pub fn median_of(&self, server: usize, figure: impl Fn(&Turn) -> f64) -> f64 {
        let turns = self.turns.get(server).into_iter().flat_map(|(_, turns)| turns.iter().map(&figure));
        median(&turns.collect::<Vec<_>>())
    }

    /// One server's figure to another's; nothing where one of them was not measured.
    pub fn one_to(&self, one: &str, other: &str, figure: impl Fn(&Turn) -> f64) -> Option<f64> {
        Some(ratio(self.of(one)?, self.of(other)?, figure))
    }

    /// The median of a server's figure; nothing where it was not measured.
    pub fn median(&self, name: &str, figure: impl Fn(&Turn) -> f64) -> Option<f64> {
        Some(median(&self.of(name)?.iter().map(figure).collect::<Vec<_>>()))
    }

    /// A server's longest latency of all rounds, in milliseconds; NaN where it was not
    /// measured.
    pub fn worst(&self, name: &str) -> f64 {
        max(&self.of(name).unwrap_or_default().iter().map(Turn::worst).collect::<Vec<_>>())
    }

    fn of(&self, name: &str) -> Option<&[Turn]> {
        self.turns.iter().find(|(server, _)| *server == name).map(|(_, turns)| turns.as_slice())
    }
}

/// The median of ratios within rounds, for the machine is not the same from one minute
/// to the next.
fn ratio(one: &[Turn], other: &[Turn], figure: impl Fn(&Turn) -> f64) -> f64 {
    let ratios: Vec<_> = one.iter().zip(other).map(|(one, other)| figure(one) / figure(other)).collect();
    median(&ratios)
}

async fn turn(server: &Server, connections: usize, time: Duration) -> Result<Turn> {
    let Server { name, gateway, pids, shot } = server;
    let before = Ticks::until_now(pids);
    let load = Load::start(*gateway, connections, *shot).await?;
    sleep(time).await;
    let tally = load.finish().await?;
    let used = Ticks::until_now(pids).servers_since(before);
    if let Some(failure) = &tally.first_failure {
        ensure!(tally.failed == 0, "{name} failed {} of {} requests: {failure}", tally.failed, tally.requests());
    }
    Ok(Turn { cpu: used.as_secs_f64() * 1e6 / tally.requests() as f64, tally })
}
