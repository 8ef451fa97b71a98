//! What services are built of.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::written::Written;
use crate::manifest::{Manifest, StoreUrl};

/// What was there at one time: the sources of each service, and the manifest.
pub struct Snapshot {
    services: BTreeMap<String, Sources>,
    manifest: Sources,
}

/// Files by what is in them, each under the one name that [`named`] gives it.
#[derive(Clone, Default)]
pub struct Sources(BTreeMap<PathBuf, Contents>);

/// SHA-256.
type Contents = [u8; 32];

impl Snapshot {
    /// What is there now. What the host itself reads and writes, the data in this store
    /// among it, is no source.
    pub fn of(manifest: &Manifest, store: &StoreUrl) -> Snapshot {
        let written = Written::of(manifest, store);
        let services = manifest.services.iter().map(|service| {
            let mut sources = Sources::default();
            service.watch.iter().for_each(|path| sources.add(&named(path), &written));
            (service.name.clone(), sources)
        });
        let services = services.collect();
        let mut itself = Sources::default();
        itself.add_file(&named(&manifest.path));
        Snapshot { services, manifest: itself }
    }

    /// The sources of a service.
    pub fn service(&self, name: &str) -> Sources {
        self.services.get(name).cloned().unwrap_or_default()
    }

    /// The files that were added, changed or removed since.
    pub fn changed_since(&self, before: &Snapshot) -> BTreeSet<PathBuf> {
        let services = self.services.iter().filter_map(|(name, now)| Some((now, before.services.get(name)?)));
        let pairs = services.chain([(&self.manifest, &before.manifest)]);
        pairs.flat_map(|(now, before)| now.changed_since(before)).collect()
    }
}

impl Sources {
    /// The files that were added, changed or removed since.
    pub fn changed_since(&self, before: &Sources) -> BTreeSet<PathBuf> {
        let names = self.0.keys().chain(before.0.keys());
        names.filter(|name| self.0.get(*name) != before.0.get(*name)).cloned().collect()
    }

    /// A path that is named itself is taken whatever it is called; what lies in two folders
    /// is there once.
    fn add(&mut self, path: &Path, written: &Written) {
        if path.is_dir() {
            inside(path).iter().filter(|path| !written.has(path)).for_each(|path| self.add(path, written));
        } else {
            self.add_file(path);
        }
    }

    fn add_file(&mut self, path: &Path) {
        // To read a pipe would wait for who writes.
        if path.is_file()
            && let Ok(bytes) = fs::read(path)
        {
            self.0.insert(path.to_owned(), Sha256::digest(bytes).into());
        }
    }
}

/// The one name of a path, however it was written and as the file system tells of it: that of
/// a folder, or that of a file below its folder's.
pub fn named(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match (path.canonicalize(), absolute.parent().map(Path::canonicalize), absolute.file_name()) {
        (Ok(folder), ..) if folder.is_dir() => folder,
        (_, Some(Ok(folder)), Some(name)) => folder.join(name),
        _ => absolute,
    }
}

/// Whether what is in a folder under this name is made by tools and not by
/// people.
pub fn is_ignored(name: &str) -> bool {
    name.starts_with('.') || name == "target"
}

/// What is in a folder. A link to a folder is not followed: it might lead back.
fn inside(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let entries = entries.filter(|entry| !entry.file_name().to_str().is_some_and(is_ignored));
    let entries = entries.filter(|entry| {
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        !(is_link && entry.path().is_dir())
    });
    entries.map(|entry| entry.path()).collect()
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use rustix::fs::{FileType, Mode};

    use super::*;

    #[test]
    fn what_people_write_counts_and_what_tools_write_does_not() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let at = |path: &str| folder.path().join(path);
        let write = |path: &str, text: &str| {
            fs::create_dir_all(at(path).parent().expect("a folder")).expect("a folder can be made");
            fs::write(at(path), text).expect("a file can be written");
        };
        let text = "[app]\nname = \"a\"\n[admin]\ntoken_file = \"token\"\n[service.one]\ncomponent = \"out.wasm\"\nbuild = \"true\"\nwatch = [\".\"]\n";
        let mut manifest = Manifest::parse(&at("dovetail.toml"), text).expect("a manifest");
        manifest.state = at("kept");
        let store = StoreUrl::Sqlite(at("data/a.db"));
        let now = || Snapshot::of(&manifest, &store).service("one");
        write("src/lib.rs", "1");
        let before = now();
        let changed = || {
            let names = now().changed_since(&before).into_iter();
            let names =
                names.map(|name| name.strip_prefix(named(folder.path())).expect("it is inside").display().to_string());
            names.collect::<Vec<_>>()
        };
        write("src/lib.rs", "1");
        for tools in ["target/a", "src/.lib.rs.swp", ".git/index", "data/a.db", "data/a.db-wal", "data/a.db-shm"] {
            write(tools, "2");
        }
        for own in ["dovetail.toml", "dovetail.lock", "token", "kept/history"] {
            write(own, "2");
        }
        // The component, by its name and by that of a file which it leads to.
        write("made/out.wasm", "3");
        std::os::unix::fs::symlink(at("made/out.wasm"), at("out.wasm")).expect("a link can be made");
        std::os::unix::fs::symlink(folder.path(), at("src/back")).expect("a link can be made");
        rustix::fs::mknodat(rustix::fs::CWD, at("src/pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
            .expect("a pipe can be made");
        assert!(changed().is_empty(), "{:?}", changed());

        write("src/lib.rs", "2");
        assert_eq!(changed(), ["src/lib.rs"]);
        write("src/more.rs", "");
        assert_eq!(changed(), ["src/lib.rs", "src/more.rs"]);
        fs::remove_file(at("src/more.rs")).expect("it was there");
        write("src/lib.rs", "1");
        assert!(changed().is_empty(), "{:?}", changed());
    }
}
