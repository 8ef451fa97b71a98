//! Orders that are posted, each durable when it is answered.

use anyhow::Result;

use super::{
    ORDER, check,
    peer::Peer,
    round::{Rounds, Series, Server},
};
use crate::{folder::Folder, host::Host, peer::Commit};

const CONNECTIONS: [usize; 2] = [32, 256];

/// The host first, then the peer, committing both ways.
pub async fn measure(rounds: Rounds) -> Result<Vec<Series>> {
    let folder = Folder::new()?;
    let host = Host::up(&format!("sqlite:{}", folder.path().join("shop.db").display()))?;
    let [group, each] = [Peer::up(Commit::Group)?, Peer::up(Commit::Each)?];
    check::same(&[host.gateway, group.gateway, each.gateway]).await?;
    let servers = [
        Server { name: "dovetail", gateway: host.gateway, pid: host.pid(), shot: ORDER },
        Server { name: "native", gateway: group.gateway, pid: group.pid(), shot: ORDER },
        Server { name: "native, per call", gateway: each.gateway, pid: each.pid(), shot: ORDER },
    ];
    let mut measured = Vec::new();
    for connections in CONNECTIONS {
        measured.push(rounds.measure("POST /orders", connections, &servers).await?);
    }
    Ok(measured)
}
