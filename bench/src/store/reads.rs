//! Orders that are read from a store of a million, beside users in memory; and what
//! memory the host needs for that.

use anyhow::{Context, Result, ensure};
use hyper::{Response, body::Bytes};
use serde_json::{Value, json};

use super::{ORDER, fill::fill};
use crate::{
    client::Client,
    folder::Folder,
    host::Host,
    load::{Path, Shot},
    machine,
    round::{Rounds, Series, Server},
};

const CONNECTIONS: usize = 32;

const ORDERS: u64 = 1_000_000;

/// What came of it.
pub struct Reads {
    /// A million in SQLite first, then those in memory.
    pub series: Series,
    pub memory: Memory,
}

/// What the host with the million has, in MB.
pub struct Memory {
    pub started: f64,
    pub after_reads: f64,
    /// Ever, reads and writes behind it.
    pub most: f64,
}

/// Fill a store, read from it, and write some more.
pub async fn measure(rounds: Rounds) -> Result<Reads> {
    let folder = Folder::new()?;
    let file = folder.path().join("shop.db");
    let store = format!("sqlite:{}", file.display());
    // The table is the host's own, and so is an order's format.
    let made = Host::up(&store)?;
    check(&made, 1).await?;
    drop(made);
    fill(&file, ORDERS)?;

    let (stored, memory) = (Host::up(&store)?, Host::up("memory:")?);
    check(&stored, ORDERS + 1).await?;
    let started = machine::memory(stored.pid());
    let (order, user) = (Path::OneOf("/orders", ORDERS), Path::Same("/users/1"));
    let servers = [
        Server { name: "order of 1M", gateway: stored.gateway, pids: vec![stored.pid()], shot: Shot::get(order) },
        Server { name: "user in memory", gateway: memory.gateway, pids: vec![memory.pid()], shot: Shot::get(user) },
    ];
    let series = rounds.measure("GET /orders/{id} and GET /users/1", CONNECTIONS, &servers).await?;
    let after_reads = machine::memory(stored.pid());

    let writes = [Server { name: "order to 1M", shot: ORDER, ..servers[0].clone() }];
    rounds.measure("POST /orders", CONNECTIONS, &writes).await?;
    let most = machine::most_memory(stored.pid());
    println!("The host with 1M orders had {started:.0} MB at first, {after_reads:.0} after reads, {most:.0} at most.");
    Ok(Reads { series, memory: Memory { started, after_reads, most } })
}

/// The next order has this id, and it and the one before are found.
async fn check(host: &Host, next: u64) -> Result<()> {
    let mut client = Client::connect(host.gateway).await?;
    let made = client.post("/orders", Bytes::from_static(ORDER.body.as_bytes())).await?;
    expect(&made, &json!({ "id": next, "user_id": 1, "item": "Book" }))?;
    for id in 1.max(next - 1)..=next {
        let user = 2 - id % 2;
        expect(&client.get(&format!("/orders/{id}")).await?, &json!({ "id": id, "user_id": user, "item": "Book" }))?;
    }
    let page = client.get("/orders?user_id=2&limit=1").await?;
    let of_bob = if next > 2 { json!([{ "id": 2, "user_id": 2, "item": "Book" }]) } else { json!([]) };
    let said: Value = serde_json::from_slice(page.body())?;
    ensure!(said["orders"] == of_bob, "{of_bob} of Bob's became {said}");
    Ok(())
}

fn expect(answer: &Response<Bytes>, expected: &Value) -> Result<()> {
    let said = String::from_utf8_lossy(answer.body());
    let found: Value = serde_json::from_str(&said).with_context(|| format!("not JSON: {said}"))?;
    ensure!(found == *expected, "{expected} became {} {said}", answer.status());
    Ok(())
}
