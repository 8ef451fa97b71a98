//! `dovetail promote`: make a canary live.

use std::path::Path;

use anyhow::Result;
use bytes::Bytes;
use clap::Args;
use http::Method;

use super::{client::Target, service, swapped, terminal::Terminal};

/// Make a service's canary live.
#[derive(Args)]
pub struct Promote {
    /// The service.
    #[arg(value_parser = service)]
    service: String,
    #[command(flatten)]
    target: Target,
}

impl Promote {
    /// Have it done, show each step, and wait until calls have left the revision
    /// that is replaced.
    pub fn run(self, manifest: &Path) -> Result<()> {
        let (service, terminal) = (&self.service, Terminal::new());
        let client = self.target.client(manifest)?;
        client.meet()?;
        // Nothing is announced before it is known to be so.
        let spinner = terminal.wait("Promoting", service);
        let answer = client.act(Method::POST, &format!("/v1/services/{service}/promote"), Bytes::new());
        drop(spinner);
        swapped::show(&client, &answer?, service, &terminal).map(drop)
    }
}
