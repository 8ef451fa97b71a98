//! Asking the addresses of an upstream whether they are well.

use std::sync::{Arc, Weak};

use http::{Request, header};
use tokio::{
    task::JoinSet,
    time::{Duration, sleep, timeout},
};

use super::{SentBody, Upstream, address::Address};
use crate::manifest::Health;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Begin, unless it has begun or nothing is to be asked.
pub fn begin(upstream: &Arc<Upstream>) {
    let Some(health) = upstream.manifest.health.clone() else { return };
    if !upstream.is_looked_after.swap(true, std::sync::atomic::Ordering::Relaxed) {
        tokio::spawn(run(Arc::downgrade(upstream), health));
    }
}

/// Ask them all, again and again, until nobody has the upstream any more.
async fn run(upstream: Weak<Upstream>, health: Health) {
    while let Some(upstream) = upstream.upgrade() {
        // Where DNS cannot be asked, nobody can.
        let _ = upstream.addresses.refresh().await;
        let mut asked = JoinSet::new();
        for address in upstream.addresses.all() {
            asked.spawn(look(address, upstream.name().to_owned(), health.clone()));
        }
        drop(upstream);
        asked.join_all().await;
        sleep(health.every).await;
    }
}

async fn look(address: Arc<Address>, upstream: String, health: Health) {
    let answers_well = timeout(PATIENCE, ask(&address, &health)).await.unwrap_or(false);
    if !address.record.looked_at(answers_well) {
        return;
    }
    match answers_well {
        true => tracing::info!(upstream, address = %address.at, "an address is well again"),
        false => tracing::warn!(upstream, address = %address.at, "an address is not well, and gets no requests"),
    }
}

/// Whether it answers as it should.
async fn ask(address: &Arc<Address>, health: &Health) -> bool {
    let Ok(mut connection) = address.connect().await else { return false };
    let mut request = Request::new(SentBody::none());
    *request.uri_mut() = health.path.clone();
    request.headers_mut().insert(header::HOST, address.origin.authority.clone());
    let answered = connection.exchange(request, None).await;
    answered.is_ok_and(|answer| matches!(answer.status().as_u16(), 200..=399))
}
