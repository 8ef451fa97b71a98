//! `dovetail openapi`: the app's HTTP, for programs that are no part of it.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;

use super::{
    belongings::Belongings,
    output::{self, Output},
    state::State,
    stdout::print,
};
use crate::openapi::document;

/// Print the app's HTTP as an OpenAPI document, merged from what its services bring along.
#[derive(Args)]
pub struct OpenApi {
    /// Where to write the document, in JSON; without it, or with `-`, to standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Which version of the app's API this is. The manifest has none.
    #[arg(long, value_name = "VERSION", default_value = "0.0.0")]
    app_version: String,
    #[command(flatten)]
    state: State,
}

impl OpenApi {
    /// Merge what is there. Nothing is built: a description says what a component is to do.
    pub fn run(self, manifest: &Path) -> Result<()> {
        let manifest = self.state.manifest(manifest)?;
        let file = self.output.filter(|path| !output::is_stdout(path));
        let out = file.map(|path| Output::of(&path, &Belongings::of(&manifest))).transpose()?;
        if manifest.services.iter().all(|service| service.openapi.is_none()) {
            bail!("no service has a description: name the file of one with `openapi = \"FILE\"` in its table");
        }
        let text = format!("{:#}", document(&manifest, &self.app_version)?);
        match out {
            Some(out) => out.write(format!("{text}\n").as_bytes()),
            None => print(text.as_bytes()),
        }
    }
}
