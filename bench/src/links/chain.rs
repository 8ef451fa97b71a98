//! Chains: a request that goes through one link, two, four and eight.
//!
//! All are in one host. A service of a chain asks the next, the last asks the leaf.

use std::fmt::Write;

use anyhow::{Result, ensure};

use super::component::{LEAF, RELAY};
use crate::{
    client::Client,
    components,
    host::App,
    load::{Path, Shot},
    round::{Rounds, Series, Server},
};

const CONNECTIONS: usize = 32;

/// By chain: how many links, its name, and the request that goes through it.
pub const CHAINS: [(u32, &str, &str); 4] = [
    (1, "1 link", "/1/get-user/1"),
    (2, "2 links", "/2/get-user/1"),
    (4, "4 links", "/4/get-user/1"),
    (8, "8 links", "/8/get-user/1"),
];

/// What was found, in the order of [`CHAINS`].
pub struct Chains(pub Series);

impl Chains {
    /// Measure all of them in turns.
    pub async fn measure(rounds: Rounds) -> Result<Chains> {
        let host = App::new(&manifest()?)?.up("memory:")?;
        let mut client = Client::connect(host.gateway).await?;
        for (_, name, path) in CHAINS {
            let answer = client.get(path).await?;
            let said = String::from_utf8_lossy(answer.body());
            ensure!(said == "1", "{name}: 1 became {} {said}", answer.status());
        }
        let servers = CHAINS.map(|(_, name, path)| Server {
            name,
            gateway: host.gateway,
            pids: vec![host.pid()],
            shot: Shot::get(Path::Same(path)),
        });
        Ok(Chains(rounds.measure("GET a user through links", CONNECTIONS, &servers).await?))
    }

    /// The part of the throughput with one link that each further one of a chain
    /// costs, in percent.
    pub fn cost(&self, chain: usize) -> f64 {
        let further = f64::from(CHAINS[chain].0 - CHAINS[0].0);
        100.0 * (1.0 - 1.0 / self.0.first_to(chain, |turn| turn.rate())) / further
    }

    /// What each further link of a chain takes of the processors, in microseconds.
    pub fn cpu(&self, chain: usize) -> f64 {
        let further = f64::from(CHAINS[chain].0 - CHAINS[0].0);
        (self.0.median_of(chain, |turn| turn.cpu) - self.0.median_of(0, |turn| turn.cpu)) / further
    }
}

fn manifest() -> Result<String> {
    let (relay, leaf) = (components::file(RELAY), components::file(LEAF));
    let mut manifest = format!("[app]\nname = \"chains\"\n[service.leaf]\ncomponent = {leaf:?}\n");
    for (length, ..) in CHAINS {
        for place in 1..=length {
            let next = if place == length { "leaf".to_owned() } else { format!("relay-{length}-{}", place + 1) };
            writeln!(manifest, "[service.relay-{length}-{place}]\ncomponent = {relay:?}")?;
            writeln!(manifest, "links.\"bench:links/directory\" = \"{next}\"")?;
            if place == 1 {
                writeln!(manifest, "routes = [\"/{length}/get-user/{{calls}}\"]")?;
            }
        }
    }
    Ok(manifest)
}
