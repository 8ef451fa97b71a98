//! A call through a link alone, and beside it one over REST.
//!
//! A request makes many calls, one after the other. What it takes beyond a request
//! that makes none, divided by their number, is what one of them takes: the way of
//! the request itself, and who sent it, are not in it.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Result, ensure};
use tokio::time::sleep;

use super::{
    component::{LEAF, RELAY},
    rest::Rest,
};
use crate::{
    client::Client,
    components,
    host::App,
    load::{Load, Path, Shot},
    machine::Ticks,
    report::{self, median},
    round::Rounds,
};

/// How many calls a request makes, as in the paths below.
const CALLS: u64 = 1000;

/// By kind of call: its name, the request that makes none, the one that makes
/// [`CALLS`], and what is answered then.
const KINDS: [(&str, &str, &str, u64); 3] = [
    ("link, number", "/double/0", "/double/1000", CALLS * (CALLS + 1)),
    ("link, user", "/get-user/0", "/get-user/1000", CALLS * (CALLS + 1) / 2),
    ("REST, user", "/get-user/0", "/get-user/1000", CALLS * (CALLS + 1) / 2),
];

/// What calls take, round by round.
pub struct Hops {
    /// A `u32` there and back.
    pub number: Vec<Hop>,
    /// An id there, and a user back, as the shop asks it.
    pub user: Vec<Hop>,
    /// The same as JSON over HTTP, from one native service to another.
    pub rest: Vec<Hop>,
}

/// What one call takes, in microseconds.
#[derive(Clone, Copy)]
pub struct Hop {
    /// Until it has its answer.
    pub time: f64,
    /// Of the processors, in all processes that take part.
    pub cpu: f64,
}

/// Who makes calls.
struct Caller {
    gateway: SocketAddr,
    pids: Vec<u32>,
}

impl Hops {
    /// Measure a host and two native services in turns, on one connection.
    pub async fn measure(rounds: Rounds) -> Result<Hops> {
        let host = App::new(&manifest())?.up("memory:")?;
        let rest = Rest::up()?;
        let links = || Caller { gateway: host.gateway, pids: vec![host.pid()] };
        let callers = [links(), links(), Caller { gateway: rest.gateway, pids: rest.pids() }];
        for (caller, (_, none, many, sum)) in callers.iter().zip(KINDS) {
            let mut client = Client::connect(caller.gateway).await?;
            for (path, sum) in [(none, 0), (many, sum)] {
                let answer = client.get(path).await?;
                let said = String::from_utf8_lossy(answer.body());
                ensure!(said == sum.to_string(), "{path}: {sum} became {} {said}", answer.status());
            }
        }
        println!("\nOne call of {CALLS} in a request, {} rounds of {} s each", rounds.count, rounds.each.as_secs_f64());
        report::row("", &["us", "CPU us"]);
        let mut measured = [Vec::new(), Vec::new(), Vec::new()];
        for number in 1..=rounds.count {
            for ((caller, (name, none, many, _)), hops) in callers.iter().zip(KINDS).zip(&mut measured) {
                let hop = caller.hop(none, many, rounds.each).await?;
                hop.print(&format!("{number} {name}"));
                hops.push(hop);
            }
        }
        for ((name, ..), hops) in KINDS.iter().zip(&measured) {
            Hop::median(hops).print(&format!("median {name}"));
        }
        let [number, user, rest] = measured;
        Ok(Hops { number, user, rest })
    }

    /// A figure over REST to that over a link in the same round; the median of these.
    pub fn rest_to(&self, links: &[Hop], figure: impl Fn(&Hop) -> f64) -> f64 {
        let ratios: Vec<_> = self.rest.iter().zip(links).map(|(rest, link)| figure(rest) / figure(link)).collect();
        median(&ratios)
    }
}

impl Hop {
    /// The median of each figure.
    pub fn median(hops: &[Hop]) -> Hop {
        let middle = |figure: fn(&Hop) -> f64| median(&hops.iter().map(figure).collect::<Vec<_>>());
        Hop { time: middle(|hop| hop.time), cpu: middle(|hop| hop.cpu) }
    }

    fn print(self, name: &str) {
        report::row(name, &[&format!("{:.2}", self.time), &format!("{:.2}", self.cpu)]);
    }
}

impl Caller {
    /// What one call takes, by a request that makes none and one that makes many.
    async fn hop(&self, none: &'static str, many: &'static str, time: Duration) -> Result<Hop> {
        // A quarter of the time tells the lesser part.
        let (none, many) = (self.request(none, time / 4).await?, self.request(many, time).await?);
        let one = |none: f64, many: f64| (many - none) / CALLS as f64;
        Ok(Hop { time: one(none.time, many.time), cpu: one(none.cpu, many.cpu) })
    }

    /// What a request takes.
    async fn request(&self, path: &'static str, time: Duration) -> Result<Hop> {
        let before = Ticks::until_now(&self.pids);
        let load = Load::start(self.gateway, 1, Shot::get(Path::Same(path))).await?;
        sleep(time).await;
        let tally = load.finish().await?;
        let used = Ticks::until_now(&self.pids).servers_since(before);
        if let Some(failure) = &tally.first_failure {
            ensure!(tally.failed == 0, "{path} failed: {failure}");
        }
        let cpu = used.as_secs_f64() * 1e6 / tally.requests() as f64;
        Ok(Hop { time: tally.percentile(50.0) * 1000.0, cpu })
    }
}

fn manifest() -> String {
    let (relay, leaf) = (components::file(RELAY), components::file(LEAF));
    format!(
        "[app]\nname = \"hop\"\n\
         [service.relay]\ncomponent = {relay:?}\nroutes = [\"/double/{{calls}}\", \"/get-user/{{calls}}\"]\n\
         [service.leaf]\ncomponent = {leaf:?}\n"
    )
}
