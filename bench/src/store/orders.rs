//! Orders that are posted, each durable when it is answered.

use anyhow::Result;

use super::ORDER;
use crate::{
    check,
    folder::Folder,
    host::Host,
    native::{Child, Commit},
    round::{Rounds, Series, Server},
};

const CONNECTIONS: [usize; 2] = [32, 256];

/// The host first, then the native shop, committing both ways.
pub async fn measure(rounds: Rounds) -> Result<Vec<Series>> {
    let folder = Folder::new()?;
    let host = Host::up(&format!("sqlite:{}", folder.path().join("shop.db").display()))?;
    let [group, each] = [Child::durable(Commit::Group)?, Child::durable(Commit::Each)?];
    check::same(&[host.gateway, group.gateway, each.gateway], &check::SHOP).await?;
    let servers = [
        Server { name: "dovetail", gateway: host.gateway, pids: vec![host.pid()], shot: ORDER },
        Server { name: "native", gateway: group.gateway, pids: vec![group.pid()], shot: ORDER },
        Server { name: "native, per call", gateway: each.gateway, pids: vec![each.pid()], shot: ORDER },
    ];
    let mut measured = Vec::new();
    for connections in CONNECTIONS {
        measured.push(rounds.measure("POST /orders", connections, &servers).await?);
    }
    Ok(measured)
}
