//! `dovetail key`: a key for somebody who is to ask.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;

use super::{stdout::print, terminal::tell};
use crate::{
    identity::NewKey,
    manifest::{self, Invalid, Manifest, Proof},
    registry,
};

/// Whoever may write the file decides who is let in.
const MODE: u32 = 0o600;

/// Make a key for the gateway, and print it once: the file has its hash alone.
#[derive(Args)]
pub struct Key {
    /// Whose it is: lower-case letters, digits and `-`. Components are told it.
    #[arg(value_parser = super::service)]
    name: String,
    /// What it may do, with commas between.
    #[arg(long, value_delimiter = ',', value_name = "SCOPE", value_parser = scope)]
    scopes: Vec<String>,
    /// The `[auth.NAME]` whose `api_keys` it is added to, where there are several.
    #[arg(long, value_name = "NAME")]
    auth: Option<String>,
}

impl Key {
    /// Make one.
    pub fn run(self, manifest: &Path) -> Result<()> {
        let file = self.file(&Manifest::load(manifest)?)?;
        let shown = file.display();
        let text = match fs::read_to_string(&file) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            read => read.with_context(|| format!("`{shown}` cannot be read"))?,
        };
        let keys = text.parse::<toml::Table>().map_err(|_| anyhow!("`{shown}` is no file of keys; mend it first"))?;
        if keys.contains_key(&self.name) {
            bail!("`{shown}` has a key of `{0}` already; take that out, or name this one otherwise", self.name);
        }
        let key = NewKey::make().context("the system gives no random bytes")?;
        let before = if text.is_empty() { String::new() } else { format!("{}\n\n", text.trim_end()) };
        let text = format!("{before}[{}]\nhash = \"{}\"\nscopes = {:?}\n", self.name, key.hash, self.scopes);
        let written = registry::write_whole(&file, text.as_bytes(), MODE);
        written.with_context(|| format!("`{shown}` cannot be written"))?;
        tell(&format!("`{shown}` has its hash; the key itself is shown this once:"));
        print(key.secret.as_bytes())
    }

    /// The file that it is added to.
    fn file(&self, manifest: &Manifest) -> Result<PathBuf> {
        let files = manifest.auths.iter().filter_map(|auth| match &auth.proof {
            Proof::ApiKey(file) if self.auth.as_ref().is_none_or(|name| *name == auth.name) => Some((auth, file)),
            _ => None,
        });
        match (&files.collect::<Vec<_>>()[..], &self.auth) {
            ([(_, file)], _) => Ok((*file).clone()),
            ([], Some(name)) => bail!("there is no `[auth.{name}]` with `api_keys`"),
            ([], None) => bail!("nobody is known by keys; write `api_keys = \"keys.toml\"` in `[auth.keys]`"),
            (several, _) => {
                let names: Vec<_> = several.iter().map(|(auth, _)| auth.name.as_str()).collect();
                bail!("several know keys; choose one with --auth: {}", names.join(", "))
            }
        }
    }
}

fn scope(text: &str) -> Result<String, Invalid> {
    manifest::scope(text).map(|()| text.to_owned())
}
