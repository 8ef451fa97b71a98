//! Whom a gateway believes what they say of others.

use crate::manifest::Manifest;

/// Warn of a manifest by which anybody may say whose a request is.
pub fn warn(manifest: &Manifest) {
    for network in manifest.gateway.trusted.iter().filter(|network| network.prefix_len() == 0) {
        tracing::warn!("`gateway.trusted` has {network}: whoever reaches the gateway may say whose a request is");
    }
    if manifest.gateway.proxy_protocol && manifest.gateway.trusted.is_empty() {
        tracing::warn!(
            "`gateway.proxy_protocol` has everybody say whose a connection is; name the proxies in `gateway.trusted`"
        );
    }
}
