//! What a manifest says of the gateway.

use ipnet::IpNet;

use super::{ListenAddress, Policy, RouteManifest, TlsFiles};

/// The `[gateway]` table.
#[derive(Debug, Clone)]
pub struct GatewayManifest {
    /// Where it listens: at least one, and none that takes another's port.
    pub listen: Vec<ListenAddress>,
    /// What it shows to its clients, if it speaks TLS; joined to the manifest's folder, as
    /// all paths here.
    pub tls: Option<TlsFiles>,
    /// Where plain HTTP is sent on to its TLS.
    pub redirect: Option<ListenAddress>,
    /// Where the proxies are whom it believes what they say of their clients.
    pub trusted: Vec<IpNet>,
    /// Whether each connection to it begins with a header of the PROXY protocol.
    pub proxy_protocol: bool,
    /// What it does with all requests of which their routes and services say nothing else.
    pub policy: Policy,
    /// The routes that no service answers: each has content.
    pub routes: Vec<RouteManifest>,
}
