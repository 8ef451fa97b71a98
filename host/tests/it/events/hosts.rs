//! Hosts that share a store: one of them delivers, another when that is gone or slow.

use super::{checker::End, emitters::Emitters, signals::signals};
use crate::support::{Host, postgres, until};

/// Who says that it delivers, as the store has it.
fn deliverer(server: &postgres::Server, url: &str) -> String {
    let database = url.split('?').next().and_then(|url| url.rsplit('/').next()).unwrap_or_default();
    let said = "SELECT convert_from(value, 'UTF8') FROM dovetail.entries WHERE bucket LIKE 'tenure:%' AND key = 'host'";
    server.psql(database, said).split(' ').next().unwrap_or_default().to_owned()
}

/// The one that delivers is stopped in the midst of it, goes on when another has taken over,
/// and is killed then: each event is had once and in order all the same.
#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_had_once_whichever_host_delivers_it() {
    let Some(server) = postgres::Server::shared() else { return };
    once_whichever_host(server, "").await;
}

/// Two hosts with more in their event's table: a broker, for example, which one of them reads.
pub async fn once_whichever_host(server: &postgres::Server, more: &str) {
    let database = server.database();
    let (folder, another) = (signals(more, ""), signals(more, ""));
    let first = Host::up_with(folder.path(), &["--store", &database]);
    until("the first host delivers", async || !deliverer(server, &database).is_empty()).await;
    let second = Host::up_with(another.path(), &["--store", &database]);
    let emitters = Emitters::start(&second, End::Failed).await;
    emitters.more(100).await;
    let before = deliverer(server, &database);
    first.signal("STOP");
    until("the second host has taken over", async || deliverer(server, &database) != before).await;
    emitters.more(100).await;
    first.signal("CONT");
    emitters.more(100).await;
    first.kill();
    emitters.more(100).await;
    emitters.assert_had(&second, &["recorded"]).await;
}
