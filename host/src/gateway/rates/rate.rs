//! A rate of the manifest, as requests are counted by it.

use std::{net::IpAddr, sync::Arc};

use http::HeaderMap;

use super::{count::Count, key::Key, ledger::Ledger, windows::Windows};
use crate::{
    manifest::{Per, RateManifest},
    store::BucketStore,
};

/// How often something may be asked for, and how often it was.
pub struct Rate {
    manifest: RateManifest,
    ledger: Ledger,
    /// What all hosts have counted, if they count together.
    windows: Option<Arc<Windows>>,
}

/// Who asks, and for what.
pub struct Asker<'a> {
    /// The client's address.
    pub address: IpAddr,
    /// The request's head.
    pub headers: &'a HeaderMap,
    /// The route as the manifest has it.
    pub route: &'a str,
}

impl Rate {
    /// One that nobody has asked for yet.
    pub fn new(manifest: RateManifest, store: Arc<dyn BucketStore>) -> Rate {
        let windows = manifest.shared.then(|| Arc::new(Windows::new(&manifest, store)));
        Rate { ledger: Ledger::new(&manifest), windows, manifest }
    }

    /// By what it is known.
    pub fn name(&self) -> &str {
        &self.manifest.name
    }

    /// Whether it is as a manifest has it.
    pub fn is(&self, manifest: &RateManifest) -> bool {
        self.manifest == *manifest
    }

    /// What clients are told that it is.
    pub fn policy(&self) -> String {
        let limit = &self.manifest.limit;
        format!("\"{}\";q={};w={}", self.name(), limit.requests, limit.period.as_secs())
    }

    /// Count a request: here first, for what is too much for one host is too much for all. Where
    /// the store is away it is left at that.
    pub async fn count(&self, asker: &Asker<'_>) -> Count {
        let key = self.key(asker);
        let here = self.ledger.count(&key);
        let Some(windows) = self.windows.as_ref().filter(|_| !here.is_over) else { return here };
        // In a box, for few routes have it.
        let Some(count) = Box::pin(windows.count(&key)).await else { return here };
        if count.is_over {
            // The store need not be asked again before.
            self.ledger.hold(&key, count.more_in);
        }
        count
    }

    fn key<'a>(&self, asker: &Asker<'a>) -> Key<'a> {
        let field = match &self.manifest.per {
            Per::Route => return Key::Route(asker.route),
            Per::Header(name) => asker.headers.get(name),
            Per::Address => None,
        };
        field.map_or_else(|| Key::of(asker.address), |value| Key::Field(value.as_bytes()))
    }
}
