//! What the gateway costs: TLS, tokens, an authorizer and a rate, each beside the same app
//! without it; and the way to a native upstream, beside nginx and haproxy on the same way.

use std::time::Duration;

use anyhow::{Result, ensure};

use self::{
    apps::Policies,
    figures::Figures,
    proxies::{Installed, Proxied},
};
use crate::{
    components, host,
    manner::{Manner, Outcome},
    round::Rounds,
    setting::Setting,
};

mod apps;
mod figures;
mod proxies;
mod token;

/// As `--quick` has them, and as they are measured in whole.
const QUICK: Rounds = Rounds { count: 3, each: Duration::from_millis(1500) };
const WHOLE: Rounds = Rounds { count: 7, each: Duration::from_secs(4) };

const CONNECTIONS: usize = 32;

/// Measure, and print what came of it.
pub async fn measure(manner: &Manner) -> Result<()> {
    host::build()?;
    components::build()?;
    let rounds = manner.of(QUICK, WHOLE);
    let installed = Installed::find();
    let setting = Setting::look(installed.versions());
    setting.print();

    let policies = Policies::measure(rounds).await?;
    let proxied = Proxied::measure(rounds, &installed).await?;
    let missing = installed.missing();
    for name in &missing {
        println!("\nleft out: {name} is not installed: apt-get install {name}");
    }
    let figures = Figures { policies, proxied };
    manner.conclude(&setting, Outcome { figures: figures.json(), targets: figures.targets() })?;
    ensure!(missing.is_empty() || !manner.check, "not all was checked: {} is not installed", missing.join(", "));
    Ok(())
}
