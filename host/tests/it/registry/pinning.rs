//! A manifest's references mean what the lock file says, whatever their tags say.

use std::{fs, process::Stdio};

use super::{Folder, refused, run, stderr, succeed};
use crate::support::{Host, component, registry::Registry, until, up};

/// A relay, and the directory that it asks, which is in a registry.
fn manifest(directory: &str) -> String {
    format!(
        "[app]\nname = \"small\"\n[store]\nurl = \"memory:\"\n\
         [service.relay]\ncomponent = \"{}\"\nroutes = [\"/relay/{{id}}\"]\n\
         [service.directory]\ncomponent = \"{directory}\"\n",
        component("relay").display()
    )
}

/// A folder whose manifest names what was pushed of a directory with this name.
fn app(registry: &Registry, name: &str) -> (Folder, String) {
    let (folder, tag) = (Folder::new(), registry.reference("shop/directory:1.0"));
    push(&folder, &tag, name);
    folder.write("dovetail.toml", manifest(&tag));
    (folder, tag)
}

fn push(folder: &Folder, tag: &str, name: &str) {
    folder.component("source.wasm", name);
    succeed(folder.dovetail().args(["push", "source.wasm", tag]));
}

fn serve(folder: &Folder, arguments: &[&str]) -> Host {
    Host::start(up(&folder.path("")).args(arguments).env("DOCKER_CONFIG", "/nowhere").stderr(Stdio::piped()))
}

fn lock(folder: &Folder) -> String {
    fs::read_to_string(folder.path("dovetail.lock")).expect("it was written")
}

#[tokio::test]
async fn the_lock_file_counts_when_the_tag_has_moved() {
    let Some(registry) = Registry::start() else { return };
    let (folder, tag) = app(&registry, "Alice");
    let said = refused(folder.dovetail().args(["check", "--locked"]));
    assert!(said.contains("the component of service `directory` is not pinned"), "{said}");
    assert!(said.contains("dovetail.toml:9:13") && said.contains("run `dovetail build` without --locked"), "{said}");
    assert!(!folder.path("dovetail.lock").exists());

    let host = serve(&folder, &[]);
    assert_eq!(host.name().await, "Alice");
    assert!(host.output().iter().any(|line| line.contains("Pulled directory (")), "{:?}", host.output());
    drop(host);
    let pinned = lock(&folder);
    assert!(pinned.contains(&format!("reference = \"{tag}\"\nartifact = \"sha256:")), "{pinned}");

    push(&folder, &tag, "Carol");
    // Whoever has the lock file and nothing else, too.
    for is_kept in [true, false] {
        if !is_kept {
            fs::remove_dir_all(folder.path(".dovetail")).expect("it is there");
        }
        let host = serve(&folder, &["--locked"]);
        assert_eq!(host.name().await, "Alice", "kept: {is_kept}");
        assert_eq!(host.output().iter().any(|line| line.contains("Pulled")), !is_kept, "{:?}", host.output());
    }
    assert_eq!(lock(&folder), pinned);

    let updated = succeed(folder.dovetail().args(["update", "directory"]));
    assert!(stderr(&updated).contains("Moved directory (sha256 "), "{}", stderr(&updated));
    assert_ne!(lock(&folder), pinned);
    let unchanged = succeed(folder.dovetail().arg("update"));
    assert!(stderr(&unchanged).contains("Unchanged directory (sha256 "), "{}", stderr(&unchanged));
    assert_eq!(serve(&folder, &["--locked"]).name().await, "Carol");
}

#[tokio::test]
async fn a_restart_needs_no_registry() {
    let Some(registry) = Registry::start() else { return };
    let (folder, tag) = app(&registry, "Alice");
    succeed(folder.dovetail().arg("build"));
    let address = registry.address.clone();
    drop(registry);
    assert_eq!(serve(&folder, &[]).name().await, "Alice");

    // What is kept is used for as long as it is whole.
    let kept: Vec<_> =
        fs::read_dir(folder.path(".dovetail/registry/dovetail.toml")).expect("a folder").flatten().collect();
    assert_eq!(kept.len(), 1);
    fs::write(kept[0].path(), "damaged").expect("it can be written");
    let said = refused(folder.dovetail().arg("check"));
    assert!(said.contains("the component of service `directory` cannot be pulled"), "{said}");
    assert!(said.contains(&format!("9 | component = \"{tag}\"")), "{said}");
    assert!(said.contains(&format!("the registry {address} refuses connections")), "{said}");
}

