//! Hosts that share a store: one of them delivers, another when that is gone or slow.

use std::path::Path;

use serde_json::Value;

use super::{checker::End, emitters::Emitters, rows::export, signals::signals};
use crate::support::{Host, postgres, redis, until};

/// Who says that it delivers, as the store has it.
fn deliverer(folder: &Path, url: &str) -> String {
    let rows = export(folder, Some(url));
    let mut rows = rows.lines().map(|row| serde_json::from_str::<Value>(row).expect("a line is JSON"));
    let said = rows.find(|row| row["bucket"].as_str().is_some_and(is_of_tenure) && row["key"] == "host");
    let said = said.and_then(|row| Some(row["value"].as_str()?.split(' ').next()?.to_owned()));
    said.unwrap_or_default()
}

fn is_of_tenure(bucket: &str) -> bool {
    bucket.starts_with("tenure:")
}

/// The one that delivers is stopped in the midst of it, goes on when another has taken over,
/// and is killed then: each event is had once and in order all the same.
#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_had_once_whichever_host_delivers_it_from_postgresql() {
    let Some(server) = postgres::Server::shared() else { return };
    once_whichever_host(&server.database(), "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_had_once_whichever_host_delivers_it_from_redis() {
    let Some(server) = redis::Server::shared() else { return };
    once_whichever_host(&server.database(), "").await;
}

/// Two hosts with more in their event's table: a broker, for example, which one of them reads.
pub async fn once_whichever_host(store: &str, more: &str) {
    let (folder, another) = (signals(more, ""), signals(more, ""));
    let first = Host::up_with(folder.path(), &["--store", store]);
    until("the first host delivers", async || !deliverer(folder.path(), store).is_empty()).await;
    let second = Host::up_with(another.path(), &["--store", store]);
    let emitters = Emitters::start(&second, End::Failed).await;
    emitters.more(100).await;
    let before = deliverer(folder.path(), store);
    first.signal("STOP");
    emitters.more(100).await;
    emitters.rest();
    until("the second host has taken over", async || deliverer(folder.path(), store) != before).await;
    emitters.wake();
    emitters.more(100).await;
    first.signal("CONT");
    emitters.more(100).await;
    first.kill();
    emitters.more(100).await;
    emitters.assert_had(&second, &["recorded"]).await;
}
