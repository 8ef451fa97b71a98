//! Which store a verb is about, and whose it is.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};

use super::up;
use crate::{
    cli::{belongings::Belongings, client::Client},
    manifest::{self, Manifest, StoreUrl},
    store::Upkeep,
};

/// A store, and the app that it is of, if somebody has said.
pub struct Subject {
    /// Where the store is.
    pub url: StoreUrl,
    path: PathBuf,
    manifest: Option<Manifest>,
}

impl Subject {
    /// The store of a manifest, or the one at a URL instead. Who names a store needs no
    /// manifest here, nor one that is right.
    pub fn of(path: &Path, instead: Option<&str>) -> Result<Subject> {
        if instead.is_none() && !path.exists() {
            bail!(
                "there is no manifest `{}` that says where the store is; name one with -m, or the store with --store URL",
                path.display()
            );
        }
        let is_named = path != Path::new("dovetail.toml");
        match (Manifest::load(path), instead) {
            (Ok(manifest), _) => {
                let url = up::store_url(&manifest, instead)?;
                Ok(Subject { url, path: path.to_owned(), manifest: Some(manifest) })
            }
            (Err(_), Some(url)) if !is_named && !url.contains("{app}") => {
                // What is wrong with it was told with its argument.
                let url = StoreUrl::parse(url, "").map_err(|error| anyhow::anyhow!("--store: {error}"))?;
                Ok(Subject { url, path: path.to_owned(), manifest: None })
            }
            (Err(_), Some(_)) if !is_named && !path.exists() => bail!(
                "--store: `{{app}}` stands for the name of an app, and there is no `dovetail.toml` here; write the name, or \
                 name a manifest with -m"
            ),
            (Err(wrong), _) => Err(wrong.into()),
        }
    }

    /// What the app's host says of the store's files, where it runs and they are others than
    /// those that it opened. Who looks at them alone sees no more than a database.
    pub fn warning(&self) -> Option<String> {
        let (StoreUrl::Sqlite(path), Some(manifest)) = (&self.url, &self.manifest) else { return None };
        let path = std::path::absolute(path).ok()?;
        let host = Client::of(manifest).ok()?;
        host.meet().ok()?;
        let told = host.unready().filter(|told| told.contains(&path.display().to_string()))?;
        Some(format!("this may not be what the host has in this store, which says: {told}"))
    }

    /// What is not to be replaced.
    pub fn belongings(&self) -> Belongings {
        let belongings = self.manifest.as_ref().map_or_else(|| Belongings::at(&self.path), Belongings::of);
        belongings.with_store(&self.url)
    }

    /// Whether a service may open the bucket, or nobody knows.
    pub fn grants(&self, bucket: &str) -> bool {
        self.manifest.as_ref().is_none_or(|manifest| granted(manifest).contains(bucket))
    }

    /// Refuses a bucket that no service may open and that has no key: it is one by a slip
    /// of the pen alone.
    pub async fn refuse_unknown(&self, bucket: &str, upkeep: &dyn Upkeep) -> Result<()> {
        let granted = self.manifest.as_ref().map(granted).unwrap_or_default();
        if granted.contains(bucket) {
            return Ok(());
        }
        let kept = upkeep.stats().await?.buckets;
        let known: BTreeSet<&str> = kept.iter().map(|bucket| bucket.name.as_str()).chain(granted).collect();
        if !known.contains(bucket) {
            // Those of the host's own are not what was meant.
            let known = known.into_iter().filter(|bucket| !super::is_hosts(bucket)).collect();
            bail!("there is no bucket `{bucket}`; {}", others(bucket, &known));
        }
        Ok(())
    }

    /// What is to be said of a bucket that neither a service may open nor the host reads.
    pub fn note(&self, bucket: &str) -> Option<String> {
        let manifest = self.manifest.as_ref().filter(|_| !self.grants(bucket) && !super::is_read(bucket))?;
        let others = others(bucket, &granted(manifest));
        Some(format!("no service of `{}` may open the bucket `{bucket}`; {others}", manifest.path.display()))
    }
}

/// The buckets that the services may open.
fn granted(manifest: &Manifest) -> BTreeSet<&str> {
    manifest.services.iter().flat_map(|service| &service.buckets).map(String::as_str).collect()
}

/// Which buckets there are, and the one that was meant, if one is near.
fn others(bucket: &str, known: &BTreeSet<&str>) -> String {
    if known.is_empty() {
        return "there is none".to_owned();
    }
    let names = known.iter().copied().collect::<Vec<_>>().join("`, `");
    let all = if known.len() == 1 { format!("there is `{names}`") } else { format!("there are `{names}`") };
    match manifest::nearest(bucket, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`? {}", all.replacen("there", "There", 1)),
        None => all,
    }
}
