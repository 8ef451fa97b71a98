//! What a service is built of.

use std::{
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::manifest::{Manifest, ServiceManifest};

/// What the sources of a service are: the same as long as no file of them is
/// added, changed or removed.
pub fn fingerprint(manifest: &Manifest, service: &ServiceManifest) -> String {
    let components: Vec<_> = manifest.services.iter().map(|service| service.component.file()).collect();
    let mut hash = Sha256::new();
    for path in &service.watch {
        add(path, &components, &mut hash);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether what is in a folder under this name is made by tools and not by
/// people.
pub fn is_ignored(name: &str) -> bool {
    name.starts_with('.') || name == "target"
}

/// A path that is named itself is taken whatever it is called.
fn add(path: &Path, components: &[&Path], hash: &mut Sha256) {
    if path.is_dir() {
        for path in inside(path).iter().filter(|path| !components.contains(&path.as_path())) {
            add(path, components, hash);
        }
    } else if let Ok(bytes) = fs::read(path) {
        // Lengths keep apart what ends here and what begins there.
        let name = path.as_os_str().as_encoded_bytes();
        hash.update(name.len().to_le_bytes());
        hash.update(name);
        hash.update(bytes.len().to_le_bytes());
        hash.update(bytes);
    }
}

/// What is in a folder, in the order of names. A link to a folder is not
/// followed: it might lead back.
fn inside(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let entries = entries.filter(|entry| !entry.file_name().to_str().is_some_and(is_ignored));
    let entries = entries.filter(|entry| {
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        !(is_link && entry.path().is_dir())
    });
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_counts_and_what_tools_write_does_not() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let at = |path: &str| folder.path().join(path);
        let write = |path: &str, text: &str| {
            fs::create_dir_all(at(path).parent().expect("a folder")).expect("a folder can be made");
            fs::write(at(path), text).expect("a file can be written");
        };
        let text = "[app]\nname = \"a\"\n[service.one]\ncomponent = \"out.wasm\"\nbuild = \"true\"\nwatch = [\".\"]\n";
        let manifest = Manifest::parse(&at("dovetail.toml"), text).expect("a manifest");
        let now = || fingerprint(&manifest, &manifest.services[0]);
        write("src/lib.rs", "1");
        let before = now();
        write("src/lib.rs", "1");
        for ignored in ["target/a", "src/.lib.rs.swp", ".git/index"] {
            write(ignored, "2");
        }
        fs::write(manifest.services[0].component.file(), "3").expect("a file can be written");
        std::os::unix::fs::symlink(folder.path(), at("src/back")).expect("a link can be made");
        assert_eq!(now(), before);

        write("src/lib.rs", "2");
        let changed = now();
        assert_ne!(changed, before);
        write("src/more.rs", "");
        assert_ne!(now(), changed);
        fs::remove_file(at("src/more.rs")).expect("it was there");
        assert_eq!(now(), changed);
    }
}
