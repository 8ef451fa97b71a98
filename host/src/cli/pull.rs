//! `dovetail pull`: from a registry into a file.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, ValueHint};

use super::{
    belongings::Belongings,
    output::Output,
    registries::{Registries, explained},
    stdout::print,
    terminal::Terminal,
};
use crate::manifest::Reference;

/// Pull a component from a registry into a file.
#[derive(Args)]
pub struct Pull {
    /// Where it is: oci://HOST/REPOSITORY:TAG, or with @sha256:….
    #[arg(value_parser = Reference::parse)]
    reference: Reference,
    /// The file to write, `-` for standard output. A file that is there is replaced.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: PathBuf,
}

impl Pull {
    /// Pull it, and print what it was by its digest.
    pub fn run(self, manifest: &Path) -> Result<()> {
        let (terminal, out) = (Terminal::new(), Output::of(&self.output, &Belongings::at(manifest))?);
        let registries = Registries::new(&terminal)?;
        let artifact = registries.resolve(&self.reference).map_err(explained)?;
        let name = match out {
            Output::Stdout => "a component".to_owned(),
            _ => self.output.display().to_string(),
        };
        let component = registries.component(&name, &self.reference, &artifact).map_err(explained)?;
        out.write(&component)?;
        let pinned = self.reference.pinned(&artifact.digest).to_string();
        if let Output::Stdout = out {
            terminal.say("Digest", &pinned);
            return Ok(());
        }
        let unprinted = || format!("`{name}` was written, but this cannot be printed: {pinned}");
        print(pinned.as_bytes()).with_context(unprinted)
    }
}
