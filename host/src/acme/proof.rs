//! What an authority is shown to see that a name is this host's.

use std::sync::Arc;

use instant_acme::{AuthorizedIdentifier, ChallengeHandle, ChallengeType, Identifier};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::{
    crypto::ring::sign::any_supported_type,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    sign::CertifiedKey,
};

use super::failure::Failure;
use crate::tls::{Proof, Proofs};

/// Show what the authority is going to look for.
pub fn show(challenge: &ChallengeHandle<'_>, proofs: &Arc<Proofs>) -> Result<Proof, Failure> {
    let asked = challenge.key_authorization();
    if challenge.r#type == ChallengeType::Http01 {
        return Ok(proofs.show_answer(challenge.token.clone(), asked.as_str().to_owned()));
    }
    let host = name(challenge.identifier());
    let shown = certificate(&host, asked.digest().as_ref())?;
    Ok(proofs.show_certificate(host, shown))
}

/// The name that is in question.
pub fn name(of: &AuthorizedIdentifier<'_>) -> String {
    match of.identifier {
        Identifier::Dns(name) => name.to_ascii_lowercase(),
        _ => of.to_string(),
    }
}

/// A certificate that nobody believes, with the digest in it.
fn certificate(host: &str, digest: &[u8]) -> Result<CertifiedKey, Failure> {
    let mut parameters = CertificateParams::new([host.to_owned()])?;
    parameters.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate()?;
    let certificate = parameters.self_signed(&key)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    Ok(CertifiedKey::new(vec![certificate.der().clone()], any_supported_type(&key)?))
}
