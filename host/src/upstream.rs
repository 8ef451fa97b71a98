//! Upstreams: services that are no components, asked over HTTP/1.1, with TLS or without.
//!
//! An upstream is one or more addresses, any of which will do. It knows which of them are
//! well, keeps connections to them, and bounds how many requests it has at once. What a
//! request means, and what a client is told of a failure, is the gateway's.
//!
//! No connection has a task of its own: it is driven by whoever waits for its answer, so that
//! a request that is passed on wakes nobody else. Only an answer that comes while its request
//! is still being sent is left to a task.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicBool},
};

use http::{HeaderValue, Request, Response, header};
use tokio::time::{Instant, timeout_at};

use self::{
    address::{Address, Rested},
    addresses::Addresses,
    budget::Budget,
    connection::Connector,
    places::{Place, Places},
    sent::Failed,
};
pub use self::{
    answer::AnswerBody,
    connection::{Answered, Opened},
    error::UpstreamError,
    sent::SentBody,
};
use crate::{
    manifest::{HostName, Manifest, Problem, Report, UpstreamManifest},
    tls::ClientError,
};

mod address;
mod addresses;
mod answer;
mod budget;
mod connection;
mod error;
mod look;
mod places;
mod sent;
mod standing;
mod stream;

/// The upstreams of an app, by name.
#[derive(Clone, Default)]
pub struct Upstreams(BTreeMap<String, Arc<Upstream>>);

/// One of them.
pub struct Upstream {
    manifest: UpstreamManifest,
    addresses: Addresses,
    places: Places,
    budget: Budget,
    is_looked_after: AtomicBool,
}

/// How an upstream is doing.
pub struct Standing {
    /// The requests that it has.
    pub busy: usize,
    /// Those that wait for one of these to end.
    pub waiting: usize,
    /// Its addresses.
    pub addresses: Vec<AddressStanding>,
}

/// How an address is doing.
pub struct AddressStanding {
    /// The address and its port.
    pub address: std::net::SocketAddr,
    /// Whether requests go there.
    pub is_well: bool,
    /// The requests that it has.
    pub busy: usize,
    /// Those that it has had.
    pub requests: u64,
    /// Of these, those that failed of its doing.
    pub failures: u64,
}

impl Upstreams {
    /// The upstreams of a manifest. One that is as it was goes on, with its connections and
    /// with what is known of it.
    pub fn open(manifest: &Manifest, before: &Upstreams) -> Result<Upstreams, Report> {
        let (mut opened, mut problems) = (Upstreams::default(), Vec::new());
        for wanted in &manifest.upstreams {
            let kept = before.0.get(&wanted.name).filter(|upstream| upstream.is_still(wanted)).cloned();
            match kept.map_or_else(|| Upstream::open(wanted).map(Arc::new), Ok) {
                Ok(upstream) => _ = opened.0.insert(wanted.name.clone(), upstream),
                Err(error) => problems.push(unspoken(manifest, wanted, &error)),
            }
        }
        Report::new(problems).into_result().map(|()| opened)
    }

    /// Begin to ask those that are to be asked whether they are well.
    pub fn look_after(&self) {
        self.0.values().for_each(look::begin);
    }

    /// The upstream of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<Upstream>> {
        self.0.get(name)
    }

    /// All of them, in the order of their names.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        self.0.values()
    }
}

impl Upstream {
    fn open(manifest: &UpstreamManifest) -> Result<Upstream, ClientError> {
        let connector = Connector::new(&manifest.origins, manifest.ca.as_deref())?;
        Ok(Upstream {
            addresses: Addresses::new(manifest, connector),
            places: Places::new(manifest.connections),
            budget: Budget::default(),
            is_looked_after: AtomicBool::new(false),
            manifest: manifest.clone(),
        })
    }

    /// Whether a table, its routes apart, is the one that this was made of.
    fn is_still(&self, table: &UpstreamManifest) -> bool {
        let parts = |it: &UpstreamManifest| (it.origins.clone(), it.host, it.ca.clone(), it.connections);
        parts(&self.manifest) == parts(table) && self.manifest.health == table.health
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.manifest.name
    }

    /// How it is doing.
    pub fn standing(&self) -> Standing {
        let (busy, waiting) = self.places.taken();
        let addresses = self.addresses.all();
        Standing { busy, waiting, addresses: addresses.iter().map(|address| address.shown()).collect() }
    }

