//! `dovetail check`: all that `up` does before it serves.

use std::{path::Path, sync::Arc};

use anyhow::Result;
use clap::Args;

use super::{
    pinned::{self, Pinning},
    plan, recorded,
    state::{self, State},
    stdout::print,
    terminal::Terminal,
    up,
};
use crate::{admin::Token, engine::CodeCache, gateway::Gateway, manifest::StoreUrl, store};

/// Build and check everything that `up` would, without serving.
#[derive(Args)]
pub struct Check {
    #[command(flatten)]
    pinning: Pinning,
    #[command(flatten)]
    state: State,
}

impl Check {
    /// Build, compile and link, make an instance of each service, and look whether
    /// the store could be opened. A check changes no data, though a host may use it
    /// meanwhile: the instances have a store of their own.
    pub fn run(self, manifest: &Path) -> Result<()> {
        let terminal = Terminal::new();
        let manifest = self.state.manifest(manifest)?;
        Token::of(&manifest)?;
        pinned::have(&manifest, self.pinning, &terminal)?;
        let history = Arc::new(state::peek(&manifest)?);
        let plan = plan(manifest, &history, Arc::new(CodeCache::none()), &terminal)?;
        recorded::lines(&plan, &history).iter().for_each(|line| terminal.say("Live", line));
        let url = up::store_url(plan.manifest(), None)?;
        up::runtime()?.block_on(async {
            store::inspect(&url).await?;
            let app = Arc::new(plan.start(store::open(&StoreUrl::Memory).await?, history).await?);
            Gateway::new(&app)?;
            let (services, links) = (count(app.services.len(), "service"), count(app.links().len(), "link"));
            print(format!("{} is ready to serve: {services}, {links}", app.name()).as_bytes())?;
            app.close().await
        })
    }
}

/// A number of things.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
