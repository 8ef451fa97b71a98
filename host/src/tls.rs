//! TLS: the certificates that this host shows, whom it believes, and what it does when
//! their files change.
//!
//! What is read is checked before it is used, and files are read again when they change: a
//! pair that is no good leaves the one before it in use (`renewal`). A connection keeps
//! what it began with. No message quotes what is in a file. Connections themselves, and how
//! long a client may take to begin one, are the `listener`'s.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;

pub use self::{
    client::{ClientError, client},
    defect::{Defect, Part},
    pair::{About, about},
    proofs::{Proof, Proofs},
};
use self::{
    shown::Shown,
    source::{Authorities, Pair},
};
use crate::{
    manifest::TlsFiles,
    renewal::{Kept, Renewal},
};

mod authorities;
mod by_name;
mod client;
mod defect;
mod pair;
mod pem;
mod proofs;
pub mod server;
mod shown;
mod source;

/// What a listener shows to its clients, as its files have it now.
pub struct Tls {
    config: ArcSwap<ServerConfig>,
    /// What is shown to authorities, if any are asked for certificates.
    proofs: Option<Arc<Proofs>>,
}

/// What the configuration is made of.
struct Parts {
    /// At least one; the first is for who asks for no name that is known.
    pairs: Vec<Kept<Pair>>,
    /// Who vouches for clients, where these need a certificate.
    clients: Option<Kept<Authorities>>,
    proofs: Option<Arc<Proofs>>,
}

impl Tls {
    /// Read these files, and have what reads them again; or all that is wrong with them.
    pub fn open(files: &TlsFiles) -> Result<(Arc<Tls>, Renewal), Vec<Defect>> {
        let parts = Parts::open(files)?;
        let config = parts.config().map_err(|source| vec![parts.unusable(&source)])?;
        let tls = Arc::new(Tls { config: ArcSwap::from_pointee(config), proofs: parts.proofs.clone() });
        let renewal = Renewal::of(Shown::new(&tls, parts));
        Ok((tls, renewal))
    }

    /// What a connection that begins now is to use.
    pub fn config(&self) -> Arc<ServerConfig> {
        self.config.load_full()
    }

    /// Where that is put which authorities ask for, if any are asked for certificates.
    pub fn proofs(&self) -> Option<Arc<Proofs>> {
        self.proofs.clone()
    }
}

impl Parts {
    fn open(files: &TlsFiles) -> Result<Parts, Vec<Defect>> {
        let (mut pairs, mut defects) = (Vec::new(), Vec::new());
        for (number, files) in files.pairs.iter().enumerate() {
            match Kept::open(Pair { number, files: files.clone() }) {
                Ok(pair) => pairs.push(pair),
                Err(defect) => defects.push(defect),
            }
        }
        let clients = files.clients.clone().map(|file| Kept::open(Authorities { file })).transpose();
        match clients {
            Ok(clients) if defects.is_empty() => {
                let proofs = files.pairs.iter().any(|pair| pair.acme.is_some()).then(Arc::default);
                Ok(Parts { pairs, clients, proofs })
            }
            clients => {
                defects.extend(clients.err());
                Err(defects)
            }
        }
    }

    /// A configuration of what was read last.
    fn config(&self) -> Result<ServerConfig, rustls::Error> {
        let pairs: Vec<_> = self.pairs.iter().filter_map(|pair| (*pair.now()).clone()).collect();
        server::config(&pairs, self.clients.as_ref().map(Kept::now), self.proofs.clone())
    }

    /// What no file is to blame for alone.
    fn unusable(&self, error: &rustls::Error) -> Defect {
        let file = self.pairs.first().map(|pair| pair.source().files.certificate.clone()).unwrap_or_default();
        let help = "write a certificate and its key in PEM";
        Defect { file, part: Part::Certificate(0), reason: format!("cannot be used: {error}"), help: help.into() }
    }
}
