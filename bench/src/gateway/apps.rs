//! The shop in memory, once as it is and once with each policy alone.

use std::{fs, process::Command};

use anyhow::{Context, Result, ensure};

use super::{CONNECTIONS, token::Issuer};
use crate::{
    check, components,
    host::{self, App, Host},
    load::{Path, Shot},
    report::median,
    round::{Rounds, Series, Server},
    wire::Tls,
};

const WHAT: &str = "GET /users/1";

/// The places of those who take turns.
pub const PLAIN: usize = 0;
pub const TLS: usize = 1;
pub const TOKEN: usize = 2;
pub const AUTHORIZER: usize = 3;
pub const RATE: usize = 4;

/// Where the shop's manifest has what is said of its gateway.
const GATEWAY: &str = "[gateway]\n";

/// What came of it.
pub struct Policies(pub Series);

impl Policies {
    /// Measure all in turns.
    pub async fn measure(rounds: Rounds) -> Result<Policies> {
        let tls: &Tls = Box::leak(Box::new(Tls::new()?));
        let issuer = Issuer::new()?;
        // What is sent is known as long as the process.
        let bearer: &str = format!("authorization: Bearer {}\r\n", issuer.token()?).leak();
        let apps = [
            ("plain", plain()?, Shot::get(Path::Same("/users/1"))),
            ("TLS", with_tls()?, Shot { tls: Some(tls), ..Shot::get(Path::Same("/users/1")) }),
            ("token", with_token(&issuer)?, Shot { fields: bearer, ..Shot::get(Path::Same("/users/1")) }),
            ("authorizer", with_authorizer()?, Shot::get(Path::Same("/users/1"))),
            ("rate", with_rate()?, Shot::get(Path::Same("/users/1"))),
        ];
        check::same(&[apps[PLAIN].1.gateway, apps[RATE].1.gateway], &check::SHOP).await?;
        let servers = apps.iter().map(|(name, host, shot)| Server {
            name,
            gateway: host.gateway,
            pids: vec![host.pid()],
            shot: *shot,
        });
        let series = rounds.measure(WHAT, CONNECTIONS, &servers.collect::<Vec<_>>()).await?;
        Ok(Policies(series))
    }

    /// What a policy takes of the processors for a request beside none, in microseconds: the
    /// median of differences within rounds.
    pub fn more(&self, policy: usize) -> f64 {
        let cpu = |server: usize| self.0.turns[server].1.iter().map(|turn| turn.cpu);
        median(&cpu(policy).zip(cpu(PLAIN)).map(|(with, without)| with - without).collect::<Vec<_>>())
    }
}

fn plain() -> Result<Host> {
    Host::up("memory:")
}

fn with_tls() -> Result<Host> {
    let app = App::new(&said("tls = { certificate = \"shop.pem\", key = \"shop.key\" }")?)?;
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]);
    openssl.args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]);
    openssl.args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", "shop.key", "-out", "shop.pem"]);
    let output = openssl.current_dir(app.path()).output().context("openssl could not be started")?;
    ensure!(output.status.success(), "openssl failed: {}", String::from_utf8_lossy(&output.stderr));
    app.up("memory:")
}

fn with_token(issuer: &Issuer) -> Result<Host> {
    let more = "[auth.login]\nissuer = \"bench\"\naudience = \"shop\"\nkey = \"issuer.pem\"\n";
    let app = App::new(&format!("{}\n{more}", said("http.auth = \"login\"")?))?;
    fs::write(app.path().join("issuer.pem"), issuer.public_key())?;
    app.up("memory:")
}

fn with_authorizer() -> Result<Host> {
    let more = format!("[service.policy]\ncomponent = {:?}\n", components::file("authorizer"));
    App::new(&format!("{}\n{more}", said("http.authorize = \"policy\"")?))?.up("memory:")
}

/// A rate that nobody meets.
fn with_rate() -> Result<Host> {
    let more = "[rate.all]\nlimit = \"1000000/s\"\nper = \"address\"\n";
    App::new(&format!("{}\n{more}", said("http.rate = \"all\"")?))?.up("memory:")
}

/// The shop's manifest with this line for its gateway.
fn said(line: &str) -> Result<String> {
    let manifest = host::shop()?;
    ensure!(manifest.contains(GATEWAY), "the shop's manifest says nothing of the gateway");
    Ok(manifest.replacen(GATEWAY, &format!("{GATEWAY}{line}\n"), 1))
}
