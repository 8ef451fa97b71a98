//! Turns of shops under the same load, each until all are told of its orders.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::look::Look;
use crate::{
    load::{Load, Shot},
    machine::Ticks,
    report::{self, max, median},
    round::{Rounds, Series, Turn},
};

const CONNECTIONS: usize = 32;

/// How often it is looked whether all are told of.
pub const PACE: Duration = Duration::from_millis(1);

/// A shop that is measured.
pub struct Shop<'a> {
    pub name: &'static str,
    pub gateway: SocketAddr,
    pub pid: u32,
    pub shot: Shot,
    /// Where it is seen whether all are told of; none where nobody is told.
    pub look: Option<&'a Look>,
}

/// What came of it.
pub struct Turns {
    /// Rates and CPU time until all are told of the last order.
    pub series: Series,
    /// By shop, from the last answer until then in each round, in milliseconds.
    behind: Vec<Vec<f64>>,
}

impl Turns {
    /// Measure each shop in each round, and show it.
    pub async fn measure(what: &'static str, rounds: Rounds, shops: &[Shop<'_>]) -> Result<Turns> {
        let Rounds { count, each } = rounds;
        let seconds = each.as_secs_f64();
        println!("\n{what}, on {CONNECTIONS} connections that are kept alive, {count} rounds of {seconds} s each");
        Series::print_head();
        for shop in shops {
            // Code, pools and caches are warm.
            shop.turn(each / 4).await?;
        }
        let pids: BTreeSet<_> = shops.iter().map(|shop| shop.pid).collect();
        let pids: Vec<_> = pids.into_iter().collect();
        let before = Ticks::until_now(&pids);
        let mut turns: Vec<_> = shops.iter().map(|shop| (shop.name, Vec::new())).collect();
        let mut behind = vec![Vec::new(); shops.len()];
        for number in 1..=count {
            for ((shop, (_, turns)), behind) in shops.iter().zip(&mut turns).zip(&mut behind) {
                let (turn, later) = shop.turn(each).await?;
                turn.print(&format!("{number} {}", shop.name));
                turns.push(turn);
                behind.push(later.as_secs_f64() * 1000.0);
            }
        }
        let shares = Ticks::until_now(&pids).shares_since(before);
        let turns = Turns { series: Series { what, connections: CONNECTIONS, turns, shares }, behind };
        turns.print(shops);
        Ok(turns)
    }

    /// A figure of one shop to that of another, by their places.
    pub fn ratio(&self, one: usize, other: usize, figure: fn(&Turn) -> f64) -> f64 {
        let name = |place: usize| self.series.turns[place].0;
        self.series.one_to(name(one), name(other), figure).unwrap_or(f64::NAN)
    }

    /// The time that an event alone takes of the processors, by rounds: native to ours, each
    /// of which has a place with it and one without.
    pub fn event_alone(&self, native: [usize; 2], ours: [usize; 2]) -> f64 {
        let cpu = |server: usize| self.series.turns[server].1.iter().map(|turn| turn.cpu);
        let more = |[told, quiet]: [usize; 2]| cpu(told).zip(cpu(quiet)).map(|(told, quiet)| told - quiet);
        median(&more(native).zip(more(ours)).map(|(native, ours)| native / ours).collect::<Vec<_>>())
    }

    /// How long rounds went on after their last answers, as JSON.
    pub fn behind(&self) -> Value {
        let behind = self.series.turns.iter().zip(&self.behind);
        behind.map(|((name, _), behind)| json!({ "server": name, "ms": behind })).collect()
    }

    fn print(&self, shops: &[Shop<'_>]) {
        self.series.print();
        println!("From the last answer of a round to its end");
        report::row("", &["p50 ms", "worst ms"]);
        for (shop, behind) in shops.iter().zip(&self.behind).filter(|(shop, _)| shop.look.is_some()) {
            let [middle, worst] = [median(behind), max(behind)].map(|ms| format!("{ms:.1}"));
            report::row(shop.name, &[&middle, &worst]);
        }
    }
}

impl Shop<'_> {
    /// The load for this time and what it leaves to do, and how long the latter took.
    async fn turn(&self, time: Duration) -> Result<(Turn, Duration)> {
        let Shop { name, gateway, pid, shot, look } = self;
        let before = Ticks::until_now(&[*pid]);
        let load = Load::start(*gateway, CONNECTIONS, *shot).await?;
        sleep(time).await;
        let mut tally = load.finish().await?;
        let behind = match look {
            Some(look) => look.until_drained(Instant::now(), PACE).await?,
            None => Duration::ZERO,
        };
        tally.took += behind;
        let used = Ticks::until_now(&[*pid]).servers_since(before);
        if let Some(failure) = &tally.first_failure {
            ensure!(tally.failed == 0, "{name} failed {} of {} requests: {failure}", tally.failed, tally.requests());
        }
        Ok((Turn { cpu: used.as_secs_f64() * 1e6 / tally.requests() as f64, tally }, behind))
    }
}
