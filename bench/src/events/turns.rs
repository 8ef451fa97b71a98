//! Turns of shops under the same load, each until all of its orders have their notices.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use tokio::time::sleep;

use super::look::Look;
use crate::{
    load::{Load, Shot},
    machine::Ticks,
    report::{self, max, median},
    round::{Rounds, Series, Turn},
};

const WHAT: &str = "POST /orders until each has its notice";

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
    /// Rates and CPU time until the last order has its notice.
    pub series: Series,
    /// By shop, from the last answer until then in each round, in milliseconds.
    pub behind: Vec<Vec<f64>>,
}

impl Turns {
    /// Measure each shop in each round, and show it.
    pub async fn measure(rounds: Rounds, shops: &[Shop<'_>]) -> Result<Turns> {
        let Rounds { count, each } = rounds;
        let seconds = each.as_secs_f64();
        println!("\n{WHAT}, on {CONNECTIONS} connections that are kept alive, {count} rounds of {seconds} s each");
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
        let turns = Turns { series: Series { what: WHAT, connections: CONNECTIONS, turns, shares }, behind };
        turns.print(shops);
        Ok(turns)
    }

    fn print(&self, shops: &[Shop<'_>]) {
        self.series.print();
        println!("From the last answer of a round to its last notice");
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
