//! What a manifest says of the admin API.

use std::path::PathBuf;

use super::{ListenAddress, TlsFiles};

/// The `[admin]` table.
#[derive(Debug, Clone)]
pub struct AdminManifest {
    /// Where it listens: a loopback address, or a name, unless it [asks](Self::asks) who its
    /// clients are.
    pub listen: ListenAddress,
    /// What it shows to its clients, if it speaks TLS.
    pub tls: Option<TlsFiles>,
    /// The file of the token that it asks for, joined to the manifest's folder.
    pub token_file: Option<PathBuf>,
}

impl AdminManifest {
    /// Whether it asks its clients for a token or for a certificate.
    pub fn asks(&self) -> bool {
        self.token_file.is_some() || self.asks_for_certificates()
    }

    /// Whether every client needs a certificate.
    pub fn asks_for_certificates(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.clients.is_some())
    }
}
