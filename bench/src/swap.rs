//! What swaps cost those who are served meanwhile, and how long they take.
//!
//! Orders are posted without swaps and while `user`, which every order asks, is
//! swapped once a second; both in turns, for the machine is not the same from one
//! minute to the next. Then, under the same load, swaps are timed.

use std::time::Duration;

use anyhow::{Result, ensure};
use hyper::body::Bytes;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use self::{component::Components, figures::Figures, put::put};
use crate::{
    client::Client,
    host::{self, Host},
    load::{Load, Shot, Tally},
    machine::Ticks,
    manner::{Manner, Outcome},
    setting::Setting,
};

mod component;
mod figures;
mod put;

const CONNECTIONS: usize = 32;

const ORDER: Shot = Shot::post("/orders", r#"{"user_id":1,"item":"Book"}"#);

/// Between two swaps in a round.
const PACE: Duration = Duration::from_secs(1);

/// Between two swaps that are timed, for the load to be what it was.
const PAUSE: Duration = Duration::from_millis(400);

const NEW: usize = 10;
const CACHED: usize = 20;

/// One round: the same load for the same time, both ways.
struct Round {
    plain: Tally,
    swapping: Tally,
    swaps: usize,
}

/// Swaps under load.
struct Swaps {
    /// From `PUT` to its answer, in milliseconds.
    took: Vec<f64>,
    /// The host's steps in each.
    steps: Vec<Vec<(String, f64)>>,
    load: Tally,
}

/// Measure, and print what came of it.
pub async fn measure(manner: &Manner) -> Result<()> {
    host::build()?;
    let mut components = Components::read()?;
    let (rounds, seconds) = manner.of((3, 2), (5, 6));
    let (setting, host) = (Setting::look(Vec::new()), Host::up("memory:")?);
    check(&host).await?;
    setting.print();
    println!("POST /orders on {CONNECTIONS} connections that are kept alive, {rounds} rounds of {seconds} s each way");

    // Both variants are compiled here, and code and pools are warm.
    round(&host, &mut components, 2).await?;
    let (before, mut measured) = (Ticks::until_now(&[host.pid()]), Vec::new());
    figures::head();
    for number in 1..=rounds {
        let round = round(&host, &mut components, seconds).await?;
        round.print(number);
        measured.push(round);
    }

    let new = swaps(&host, NEW, false, || components.unseen()).await?;
    // The new ones may have taken the variants' places in the cache.
    for _ in 0..2 {
        put(&host, components.other()).await?;
    }
    let cached = swaps(&host, CACHED, true, || components.other()).await?;

    let shares = Ticks::until_now(&[host.pid()]).shares_since(before);
    let figures = Figures { rounds: measured, new, cached, size: components.size(), shares };
    figures.print();
    manner.conclude(&setting, Outcome { figures: figures.json(), targets: figures.targets() })
}

/// What is measured must be right.
async fn check(host: &Host) -> Result<()> {
    let mut client = Client::connect(host.gateway).await?;
    let unknown = Bytes::from_static(br#"{"user_id":7,"item":"Book"}"#);
    let order = Bytes::from_static(ORDER.body.as_bytes());
    for (answer, status, expected) in [
        (client.get("/users/1").await?, 200, json!({ "id": 1, "name": "Alice" })),
        (client.get("/users/7").await?, 404, json!({ "error": component::ANSWER })),
        (client.post("/orders", order).await?, 201, json!({ "id": 1, "user_id": 1, "item": "Book" })),
        (client.post("/orders", unknown).await?, 400, json!({ "error": "User does not exist" })),
    ] {
        let found: Value = serde_json::from_slice(answer.body())?;
        ensure!(
            answer.status() == status && found == expected,
            "{status} {expected} became {} {found}",
            answer.status()
        );
    }
    Ok(())
}

async fn round(host: &Host, components: &mut Components, seconds: u32) -> Result<Round> {
    let plain = Load::start(host.gateway, CONNECTIONS, ORDER).await?;
    sleep(PACE * seconds).await;
    let plain = plain.finish().await?;

    let swapping = Load::start(host.gateway, CONNECTIONS, ORDER).await?;
    let since = Instant::now();
    for second in 0..seconds {
        sleep_until(since + PACE * second + PACE / 2).await;
        put(host, components.other()).await?;
    }
    sleep_until(since + PACE * seconds).await;
    Ok(Round { plain, swapping: swapping.finish().await?, swaps: seconds as usize })
}

/// Time so many swaps under load.
async fn swaps(host: &Host, count: usize, from_cache: bool, mut next: impl FnMut() -> Bytes) -> Result<Swaps> {
    let load = Load::start(host.gateway, CONNECTIONS, ORDER).await?;
    let (mut took, mut steps) = (Vec::new(), Vec::new());
    for _ in 0..count {
        sleep(PAUSE).await;
        let swapped = put(host, next()).await?;
        ensure!(swapped.from_cache == from_cache, "from the cache: {}, not {from_cache}", swapped.from_cache);
        took.push(swapped.took.as_secs_f64() * 1000.0);
        steps.push(swapped.steps);
    }
    sleep(PAUSE).await;
    Ok(Swaps { took, steps, load: load.finish().await? })
}
