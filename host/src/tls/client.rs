//! How this host, or a verb of it, speaks TLS to others whom it asks.

use std::{path::Path, sync::Arc};

use rustls::{ClientConfig, RootCertStore, crypto::ring};

use super::{authorities, defect::Defect, pair};
use crate::manifest::TlsPair;

/// Why no server can be asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] Defect),
    /// Nobody is believed.
    #[error("the system has no certificates to trust; name who vouches for the host with --ca FILE")]
    NoAuthorities,
    /// What was read does not do.
    #[error("the files of TLS cannot be used")]
    Unusable(#[from] rustls::Error),
}

/// Believe those servers which the authorities in this file vouch for, or those that the system
/// trusts; and show this pair to who asks for it.
pub fn client(authorities: Option<&Path>, pair: Option<&TlsPair>) -> Result<ClientConfig, ClientError> {
    let roots = match authorities {
        Some(file) => authorities::read(file)?,
        None => of_system()?,
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions()?.with_root_certificates(roots);
    let mut config = match pair {
        None => builder.with_no_client_auth(),
        Some(files) => {
            let pair = Arc::new(pair::read(files, 0)?);
            builder.with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(pair)))
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn of_system() -> Result<RootCertStore, ClientError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(ClientError::NoAuthorities) } else { Ok(roots) }
}
