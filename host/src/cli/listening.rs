//! Where a host listens: found out before anything is built or opened.

use std::net::SocketAddr;

use anyhow::{Result, anyhow, bail};
use clap::Args;

use super::passed::Sockets;
use crate::manifest::{self, Invalid, ListenAddress, Manifest, Problem, Report};

/// Where to listen instead of where the manifest says.
#[derive(Args, Default)]
pub struct Listening {
    /// Listen here instead of at gateway.listen; port 0 picks a free one. May be given
    /// several times.
    #[arg(long, value_name = "HOST:PORT", value_parser = manifest::listen_address)]
    listen: Vec<ListenAddress>,
    /// Serve the admin API here instead of at admin.listen.
    #[arg(long, value_name = "HOST:PORT", value_parser = manifest::any_admin_address)]
    admin: Option<ListenAddress>,
}

/// What is to be bound.
pub struct Addresses {
    /// Of the gateway, for each name of it.
    pub gateway: Vec<Vec<SocketAddr>>,
    /// From where plain HTTP is sent on to it; none if it is not.
    pub redirect: Vec<SocketAddr>,
    /// Of the admin API: of loopback, unless it asks who it is.
    pub admin: Vec<SocketAddr>,
    /// What is bound already, which goes before the addresses.
    pub passed: Sockets,
}

impl Listening {
    /// A manifest with these addresses in place of its own.
    pub fn apply(&self, mut manifest: Manifest) -> Result<Manifest> {
        if let Some(address) = &self.admin {
            let refused = |invalid| refused("--admin", address, &invalid);
            manifest::refuse_others(address, manifest.admin.asks()).map_err(refused)?;
            manifest.admin.listen.clone_from(address);
        }
        if !self.listen.is_empty() {
            manifest.gateway.listen.clone_from(&self.listen);
        }
        self.check(&manifest)?;
        Ok(manifest)
    }

    /// Refuse what cannot be had beside each other. What the manifest says was checked.
    fn check(&self, manifest: &Manifest) -> Result<()> {
        if self.listen.is_empty() && self.admin.is_none() {
            return Ok(());
        }
        let admin = &manifest.admin.listen;
        if let Some(redirect) = &manifest.gateway.redirect
            && let Some(other) = manifest.gateway.listen.iter().chain([admin]).find(|other| other.clashes(redirect))
        {
            bail!(
                "nobody else can listen on {other} where `gateway.redirect` is {redirect}; choose another address with \
                 --listen or --admin"
            );
        }
        for (place, gateway) in manifest.gateway.listen.iter().enumerate() {
            if gateway.clashes(admin) {
                bail!(
                    "the gateway cannot listen on {gateway} where the admin API listens on {admin}; give one of them \
                     another port with --listen or --admin"
                );
            }
            if let Some(other) = manifest.gateway.listen[..place].iter().find(|other| other.clashes(gateway)) {
                bail!("the gateway cannot listen on {gateway} and on {other} as well; leave one --listen out");
            }
        }
        Ok(())
    }

    /// The addresses of a manifest to which they were [applied](Self::apply). It may wait
    /// for DNS, where one of them is a name.
    pub fn resolve(&self, manifest: &Manifest) -> Result<Addresses> {
        let passed = Sockets::of(manifest)?;
        self.refuse_beside(&passed)?;
        let mut problems = Vec::new();
        let mut gateway = Vec::new();
        for address in &manifest.gateway.listen {
            let found = address.resolve().map_err(|error| unknown(&error));
            gateway.push(self.take(manifest, "gateway", address, found, &mut problems)?);
        }
        let redirect = manifest.gateway.redirect.as_ref().map_or(Ok(Vec::new()), ListenAddress::resolve);
        let redirect = redirect.unwrap_or_else(|error| {
            let Invalid { reason, help } = unknown(&error);
            problems.push(manifest.table_problem("gateway", "redirect", format!("`gateway.redirect` {reason}"), help));
            Vec::new()
        });
        let admin = manifest.admin.listen.resolve().map_err(|error| unknown(&error));
        let admin = admin.and_then(|found| at_home(manifest, found));
        let admin = self.take(manifest, "admin", &manifest.admin.listen, admin, &mut problems)?;
        Report::new(problems).into_result()?;
        Ok(Addresses { gateway, redirect, admin, passed })
    }

