//! Which certificate a client is shown: by the name that it asks for.

use std::{collections::HashMap, fmt, sync::Arc};

use rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::pair;

/// The pairs of a listener by the names in their certificates.
pub struct ByName {
    /// For who asks for no name, or for one that is not known.
    first: Arc<CertifiedKey>,
    /// Where several are for one name, the first of them.
    named: HashMap<String, Arc<CertifiedKey>>,
}

impl ByName {
    /// These pairs, if there are any.
    pub fn of(pairs: &[Arc<CertifiedKey>]) -> Option<ByName> {
        let mut named = HashMap::new();
        for pair in pairs {
            for name in pair.end_entity_cert().map(|own| pair::names(own)).unwrap_or_default() {
                named.entry(name).or_insert_with(|| pair.clone());
            }
        }
        Some(ByName { first: pairs.first()?.clone(), named })
    }

    /// That of a name in lower case. `*` stands for its first part, and no more.
    fn find(&self, name: &str) -> &Arc<CertifiedKey> {
        let wild = || self.named.get(&format!("*.{}", name.split_once('.')?.1));
        self.named.get(name).or_else(wild).unwrap_or(&self.first)
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(hello.server_name().map_or(&self.first, |name| self.find(name)).clone())
    }
}

impl fmt::Debug for ByName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.named.keys()).finish()
    }
}
