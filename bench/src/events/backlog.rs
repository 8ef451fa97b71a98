//! Many events that wait: the memory of the host that keeps them, and how fast they are
//! delivered when they may be, beside few.

use anyhow::Result;

use super::{
    drain::{Drain, fill},
    shop::{self, Telling},
};
use crate::{client::Client, machine, report::median};

/// As many as the host has in mind at once.
const FEW: u64 = 5_000;

/// How often few are delivered, before and again after the many: the store is small then,
/// and large.
const TIMES: usize = 3;

/// What came of it.
pub struct Backlog {
    pub many: Drain,
    /// Few, each time.
    pub few: Vec<Drain>,
    pub memory: Memory,
}

/// What the host has, in MB.
pub struct Memory {
    pub started: f64,
    /// When the many wait, and were counted.
    pub waiting: f64,
    /// Ever until then.
    pub most_waiting: f64,
    /// Ever, the delivery of the many included.
    pub most: f64,
}

impl Backlog {
    /// Have so many events wait by orders, and let them be delivered.
    pub async fn measure(many: u64) -> Result<Backlog> {
        // Connections end their last orders when there are enough.
        let shop = Telling::up(2 * many)?;
        shop::invite(shop.host.gateway, 2).await?;
        // There is a first one to count from.
        shop::order(&mut Client::connect(shop.host.gateway).await?).await?;
        let pid = shop.host.pid();
        let started = machine::memory(pid);
        Drain::print_head();
        let mut few = drain_few(&shop).await?;
        fill(&shop, many).await?;
        let waited = shop.waiting().await?;
        let (waiting, most_waiting) = (machine::memory(pid), machine::most_memory(pid));
        let many = Drain::of(&shop).await?;
        let most = machine::most_memory(pid);
        if many.is_whole() {
            few.extend(drain_few(&shop).await?);
            shop.look.check()?;
        }
        println!(
            "The host had {started:.0} MB at first, {waiting:.0} with {waited} events waiting, {most_waiting:.0} at most \
             until then, {most:.0} at most until they were delivered."
        );
        Ok(Backlog { many, few, memory: Memory { started, waiting, most_waiting, most } })
    }

    /// How many of few were delivered in a second, in the median.
    pub fn rate_of_few(&self) -> f64 {
        median(&self.few.iter().map(Drain::rate).collect::<Vec<_>>())
    }
}

async fn drain_few(shop: &Telling) -> Result<Vec<Drain>> {
    let mut drains = Vec::new();
    for _ in 0..TIMES {
        fill(shop, FEW).await?;
        drains.push(Drain::of(shop).await?);
    }
    Ok(drains)
}
