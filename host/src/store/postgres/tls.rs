//! How the server's certificate is looked at: `sslmode`, with libpq's meanings.

use std::io;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::manifest::{PostgresUrl, TlsMode};
use crate::store::trusted::roots;

/// What the driver is told of TLS.
pub fn ssl_mode(mode: TlsMode) -> SslMode {
    match mode {
        TlsMode::Disable => SslMode::Disable,
        TlsMode::Prefer => SslMode::Prefer,
        TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => SslMode::Require,
    }
}

/// What makes TLS of a connection to the server.
pub fn connector(url: &PostgresUrl) -> io::Result<MakeRustlsConnect> {
    let provider = Arc::new(ring::default_provider());
    let invalid = |error: Error| io::Error::new(io::ErrorKind::InvalidInput, error);
    let builder = ClientConfig::builder_with_provider(provider.clone());
    let builder = builder.with_safe_default_protocol_versions().map_err(invalid)?;
    let verifier = Verifier::new(url, provider)?;
    let config = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    Ok(MakeRustlsConnect::new(config.with_no_client_auth()))
}

/// Asks as much of a server as the mode says, which may be less than HTTPS would.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    /// None if any server will do.
    chain: Option<Arc<WebPkiServerVerifier>>,
    /// Whether the name has to be right, too.
    name: bool,
}

impl Verifier {
    fn new(url: &PostgresUrl, provider: Arc<CryptoProvider>) -> io::Result<Verifier> {
        let chain = match url.tls.verifies() {
            true => {
                let roots = Arc::new(roots(url.root.as_deref())?);
                let chain = WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build();
                Some(chain.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?)
            }
            false => None,
        };
        Ok(Verifier { provider, chain, name: url.tls == TlsMode::VerifyFull })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        match chain.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            // The name is looked at last.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.name => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
