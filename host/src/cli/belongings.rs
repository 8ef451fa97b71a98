//! What an app is made of, which no verb may replace by what it writes.

use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};

use super::watch::is_ignored;
use crate::manifest::{AuthManifest, Manifest, StoreUrl, TlsFiles};

/// The files and folders of an app.
#[derive(Default)]
pub struct Belongings(Vec<Belonging>);

/// One of them, and what it is: `is the component of service user`.
struct Belonging {
    path: PathBuf,
    kind: Kind,
    what: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    /// All that is in it, and is to be.
    Folder,
    /// What is in it and was written by people.
    Sources,
}

impl Belongings {
    /// Those of an app.
    pub fn of(manifest: &Manifest) -> Belongings {
        let mut belongings = Belongings::around(manifest);
        for service in &manifest.services {
            let name = &service.name;
            belongings.add(service.component.file(), Kind::File, format!("is the component of service `{name}`"));
            if let Some(path) = &service.openapi {
                belongings.add(path, Kind::File, format!("describes the HTTP of service `{name}`"));
            }
            for path in &service.watch {
                let what = format!("is what service `{name}` is built of (`watch`)");
                belongings.add(path, Kind::Sources, what);
            }
            for file in service.setting_files() {
                let what = format!("has `service.{name}.{}.{}`", file.table, file.key);
                belongings.add(file.path, Kind::File, what);
            }
        }
        if let Some(token) = &manifest.admin.token_file {
            belongings.add(token, Kind::File, "has the token of the admin API");
        }
        for file in manifest.gateway.tls.iter().chain(&manifest.admin.tls).flat_map(TlsFiles::all) {
            belongings.add(file, Kind::File, "is a file of `tls`");
        }
        for file in manifest.auths.iter().flat_map(AuthManifest::files) {
            belongings.add(file, Kind::File, "is a file of `[auth]`");
        }
        for file in manifest.upstreams.iter().filter_map(|upstream| upstream.ca.as_ref()) {
            belongings.add(file, Kind::File, "vouches for an upstream (`ca`)");
        }
        for event in &manifest.events {
            let server = event.transport.as_ref().map(|transport| &transport.server);
            for file in server.iter().flat_map(|server| server.passfile.iter().chain(&server.root)) {
                belongings.add(file, Kind::File, format!("is named by the transport of `{}`", event.interface));
            }
        }
        belongings.with_store(&manifest.store.clone().relative_to(manifest.dir()))
    }

    /// Those of the app at a path, if there is one. A verb that needs no manifest does not
    /// fail for what is wrong in it, and leaves it alone all the same.
    pub fn at(path: &Path) -> Belongings {
        match Manifest::load(path) {
            Ok(manifest) => Belongings::of(&manifest),
            Err(_) if !path.exists() => Belongings::default(),
            Err(_) => {
                let mut belongings = Belongings::default();
                belongings.add_manifest(path, &path.with_extension("lock"));
                belongings
            }
        }
    }

    /// These and the files of a store.
    pub fn with_store(mut self, url: &StoreUrl) -> Belongings {
        for file in url.files() {
            self.add(&file, Kind::File, "is a file of the store");
        }
        let (root, passfile) = match url {
            StoreUrl::Memory | StoreUrl::Sqlite(_) => (None, None),
            StoreUrl::Postgres(url) => (url.root.as_ref(), url.passfile.as_ref()),
            StoreUrl::Redis(url) => (url.server.root.as_ref(), url.server.passfile.as_ref()),
        };
        for (path, what) in [
            (root, "vouches for the store's server (`sslrootcert`)"),
            (passfile, "has the store's password (`passfile`)"),
        ] {
            path.into_iter().for_each(|path| self.add(path, Kind::File, what));
        }
        self
    }

    /// Refuses a file that is one of them, or would be, under whatever name.
    pub fn refuse(&self, path: &Path) -> Result<()> {
        let (found, resolved) = (fs::metadata(path).ok(), resolved(path));
        match self.0.iter().find(|belonging| belonging.is(found.as_ref(), &resolved)) {
            Some(belonging) => bail!("`{}` {}: name another file", path.display(), belonging.what),
            None if found.is_some() && is_of_another(&resolved) => {
                bail!("`{}` may be the manifest of another app, or its lock file: name another file", path.display())
            }
            None => Ok(()),
        }
    }

    fn around(manifest: &Manifest) -> Belongings {
        let mut belongings = Belongings::default();
        belongings.add_manifest(&manifest.path, &manifest.lock_file());
        let what = format!("is in `{}`, where the host keeps what it must not forget", manifest.state.display());
        belongings.add(&manifest.state, Kind::Folder, what);
        belongings
    }

    fn add_manifest(&mut self, manifest: &Path, lock: &Path) {
        self.add(manifest, Kind::File, "is the app's manifest");
        self.add(lock, Kind::File, "is the app's lock file");
    }

    fn add(&mut self, path: &Path, kind: Kind, what: impl Into<String>) {
        self.0.push(Belonging { path: path.to_owned(), kind, what: what.into() });
    }
}

impl Belonging {
    /// Whether a file is this or in it: one that was `found`, whose other names lead to the
    /// same, or one that is to be made at a path.
    fn is(&self, found: Option<&Metadata>, path: &Path) -> bool {
        let own = resolved(&self.path);
        if own == path || found.zip(fs::metadata(&self.path).ok()).is_some_and(|(found, own)| is_same(found, &own)) {
            return true;
        }
        let within = path.strip_prefix(&own).ok();
        match self.kind {
            Kind::File => false,
            Kind::Folder => within.is_some() || found.is_some_and(|found| found.nlink() > 1 && holds(&own, found)),
            Kind::Sources => found.is_some_and(|found| {
                let is_made = |path: &Path| path.iter().any(|name| name.to_str().is_some_and(is_ignored));
                within.is_some_and(|within| !is_made(within)) || (found.nlink() > 1 && holds(&own, found))
            }),
        }
    }
}

/// Whether a file has a name of those that people and verbs write, for whichever app. What
/// is in `spin.toml` tells whether it is Spin's.
fn is_of_another(path: &Path) -> bool {
    let is_one = path.extension().is_some_and(|end| end == "toml" || end == "lock");
    is_one && path.file_name().is_some_and(|name| name != "spin.toml")
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Whether a file of a folder has this one for another name.
fn holds(folder: &Path, file: &Metadata) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    // A link to a folder is not followed: it might lead back.
    entries
        .filter_map(|entry| Some((entry.metadata().ok()?, entry.path())))
        .any(|(found, path)| if found.is_dir() { holds(&path, file) } else { is_same(&found, file) })
}

/// A path without links, as far as there is something.
fn resolved(path: &Path) -> PathBuf {
    let resolve = || -> io::Result<PathBuf> {
        let path = std::path::absolute(path)?;
        match (fs::canonicalize(&path), path.parent(), path.file_name()) {
            (Err(_), Some(folder), Some(name)) => Ok(resolved(folder).join(name)),
            (found, ..) => found,
        }
    };
    resolve().unwrap_or_else(|_| path.to_owned())
}
