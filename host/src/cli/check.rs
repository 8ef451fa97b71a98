//! `dovetail check`: all that `up` does before it serves.

use std::{path::Path, sync::Arc};

use anyhow::Result;

use super::{plan, terminal::Terminal, up};
use crate::{
    gateway::Gateway,
    manifest::{Manifest, StoreUrl},
    store,
};

/// Build, compile and link, make an instance of each service, and open the store
/// if there is one already: a check makes no data.
pub fn run(manifest: &Path) -> Result<()> {
    let terminal = Terminal::new();
    let plan = plan(Manifest::load(manifest)?, &terminal)?;
    let url = up::store_url(plan.manifest(), None)?;
    up::runtime()?.block_on(async {
        let store = match &url {
            StoreUrl::Sqlite(path) if path.exists() => store::open(&url).await?,
            _ => store::open(&StoreUrl::Memory).await?,
        };
        let app = Arc::new(plan.start(store).await?);
        Gateway::new(&app)?;
        let (services, links) = (count(app.services.len(), "service"), count(app.links.len(), "link"));
        println!("{} is ready to serve: {services}, {links}", app.name);
        app.close().await
    })
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
