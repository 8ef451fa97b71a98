//! The addresses of an upstream, and which of them a request goes to.
//!
//! What DNS says of a name is asked again while requests come; meanwhile they go where it led
//! before. An address that a name still has keeps its connections and its record.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use arc_swap::ArcSwap;
use tokio::{
    net::lookup_host,
    time::{Duration, Instant, timeout},
};

use super::{
    address::{Address, Use},
    connection::Connector,
};
use crate::manifest::{Origin, UpstreamManifest};

/// How old an answer of DNS may be.
const FRESH: Duration = Duration::from_secs(10);

/// How long DNS may take.
const RESOLVING: Duration = Duration::from_secs(5);

/// The addresses of an upstream.
pub struct Addresses(Arc<Known>);

struct Known {
    upstream: String,
    origins: Vec<Arc<Origin>>,
    connector: Arc<Connector>,
    now: ArcSwap<Resolved>,
    is_asking: AtomicBool,
    /// Whose turn it is among those that have as much to do.
    turn: AtomicUsize,
}

/// What is known now.
#[derive(Default)]
struct Resolved {
    addresses: Vec<Arc<Address>>,
    /// When DNS said so; none if it was not asked, or nothing has a name.
    at: Option<Instant>,
}

impl Addresses {
    /// Those of an upstream. DNS is asked by the first request.
    pub fn new(manifest: &UpstreamManifest, connector: Connector) -> Addresses {
        let known = Known {
            upstream: manifest.name.clone(),
            origins: manifest.origins.iter().cloned().map(Arc::new).collect(),
            connector: Arc::new(connector),
            now: ArcSwap::default(),
            is_asking: AtomicBool::new(false),
            turn: AtomicUsize::new(0),
        };
        let written = known.origins.iter().filter_map(|origin| {
            let at = SocketAddr::new(origin.address()?, origin.port);
            Some(Arc::new(Address::new(at, origin.clone(), known.connector.clone())))
        });
        let written = Resolved { addresses: written.collect(), at: None };
        known.now.store(Arc::new(written));
        Addresses(Arc::new(known))
    }

    /// Those that are known now.
    pub fn all(&self) -> Vec<Arc<Address>> {
        self.0.now.load().addresses.clone()
    }

    /// Ask DNS, if it is to be asked: at once where nothing is known, else beside.
    pub async fn refresh(&self) -> io::Result<()> {
        let known = &self.0;
        if known.origins.iter().all(|origin| origin.address().is_some()) {
            return Ok(());
        }
        let now = known.now.load();
        let (is_fresh, is_known) = (now.at.is_some_and(|at| at.elapsed() < FRESH), !now.addresses.is_empty());
        drop(now);
        match is_known {
            true if is_fresh || known.is_asking.swap(true, Ordering::Relaxed) => Ok(()),
            true => {
                let known = known.clone();
                tokio::spawn(async move {
                    let resolved = known.resolve().await;
                    known.is_asking.store(false, Ordering::Relaxed);
                    if let Err(error) = resolved {
                        let (upstream, error) = (&*known.upstream, &error as &dyn std::error::Error);
                        tracing::warn!(upstream, error, "the addresses of an upstream could not be asked for");
                    }
                });
                Ok(())
            }
            false => known.resolve().await,
        }
    }

    /// Where a request goes that was sent to none of the `tried`: to the one with the least to
    /// do. Nowhere if no other is well; one that is left out is the last resort.
    pub async fn choose(&self, tried: &[Arc<Address>]) -> io::Result<Option<Use>> {
        self.refresh().await?;
        let now = self.0.now.load();
        let addresses = &now.addresses;
        if let [only] = &addresses[..] {
            let may = tried.is_empty() && only.record.is_well();
            return Ok(may.then(|| only.begin()));
        }
        let turn = self.0.turn.fetch_add(usize::from(tried.is_empty()), Ordering::Relaxed) % addresses.len().max(1);
        let in_turn = addresses[turn..].iter().chain(&addresses[..turn]);
        let others = in_turn
            .filter(|address| address.record.is_well() && !tried.iter().any(|other| Arc::ptr_eq(other, address)));
        let chosen = others.min_by_key(|address| (address.record.is_left_out(), address.busy()));
        Ok(chosen.map(Address::begin))
    }

    /// An address failed. It is left out if it does so often, and most others are not.
    pub fn failed(&self, address: &Address) {
        if !address.failed() {
            return;
        }
        let now = self.0.now.load();
        let out = now.addresses.iter().filter(|other| other.record.is_left_out()).count();
        if (out + 1) * 2 <= now.addresses.len() {
            let time = address.record.leave_out();
            let upstream = &*self.0.upstream;
            tracing::warn!(upstream, address = %address.at, ?time, "an address that fails is left out for a while");
        }
    }
}

impl Known {
    /// Ask DNS for all names.
    async fn resolve(&self) -> io::Result<()> {
        let before = self.now.load_full();
        let (mut addresses, mut failed) = (Vec::<Arc<Address>>::new(), None);
        for origin in &self.origins {
            let old = before.addresses.iter().filter(|address| Arc::ptr_eq(&address.origin, origin));
            let found = match lookup(origin).await {
                Ok(found) => found,
                // What it said before is better than nothing.
                Err(error) => {
                    failed = Some(error);
                    old.clone().map(|address| address.at).collect()
                }
            };
            for at in found {
                if addresses.iter().any(|other| other.at == at && Arc::ptr_eq(&other.origin, origin)) {
                    continue;
                }
                let kept = old.clone().find(|address| address.at == at).cloned();
                let new = || Arc::new(Address::new(at, origin.clone(), self.connector.clone()));
                addresses.push(kept.unwrap_or_else(new));
            }
        }
        if addresses.is_empty() {
            return Err(failed.unwrap_or_else(|| io::ErrorKind::NotFound.into()));
        }
        self.now.store(Arc::new(Resolved { addresses, at: Some(Instant::now()) }));
        failed.map_or(Ok(()), Err)
    }
}

async fn lookup(origin: &Origin) -> io::Result<Vec<SocketAddr>> {
    if let Some(address) = origin.address() {
        return Ok(vec![SocketAddr::new(address, origin.port)]);
    }
    let found = timeout(RESOLVING, lookup_host((origin.host.as_str(), origin.port))).await;
    Ok(found.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??.collect())
}
