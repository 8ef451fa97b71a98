//! What it takes to be let in by a broker, read anew for each connection: files may change.

#[cfg(any(feature = "nats", feature = "amqp"))]
use std::io;

#[cfg(any(feature = "nats", feature = "amqp"))]
use rustls::ClientConfig;

use super::BrokerError;
use crate::manifest::Transport;
use crate::store::read_secret;
#[cfg(any(feature = "nats", feature = "amqp"))]
use crate::store::trusted_roots;

/// The password, if the URL names a file for one. Without a user it is a token, where the
/// protocol has those.
pub fn password(transport: &Transport) -> Result<Option<String>, BrokerError> {
    let Some(path) = &transport.server.passfile else { return Ok(None) };
    let text = read_secret(path).map_err(|error| BrokerError::new(transport, "be logged in to", error))?;
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// How the server is spoken to by TLS; none without.
#[cfg(any(feature = "nats", feature = "amqp"))]
pub fn tls(transport: &Transport) -> Result<Option<ClientConfig>, BrokerError> {
    if !transport.server.tls {
        return Ok(None);
    }
    let unusable = |error: io::Error| BrokerError::new(transport, "be reached by TLS", error);
    let roots = trusted_roots(transport.server.root.as_deref()).map_err(unusable)?;
    let provider = rustls::crypto::ring::default_provider().into();
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| unusable(io::Error::other(error)))?;
    Ok(Some(config.with_root_certificates(roots).with_no_client_auth()))
}
