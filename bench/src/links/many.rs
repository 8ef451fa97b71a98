//! Many services in one process: from the start to the first answer, memory, and how
//! many requests over all of them are answered.

use anyhow::Result;

use super::{Effort, crowd::Crowd};
use crate::{
    load::{Path, Shot},
    report,
    round::{Series, Server},
};

const CONNECTIONS: usize = 32;

/// How many services: the many first, then those that they are compared with.
pub const COUNTS: [(u64, &str); 4] =
    [(1000, "1000 services"), (2, "2 services"), (10, "10 services"), (100, "100 services")];

/// What was found, in the order of [`COUNTS`].
pub struct Crowds {
    /// What each app did alone.
    pub crowds: Vec<Crowd>,
    /// What they did in turns.
    pub series: Series,
}

impl Crowds {
    /// Start each app, and then ask all of them in turns.
    pub async fn measure(effort: Effort) -> Result<Crowds> {
        let Effort { components, starts, crowds: rounds, .. } = effort;
        println!("\nFrom the start to the first answer, and the memory then and later, when each service has answered");
        report::row("", &["compiling s", "cached ms", "MB", "MB later"]);
        let mut crowds = Vec::new();
        for (count, name) in COUNTS {
            let crowd = Crowd::up(count, components, starts).await?;
            crowd.print(name);
            crowds.push(crowd);
        }
        let servers = crowds.iter().zip(COUNTS).map(|(crowd, (count, name))| Server {
            name,
            gateway: crowd.host.gateway,
            pids: vec![crowd.host.pid()],
            shot: Shot::get(Path::OneOf("/services", count)),
        });
        let series = rounds.measure("GET of any service", CONNECTIONS, &servers.collect::<Vec<_>>()).await?;
        for (crowd, (_, name)) in crowds.iter_mut().zip(COUNTS) {
            crowd.memory.look(&crowd.host);
            println!("With {name} the host had {:.0} MB at most.", crowd.memory.most);
        }
        Ok(Crowds { crowds, series })
    }
}
