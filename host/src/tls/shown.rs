//! What a listener shows, and the files that it is made of.

use std::sync::{Arc, Weak};

use super::{Parts, Tls};
use crate::renewal::{Files, Kept};

/// Has a listener show what its files have now.
pub struct Shown {
    tls: Weak<Tls>,
    parts: Parts,
}

impl Shown {
    pub(super) fn new(tls: &Arc<Tls>, parts: Parts) -> Shown {
        Shown { tls: Arc::downgrade(tls), parts }
    }
}

impl Files for Shown {
    fn look(&mut self) -> bool {
        let Some(tls) = self.tls.upgrade() else { return false };
        let pairs = self.parts.pairs.iter_mut().filter_map(|pair| pair.look().then_some(())).count();
        let clients = self.parts.clients.as_mut().is_some_and(Kept::look);
        if pairs > 0 || clients {
            match self.parts.config() {
                Ok(config) => tls.config.store(Arc::new(config)),
                Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "what changed cannot be used"),
            }
        }
        true
    }
}