    /// Somebody would wait for ever at a socket that was passed for who listens elsewhere.
    fn refuse_beside(&self, passed: &Sockets) -> Result<()> {
        for (who, option, given, sockets) in [
            ("the gateway", "--listen", !self.listen.is_empty(), &passed.gateway),
            ("the admin API", "--admin", self.admin.is_some(), &passed.admin),
        ] {
            if given && !sockets.is_empty() {
                bail!("a socket was passed for {who}, which cannot listen elsewhere as well; leave {option} out");
            }
        }
        Ok(())
    }

    /// The addresses; what is wrong with the manifest's is told with other problems of it.
    fn take(
        &self,
        manifest: &Manifest,
        table: &str,
        address: &ListenAddress,
        found: Result<Vec<SocketAddr>, Invalid>,
        problems: &mut Vec<Problem>,
    ) -> Result<Vec<SocketAddr>> {
        let (option, given) = match table {
            "gateway" => ("--listen", !self.listen.is_empty()),
            _ => ("--admin", self.admin.is_some()),
        };
        match found {
            Ok(found) => Ok(found),
            Err(invalid) if given => Err(refused(option, address, &invalid)),
            Err(invalid) => {
                let title = match table {
                    "gateway" if manifest.gateway.listen.len() > 1 => {
                        format!("\"{address}\" in `{table}.listen` {}", invalid.reason)
                    }
                    _ => format!("`{table}.listen` {}", invalid.reason),
                };
                problems.push(manifest.table_problem(table, "listen", title, invalid.help));
                Ok(Vec::new())
            }
        }
    }
}

/// Addresses as people read them.
pub fn listed(addresses: &[ListenAddress]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

fn refused(option: &str, address: &ListenAddress, invalid: &Invalid) -> anyhow::Error {
    anyhow!("{option}: {address} {}; {}", invalid.reason, invalid.help)
}

/// Nobody knows the name.
fn unknown(error: &std::io::Error) -> Invalid {
    Invalid {
        reason: format!("is a name that stands for no address: {error}"),
        help: "write an address of this machine, as in \"127.0.0.1:8080\", or add the name to /etc/hosts".to_owned(),
    }
}

/// The admin API's addresses, if nobody reaches them who may not.
pub fn at_home(manifest: &Manifest, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Invalid> {
    let elsewhere = found.iter().map(SocketAddr::ip).find(|ip| !ip.to_canonical().is_loopback());
    match elsewhere {
        Some(ip) if !manifest.admin.asks() => Err(manifest::is_for_others(&manifest.admin.listen, Some(ip))),
        _ => Ok(found),
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_name_of_the_admin_api_leads_to_loopback_alone_unless_it_asks_for_a_token() {
        let manifest = |token: &str| {
            let text = format!(
                "[app]\nname = \"a\"\n[admin]\nlisten = \"myhost:9090\"\n{token}[service.a]\ncomponent = \"a.wasm\"\n"
            );
            Manifest::parse(Path::new("dovetail.toml"), &text).expect("a manifest")
        };
        let addresses =
            |texts: [&str; 2]| texts.map(|text| SocketAddr::new(text.parse().expect("an address"), 9090)).to_vec();
        let (own, others) = (addresses(["127.0.1.1", "::1"]), addresses(["127.0.1.1", "10.0.0.1"]));
        assert_eq!(at_home(&manifest(""), own.clone()), Ok(own));
        let refused = at_home(&manifest(""), others.clone()).expect_err("others reach it").to_string();
        assert!(refused.starts_with("stands for 10.0.0.1, which is no loopback address"), "{refused}");
        assert!(at_home(&manifest("token_file = \"t\"\n"), others).is_ok());
    }
}
