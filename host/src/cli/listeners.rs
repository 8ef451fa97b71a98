//! Who listens in a host, and where.

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use anyhow::{Context, Result};

use super::{
    certificates::Certificates,
    listening::{Addresses, listed},
};
use crate::{
    listener::{self, Listener},
    manifest::{ListenAddress, Manifest},
};

/// How many connections the admin API may have.
const ADMIN_CONNECTIONS: usize = 32;

/// Those that wait for connections.
pub struct Listeners {
    /// The gateway's.
    pub gateway: Listener,
    /// Of who sends plain HTTP on to it, if anybody does.
    pub redirect: Option<Listener>,
    /// That of the admin API.
    pub admin: Listener,
}

impl Listeners {
    /// Bind the addresses of a manifest.
    pub async fn bind(manifest: &Manifest, addresses: &Addresses, tls: &Certificates) -> Result<Listeners> {
        let most = listener::capacity();
        let passed = &addresses.passed;
        let gateway = bind(&addresses.gateway, &passed.gateway, most).await;
        let gateway = gateway.with_context(|| {
            let there = listed(&manifest.gateway.listen);
            format!("the gateway cannot listen on {there}; choose another address with --listen")
        })?;
        let proxied = |listener: Listener| match manifest.gateway.proxy_protocol {
            true => listener.proxied(manifest.gateway.trusted.clone()),
            false => listener,
        };
        let gateway = proxied(gateway).over(tls.gateway.clone());
        let redirect = match &manifest.gateway.redirect {
            Some(address) => Some(proxied(redirect(address, &addresses.redirect, &passed.redirect, most).await?)),
            None => None,
        };
        let admin = bind(std::slice::from_ref(&addresses.admin), &passed.admin, ADMIN_CONNECTIONS).await;
        let admin = admin.with_context(|| {
            let there = &manifest.admin.listen;
            format!("the admin API cannot listen on {there}; choose another address with --admin")
        })?;
        Ok(Listeners { gateway, redirect, admin: admin.over(tls.admin.clone()) })
    }

    /// The gateway's URLs.
    pub fn gateway(&self) -> Result<String> {
        urls(&self.gateway)
    }

    /// Those from which it is led to.
    pub fn redirect(&self) -> Result<Option<String>> {
        self.redirect.as_ref().map(urls).transpose()
    }

    /// The admin API's.
    pub fn admin(&self) -> Result<String> {
        urls(&self.admin)
    }
}

/// Listen on what was passed, or else at these addresses.
async fn bind(addresses: &[Vec<SocketAddr>], passed: &[TcpListener], most: usize) -> io::Result<Listener> {
    if passed.is_empty() { Listener::bind(addresses, most).await } else { Listener::on(passed, most) }
}

/// Connections that ask once need few places, beside those of the gateway.
async fn redirect(
    address: &ListenAddress,
    addresses: &[SocketAddr],
    passed: &[TcpListener],
    most: usize,
) -> Result<Listener> {
    let bound = bind(&[addresses.to_vec()], passed, (most / 16).max(1)).await;
    bound.with_context(|| format!("plain HTTP cannot be sent on from {address}; choose another `gateway.redirect`"))
}

/// A name may stand for several addresses.
fn urls(listener: &Listener) -> Result<String> {
    let scheme = if listener.is_secure() { "https" } else { "http" };
    let urls: Vec<_> = listener.addresses()?.iter().map(|address| format!("{scheme}://{address}")).collect();
    Ok(urls.join(" and "))
}
