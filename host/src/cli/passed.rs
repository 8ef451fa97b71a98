//! For whom the sockets are that were passed to this process.

use std::net::TcpListener;

use anyhow::{Result, bail};

use super::listening::at_home;
use crate::{
    manifest::Manifest,
    systemd::{self, Passed},
};

/// Sockets that are bound already, each for who listens on it. Who has one binds none of its own.
#[derive(Debug, Default)]
pub struct Sockets {
    /// The gateway's.
    pub gateway: Vec<TcpListener>,
    /// Those from which plain HTTP is sent on to it.
    pub redirect: Vec<TcpListener>,
    /// The admin API's.
    pub admin: Vec<TcpListener>,
}

impl Sockets {
    /// Those that were passed to this process. It has them once: this is asked at the start.
    pub fn of(manifest: &Manifest) -> Result<Sockets> {
        Sockets::sort(manifest, systemd::passed()?)
    }

    /// One that is called `gateway`, `redirect` or `admin` is for these. Any other is for that
    /// of the last two which the manifest gives its port, or else for the gateway.
    fn sort(manifest: &Manifest, passed: Vec<Passed>) -> Result<Sockets> {
        let mut sockets = Sockets::default();
        for Passed { name, socket, address } in passed {
            let redirect = manifest.gateway.redirect.as_ref();
            let is_at = |port: u16| port == address.port();
            let duty = match &*name {
                "gateway" | "redirect" | "admin" => &*name,
                _ if redirect.is_some_and(|redirect| is_at(redirect.port())) => "redirect",
                _ if is_at(manifest.admin.listen.port()) => "admin",
                _ => "gateway",
            };
            match duty {
                "redirect" if redirect.is_none() => bail!(
                    "a socket was passed for `redirect`, at {address}, and the manifest has none; write `redirect = \
                     \"{address}\"` in `[gateway]`, which needs `tls`"
                ),
                "redirect" => sockets.redirect.push(socket),
                "admin" => match at_home(manifest, vec![address]) {
                    Ok(_) => sockets.admin.push(socket),
                    Err(invalid) => {
                        bail!(
                            "the socket that was passed for the admin API, at {address}, {}; {}",
                            invalid.reason,
                            invalid.help
                        )
                    }
                },
                _ => sockets.gateway.push(socket),
            }
        }
        Ok(sockets)
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use std::path::Path;

    use super::*;

    fn manifest(redirect: &str, admin: &str) -> Manifest {
        let text = format!(
            "[app]\nname = \"a\"\n[gateway]\ntls = {{ certificate = \"a.pem\", key = \"a.key\" }}\n{redirect}\n[admin]\n\
             listen = \"127.0.0.1:{admin}\"\n[service.a]\ncomponent = \"a.wasm\"\n"
        );
        Manifest::parse(Path::new("dovetail.toml"), &text).expect("a manifest")
    }

    fn passed(name: &str, at: &str) -> Passed {
        let socket = TcpListener::bind((at, 0)).expect("a free port");
        let address = socket.local_addr().expect("it is bound");
        Passed { name: name.into(), socket, address }
    }

    #[test]
    fn a_name_says_for_whom_a_socket_is_and_else_its_port() {
        let ports = |sockets: &[TcpListener]| {
            sockets.iter().map(|it| it.local_addr().expect("it is bound").port()).collect::<Vec<_>>()
        };
        let all = ["admin", "redirect", "gateway", "dovetail.socket", "", "unknown", "unknown"];
        let all = all.map(|name| passed(name, "127.0.0.1"));
        let [admin, redirect, gateway, unit, unnamed, at_redirect, at_admin] =
            all.each_ref().map(|it| it.address.port());
        let manifest = manifest(&format!("redirect = \"127.0.0.1:{at_redirect}\""), &at_admin.to_string());
        let sockets = Sockets::sort(&manifest, all.into()).expect("each is for somebody");
        assert_eq!(ports(&sockets.gateway), [gateway, unit, unnamed]);
        assert_eq!(ports(&sockets.redirect), [redirect, at_redirect]);
        assert_eq!(ports(&sockets.admin), [admin, at_admin]);
    }

    #[test]
    fn what_nobody_may_have_is_refused() {
        let manifest = manifest("", "9090");
        for (name, at, reason) in
            [("redirect", "127.0.0.1", "the manifest has none"), ("admin", "0.0.0.0", "is no loopback address")]
        {
            let refused = Sockets::sort(&manifest, vec![passed(name, at)]).expect_err("nobody may have it").to_string();
            assert!(refused.contains(reason), "{refused}");
        }
    }
}
