//! Requests that are passed on to services that are no components.

mod desync;
mod moved;
mod passed;
mod several;
mod websocket;

use std::net::SocketAddr;

use tempfile::TempDir;

use crate::support::{Host, plain};

/// A host that passes everything on to a server at this address; with these keys of the
/// upstream, too.
fn before(address: SocketAddr, more: &str) -> (TempDir, Host) {
    before_all(&[address], more)
}

/// The same for several servers.
fn before_all(addresses: &[SocketAddr], more: &str) -> (TempDir, Host) {
    let urls: Vec<_> = addresses.iter().map(|address| format!("\"http://{address}\"")).collect();
    let folder = plain(&format!(
        "[store]\nurl = \"memory:\"\n[upstream.there]\nurl = [{}]\nroutes = [\"/*\"]\n{more}\n",
        urls.join(", ")
    ));
    let host = Host::up(folder.path());
    (folder, host)
}
