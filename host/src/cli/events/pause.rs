//! `dovetail events pause` and `resume`.

use std::path::Path;

use anyhow::Result;
use bytes::Bytes;
use clap::Args;
use http::Method;

use crate::cli::{client::Target, reader, terminal::Terminal};

/// Begin no delivery to a subscriber until resumed.
#[derive(Args)]
pub struct Pause {
    #[command(flatten)]
    to: To,
}

/// Go on with deliveries to a subscriber.
#[derive(Args)]
pub struct Resume {
    #[command(flatten)]
    to: To,
}

#[derive(Args)]
struct To {
    /// The service that is delivered events.
    #[arg(value_parser = reader)]
    subscriber: String,
    #[command(flatten)]
    target: Target,
}

impl Pause {
    /// Have it done.
    pub fn run(self, manifest: &Path) -> Result<()> {
        self.to.have(manifest, "pause", "Paused")
    }
}

impl Resume {
    /// Have it done.
    pub fn run(self, manifest: &Path) -> Result<()> {
        self.to.have(manifest, "resume", "Resumed")
    }
}

impl To {
    fn have(self, manifest: &Path, verb: &str, done: &str) -> Result<()> {
        let client = self.target.client(manifest)?;
        client.meet()?;
        client.act(Method::POST, &format!("/v1/events/{}/{verb}", self.subscriber), Bytes::new())?;
        Terminal::new().say(done, &format!("deliveries to {}", self.subscriber));
        Ok(())
    }
}
