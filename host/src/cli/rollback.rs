//! `dovetail rollback`: take the revision before the live one, or the canary back.

use std::path::Path;

use anyhow::Result;
use bytes::Bytes;
use clap::Args;
use http::Method;

use super::{client::Target, service, swapped, terminal::Terminal};

/// Withdraw a service's canary, or make the revision before the live one live again.
#[derive(Args)]
pub struct Rollback {
    /// The service.
    #[arg(value_parser = service)]
    service: String,
    #[command(flatten)]
    target: Target,
}

impl Rollback {
    /// Have it done, show each step, and wait until calls have left the revision
    /// that is replaced.
    pub fn run(self, manifest: &Path) -> Result<()> {
        let (service, terminal) = (&self.service, Terminal::new());
        let client = self.target.client(manifest)?;
        let spinner = terminal.spin("Restoring", service);
        let answer = client.act(Method::POST, &format!("/v1/services/{service}/rollback"), Bytes::new());
        drop(spinner);
        swapped::show(&client, &answer?, service, &terminal).map(drop)
    }
}
