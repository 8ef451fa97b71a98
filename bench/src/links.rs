//! What a call through a link takes, what each link of a chain does, and what many
//! services in one process do.
//!
//! All but the last of it is measured with components that do next to nothing
//! (`bench/components`), so that what is measured is the host.

use std::time::Duration;

use anyhow::Result;

use self::{chain::Chains, figures::Figures, hop::Hops, many::Crowds, start::Starts};
use crate::{
    components, host,
    manner::{Manner, Outcome},
    round::Rounds,
    setting::Setting,
};

mod chain;
mod component;
mod crowd;
mod figures;
mod hop;
mod many;
pub mod rest;
mod start;

/// How long each part takes.
#[derive(Clone, Copy)]
struct Effort {
    /// Of a call alone.
    hops: Rounds,
    /// Of chains.
    chains: Rounds,
    /// Of requests over many services.
    crowds: Rounds,
    /// How many different components the services have at most.
    components: usize,
    /// How often an app is started.
    starts: usize,
}

const QUICK: Effort = Effort {
    hops: Rounds { count: 3, each: Duration::from_millis(300) },
    chains: Rounds { count: 3, each: Duration::from_millis(1000) },
    crowds: Rounds { count: 3, each: Duration::from_millis(700) },
    components: 10,
    starts: 3,
};

const WHOLE: Effort = Effort {
    hops: Rounds { count: 7, each: Duration::from_secs(1) },
    chains: Rounds { count: 7, each: Duration::from_secs(4) },
    crowds: Rounds { count: 7, each: Duration::from_secs(4) },
    components: usize::MAX,
    starts: 7,
};

/// Measure, and print what came of it.
pub async fn measure(manner: &Manner) -> Result<()> {
    host::build()?;
    components::build()?;
    let effort = manner.of(QUICK, WHOLE);
    let setting = Setting::look(Vec::new());
    setting.print();

    let hops = Hops::measure(effort.hops).await?;
    let chains = Chains::measure(effort.chains).await?;
    let starts = Starts::measure(effort.starts).await?;
    let crowds = Crowds::measure(effort).await?;
    let figures = Figures { hops, chains, starts, crowds };
    manner.conclude(&setting, Outcome { figures: figures.json(), targets: figures.targets() })
}
