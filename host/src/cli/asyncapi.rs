//! `dovetail asyncapi`: the app's events, for programs that are no part of it.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;

use super::{
    belongings::Belongings,
    output::{self, Output},
    pinned::Pinning,
    plan_of_live,
    state::State,
    stdout::print,
};
use crate::asyncapi::{About, document};

/// Print the app's events as an AsyncAPI document.
#[derive(Args)]
pub struct AsyncApi {
    /// Where to write the document, in JSON; without it, or with `-`, to standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Which version of the app's events this is. The manifest has none.
    #[arg(long, value_name = "VERSION", default_value = "0.0.0")]
    app_version: String,
    #[command(flatten)]
    pinning: Pinning,
    #[command(flatten)]
    state: State,
}

impl AsyncApi {
    /// Link what there is, and describe what is emitted. What is not there is built before.
    pub fn run(self, manifest: &Path) -> Result<()> {
        let manifest = self.state.manifest(manifest)?;
        // A text is for a terminal, too.
        let file = self.output.filter(|path| !output::is_stdout(path));
        let out = file.map(|path| Output::of(&path, &Belongings::of(&manifest))).transpose()?;
        let plan = plan_of_live(manifest, self.pinning)?;
        let about = About { app: &plan.manifest().app, version: &self.app_version };
        let text = format!("{:#}", document(&about, &plan.kinds()));
        match out {
            Some(out) => out.write(format!("{text}\n").as_bytes()),
            None => print(text.as_bytes()),
        }
    }
}