    /// Pass a request on, whose target is a path and which has no field of a connection; one
    /// with `upgrade` asks for another protocol than HTTP by that name. What is answered has
    /// begun by `deadline`.
    pub async fn send(
        &self,
        request: Request<SentBody>,
        upgrade: Option<HeaderValue>,
        deadline: Instant,
    ) -> Result<Answered, UpstreamError> {
        let Ok(Some(place)) = timeout_at(deadline, self.places.take()).await else { return Err(UpstreamError::Busy) };
        let (body, mut asked) = (request.body().progress(), None);
        let sent = timeout_at(deadline, self.attempt(request, upgrade, place, &mut asked)).await;
        sent.unwrap_or_else(|_| {
            // Who waits for its client is not to blame.
            if let Some(address) = asked.filter(|_| !body.is_awaited()) {
                self.addresses.failed(&address);
            }
            Err(UpstreamError::Slow)
        })
    }

    /// One address after the other, as far as a request may be sent again. The one that is
    /// asked is told in `asked`.
    async fn attempt(
        &self,
        mut request: Request<SentBody>,
        upgrade: Option<HeaderValue>,
        place: Place,
        asked: &mut Option<Arc<Address>>,
    ) -> Result<Answered, UpstreamError> {
        self.budget.earn();
        let (body, mut place) = (request.body().progress(), Some(place));
        let may_repeat = upgrade.is_none() && sent::may_repeat(&request);
        let mut rested = if may_repeat { Rested::Ever } else { Rested::Shortly };
        let (mut tried, mut failed) = (Vec::new(), None);
        loop {
            let Some(at) = self.addresses.choose(&tried).await.map_err(UpstreamError::Unreachable)? else {
                return Err(failed.unwrap_or(UpstreamError::NoneWell));
            };
            let address = at.address().clone();
            *asked = Some(address.clone());
            let mut connection = match address.connection(rested).await {
                Ok(connection) => connection,
                Err(error) => {
                    self.addresses.failed(&address);
                    failed = Some(UpstreamError::Unreachable(error));
                    tried.push(address);
                    continue;
                }
            };
            if self.manifest.host == HostName::Upstream {
                request.headers_mut().insert(header::HOST, address.origin.authority.clone());
            }
            let (again, is_fresh) = (may_repeat.then(|| sent::copy(&request)), connection.is_fresh());
            let Failed { error, request: unsent } = match connection.exchange(request, upgrade.as_ref()).await {
                Ok(head) => {
                    self.judge(&address, &head);
                    return connection.answered(head, at, place.take()).ok_or(UpstreamError::Broken(None));
                }
                Err(_) if body.has_failed() => return Err(UpstreamError::Client),
                Err(failed) => failed,
            };
            // One that rested may have ended just then, and others with it.
            rested = Rested::Never;
            if is_fresh {
                self.addresses.failed(&address);
                tried.push(address);
            }
            let broken = UpstreamError::Broken(Some(error));
            let again = unsent.map(|unsent| *unsent).or_else(|| again.filter(|_| self.budget.spend()));
            let Some(again) = again else { return Err(broken) };
            (request, failed) = (again, Some(broken));
        }
    }

    /// What an answer says of who gave it.
    fn judge<B>(&self, address: &Arc<Address>, head: &Response<B>) {
        match head.status().as_u16() {
            502..=504 => self.addresses.failed(address),
            _ => address.succeeded(),
        }
    }
}

/// Why TLS cannot be spoken with an upstream.
fn unspoken(manifest: &Manifest, upstream: &UpstreamManifest, error: &ClientError) -> Problem {
    let (key, title, help) = match error {
        ClientError::File(defect) => {
            let title = format!("the file of authorities `{}` {}", defect.file.display(), defect.reason);
            ("ca", title, defect.help.clone())
        }
        ClientError::NoAuthorities => {
            let help = "name a file in PEM with the authorities that vouch for it by `ca`";
            ("url", "the system has no certificates to trust".to_owned(), help.to_owned())
        }
        ClientError::Unusable(error) => {
            let title = format!("TLS cannot be spoken with the upstream: {error}");
            ("url", title, "write certificates in PEM into the file that `ca` names".to_owned())
        }
    };
    manifest.upstream_problem(&upstream.name, key, title, help)
}