#[tokio::test]
async fn manifests_beside_each_other_keep_what_each_pins() {
    let Some(registry) = Registry::start() else { return };
    let (folder, tag) = app(&registry, "Alice");
    succeed(folder.dovetail().arg("build"));
    push(&folder, &tag, "Carol");
    folder.write("other.toml", manifest(&tag));
    succeed(folder.dovetail().args(["build", "--manifest", "other.toml"]));
    drop(registry);
    for (manifest, name) in [("dovetail.toml", "Alice"), ("other.toml", "Carol"), ("dovetail.toml", "Alice")] {
        let mut up = folder.dovetail();
        up.args(["up", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--manifest", manifest]);
        assert_eq!(Host::start(&mut up).name().await, name, "{manifest}");
    }
}

#[test]
fn an_artifact_that_is_not_what_was_pinned_is_refused() {
    let Some(registry) = Registry::start() else { return };
    let (folder, _) = app(&registry, "Alice");
    succeed(folder.dovetail().arg("build"));
    let pinned = lock(&folder);
    fs::remove_dir_all(folder.path(".dovetail")).expect("it is there");
    let (_, rest) = pinned.split_once("artifact = \"").expect("it is pinned");
    let artifact = &rest[..71];
    let file = registry.blob(artifact);
    let manifest = fs::read_to_string(&file).expect("it is there");
    fs::write(&file, manifest.replace("schemaVersion\":2", "schemaVersion\": 2")).expect("it can be written");
    let said = refused(folder.dovetail().arg("check"));
    assert!(said.contains("has the digest sha256:") && said.contains(&format!("not {artifact}")), "{said}");
    assert!(said.contains("`dovetail update directory` pins what the tag stands for now"), "{said}");

    fs::remove_file(&file).expect("it is there");
    let said = refused(folder.dovetail().arg("check"));
    assert!(said.contains("cannot be pulled") && said.contains("pins this digest"), "{said}");
    assert_eq!(lock(&folder), pinned);
}

#[test]
fn all_that_cannot_be_pulled_is_told_together() {
    let Some(registry) = Registry::start() else { return };
    let (folder, tag) = app(&registry, "Alice");
    let text = manifest(&tag)
        + &format!("[service.lost]\ncomponent = \"{}\"\n", registry.reference("lost:1"))
        + "[service.nowhere]\ncomponent = \"oci://127.0.0.1:1/a:1\"\n";
    folder.write("dovetail.toml", text);
    for verb in ["check", "graph", "build", "up", "update"] {
        let said = refused(folder.dovetail().arg(verb));
        assert!(said.contains("lost:1") && said.contains("127.0.0.1:1 refuses"), "{verb}: {said}");
        assert!(said.contains("there are 2 problems"), "{verb}: {said}");
        assert!(!folder.path("dovetail.lock").exists(), "{verb}");
    }
    folder.write("dovetail.lock", "<<<<<<< HEAD\n");
    let said = refused(folder.dovetail().arg("check"));
    assert!(said.contains("dovetail.lock` is damaged") && said.contains("restore it from version control"), "{said}");
    let said = refused(folder.dovetail().args(["update", "relay"]));
    assert!(said.contains("service `relay` has nothing to update"), "{said}");
    assert_eq!(run(folder.dovetail().args(["update", "Relay"])).status.code(), Some(2));
}

#[tokio::test]
async fn a_running_host_takes_what_is_swapped_or_updated() {
    let Some(registry) = Registry::start() else { return };
    let (folder, tag) = app(&registry, "Alice");
    let host = serve(&folder, &["--watch"]);
    assert_eq!(host.name().await, "Alice");
    let next = registry.reference("shop/directory:2.0");
    push(&folder, &next, "Carol");
    let mut swap = folder.dovetail();
    let swapped = succeed(swap.args(["swap", "directory", &next, "--admin", &host.admin.to_string()]));
    assert!(stderr(&swapped).contains(&format!("Read {next} (")), "{}", stderr(&swapped));
    assert_eq!(host.name().await, "Carol");

    push(&folder, &tag, "Grace");
    succeed(folder.dovetail().arg("update"));
    host.wait_for_output(&format!("Changed {tag}"));
    until("the watch has swapped it", async || host.name().await == "Grace").await;
}

#[test]
fn another_host_is_seen_before_a_registry_is_asked() {
    let folder = Folder::new();
    folder.component("directory.wasm", "Alice");
    folder.write("dovetail.toml", manifest("directory.wasm"));
    let _host = serve(&folder, &[]);
    folder.write("dovetail.toml", manifest("oci://127.0.0.1:1/directory:1"));
    let said = refused(&mut up(&folder.path("")));
    assert!(said.contains("error: another host runs this app") && !said.contains("cannot be pulled"), "{said}");
}
