//! Which certificate a client is shown: by the name that it asks for.

use std::{collections::HashMap, fmt, sync::Arc};

use rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::{pair, proofs::Proofs, server::PROOF};

/// The pairs of a listener by the names in their certificates.
pub struct ByName {
    /// For who asks for no name, or for one that is not known. None as long as the only one is
    /// still to come: nobody can begin then.
    first: Option<Arc<CertifiedKey>>,
    /// Where several are for one name, the first of them.
    named: HashMap<String, Arc<CertifiedKey>>,
    /// For authorities, which ask for them alone.
    proofs: Option<Arc<Proofs>>,
}

impl ByName {
    /// These pairs, if there are any, or if there will be when authorities have asked for proofs.
    pub fn of(pairs: &[Arc<CertifiedKey>], proofs: Option<Arc<Proofs>>) -> Option<ByName> {
        let mut named = HashMap::new();
        for pair in pairs {
            for name in pair.end_entity_cert().map(|own| pair::names(own)).unwrap_or_default() {
                named.entry(name).or_insert_with(|| pair.clone());
            }
        }
        let first = pairs.first().cloned();
        (first.is_some() || proofs.is_some()).then_some(ByName { first, named, proofs })
    }

    /// That of a name in lower case. `*` stands for its first part, and no more.
    fn find(&self, name: &str) -> Option<&Arc<CertifiedKey>> {
        let wild = || self.named.get(&format!("*.{}", name.split_once('.')?.1));
        self.named.get(name).or_else(wild).or(self.first.as_ref())
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if let Some(proofs) = &self.proofs
            && hello.alpn().is_some_and(|mut spoken| spoken.all(|protocol| protocol == PROOF))
        {
            return proofs.certificate(hello.server_name()?);
        }
        hello.server_name().map_or(self.first.as_ref(), |name| self.find(name)).cloned()
    }
}

impl fmt::Debug for ByName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.named.keys()).finish()
    }
}
