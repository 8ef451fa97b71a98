//! What the host itself reads and writes while services are built and serve.

use std::{
    collections::BTreeSet,
    fs,
    io::{stderr, stdout},
    os::{fd::AsFd, unix::fs::MetadataExt},
    path::{Path, PathBuf},
};

use super::sources::named;
use crate::manifest::{AuthManifest, Manifest, ServiceManifest, StoreUrl, TlsFiles};

/// Files that are nobody's sources, though they may be in a folder of sources: the
/// manifest, its lock file, the token's, those of TLS, of identity and of settings, the
/// components, the data, what the host keeps of its own, and the file that this process prints
/// into.
pub struct Written {
    paths: BTreeSet<PathBuf>,
    /// Files have several names where links lead to them.
    ids: BTreeSet<Id>,
}

/// Device and number.
type Id = (u64, u64);

impl Written {
    /// Those of an app with this manifest and this store.
    pub fn of(manifest: &Manifest, store: &StoreUrl) -> Written {
        let components = manifest.services.iter().map(|service| service.component.file().to_owned());
        let own = [manifest.path.clone(), manifest.lock_file(), manifest.state.clone()];
        let own = own.into_iter().chain(manifest.admin.token_file.clone());
        let tls = manifest.gateway.tls.iter().chain(&manifest.admin.tls).flat_map(TlsFiles::all).map(Path::to_owned);
        let settings = manifest.services.iter().flat_map(ServiceManifest::setting_files);
        let settings = settings.map(|file| file.path.to_owned());
        let auths = manifest.auths.iter().flat_map(AuthManifest::files).map(Path::to_owned);
        let own = own.chain(tls).chain(settings).chain(auths);
        let paths: BTreeSet<_> = own.chain(components).chain(store.files()).map(|path| named(&path)).collect();
        let files = paths.iter().filter_map(|path| id(path));
        let printed = [rustix::fs::fstat(stdout().as_fd()), rustix::fs::fstat(stderr().as_fd())];
        let printed = printed.into_iter().flatten().map(|data| (data.st_dev, data.st_ino));
        let ids = files.chain(printed).collect();
        Written { paths, ids }
    }

    /// Whether this file, or folder, is one of them.
    pub fn has(&self, path: &Path) -> bool {
        self.paths.contains(path) || id(path).is_some_and(|id| self.ids.contains(&id))
    }
}

fn id(path: &Path) -> Option<Id> {
    let data = fs::metadata(path).ok()?;
    Some((data.dev(), data.ino()))
}
