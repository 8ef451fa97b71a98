//! How this host speaks TLS to its clients.

use std::sync::Arc;

use rustls::{
    Error, RootCertStore, ServerConfig,
    crypto::ring,
    server::{NoServerSessionStorage, WebPkiClientVerifier},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};

use super::{by_name::ByName, proofs::Proofs};

/// What is spoken over TLS, the best first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// What an authority speaks that looks at a proof (RFC 8737), and nobody else.
pub const PROOF: &[u8] = b"acme-tls/1";

/// TLS 1.2 and 1.3 with these pairs: at least one, unless authorities may ask for `proofs`. With `clients` every client needs a
/// certificate that one of them vouches for, and shows it each time: in a session that is
/// resumed nobody would look at it again.
///
/// Others that come again need not begin from the start, but what they send before the
/// handshake is done is not read: whoever has recorded that could send it once more.
pub fn config(
    pairs: &[Arc<CertifiedKey>],
    clients: Option<Arc<RootCertStore>>,
    proofs: Option<Arc<Proofs>>,
) -> Result<ServerConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(&[&TLS13, &TLS12])?;
    let asks = clients.is_some();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(roots) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| Error::General(error.to_string()))?)
        }
    };
    let mut protocols: Vec<_> = PROTOCOLS.map(<[u8]>::to_vec).into();
    protocols.extend(proofs.is_some().then(|| PROOF.to_vec()));
    let by_name = ByName::of(pairs, proofs).ok_or(Error::NoCertificatesPresented)?;
    let mut config = builder.with_cert_resolver(Arc::new(by_name));
    config.alpn_protocols = protocols;
    if asks {
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    } else {
        config.ticketer = ring::Ticketer::new()?;
    }
    config.max_early_data_size = 0;
    Ok(config)
}
