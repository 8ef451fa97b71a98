//! What a folder goes through: restarts, disks that refuse, people who change
//! what is there.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow};
use rustix::process::geteuid;

use crate::{
    history::{AtStart, Entry, History, HistoryError, How, digest_of},
    private::NotPrivate,
};

pub(super) const FILE: &str = "the digest of the manifest's file";

#[test]
fn what_was_recorded_is_there_after_a_restart() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("not/there/.dovetail");
    let history = open(&path)?;
    swap(&history, &["one", "two"])?;
    let before = history.entries("user");
    drop(history);
    let history = open(&path)?;
    assert_eq!(history.entries("user"), before);
    assert_eq!(history.at_start("user", FILE), AtStart::Recorded(before[0].clone()));
    assert_eq!(history.component(&digest_of(b"one"))?, b"one");
    assert_eq!(history.before_live("user").as_ref(), Some(&before[1]));
    assert_eq!(swap(&history, &["three"])?.revision, 3, "no number is given twice");
    Ok(())
}

#[test]
fn only_its_owner_reads_and_writes_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join(".dovetail");
    let history = open(&path)?;
    swap(&history, &["one"])?;
    let mode = |path: &Path| anyhow::Ok(fs::metadata(path)?.permissions().mode() & 0o777);
    for folder in [&path, &path.join("components")] {
        assert_eq!(mode(folder)?, 0o700, "{folder:?}");
    }
    let component = component_file(&path, "one");
    for file in [&path.join("history.json"), &component] {
        assert_eq!(mode(file)?, 0o600, "{file:?}");
    }
    Ok(())
}

#[test]
fn a_folder_that_others_may_write_in_is_refused() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join(".dovetail");
    swap(&open(&path)?, &["one"])?;
    for wrong in [&path, &path.join("components")] {
        for mode in [0o770, 0o702, 0o1777] {
            fs::set_permissions(wrong, Permissions::from_mode(mode))?;
            for tried in [open(&path), peek(&path)] {
                let told = format!(
                    "the folder {wrong:?} cannot be used for the history: others than its owner may write in it \
                     (its mode is {mode:04o}); run `chmod 700 {wrong:?}`"
                );
                assert_eq!(failure(tried)?.to_string(), told);
            }
        }
        // That others may read there does no harm.
        fs::set_permissions(wrong, Permissions::from_mode(0o755))?;
    }
    assert!(peek(&path)?.live("user").is_some());
    assert!(open(&path)?.live("user").is_some());
    Ok(())
}

#[test]
fn a_folder_of_another_user_is_refused() -> Result<()> {
    let folder = tempfile::tempdir()?;
    // Only root can give a folder away; to others that of root is another's.
    let path = match geteuid().is_root() {
        true => folder.path(),
        false => Path::new("/"),
    };
    if geteuid().is_root() {
        chown(path, Some(65534), None)?;
    }
    for tried in [open(path), peek(path)] {
        let error = failure(tried)?;
        assert!(matches!(error, HistoryError::NotPrivate(NotPrivate::Owner { .. })), "{error}");
        assert!(error.to_string().contains(&format!("run `chown {} {path:?}`", geteuid().as_raw())), "{error}");
    }
    Ok(())
}

#[test]
fn a_second_host_is_refused() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let history = open(folder.path())?;
    let error = failure(open(folder.path()))?;
    assert!(matches!(error, HistoryError::Locked { .. }), "{error}");
    assert!(error.to_string().starts_with("another host runs this app, and has the folder"), "{error}");
    drop(history);
    open(folder.path())?;
    Ok(())
}

#[test]
fn a_folder_that_is_not_where_it_was_is_not_written() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (path, away) = (folder.path().join("app"), folder.path().join("away"));
    let history = open(&path)?;
    swap(&history, &["one"])?;
    let (before, refused) = (history.entries("user"), || failure(history.record("user", b"two", "", How::Swap, FILE)));
    fs::rename(&path, &away)?;
    assert!(matches!(refused()?, HistoryError::Removed { .. }));
    // Another host is there now, and both serve.
    let other = open(&path)?;
    let error = refused()?;
    assert!(matches!(&error, HistoryError::Replaced { path: named } if *named == path), "{error}");
    assert!(matches!(failure(history.check("user", "", FILE))?, HistoryError::Replaced { .. }));
    assert_eq!((history.entries("user"), other.live("user")), (before.clone(), None));
    assert_eq!(history.component(&before[0].digest)?, b"one", "what it had can be read");
    drop(other);
    fs::remove_dir_all(&path)?;
    fs::rename(&away, &path)?;
    assert_eq!(swap(&history, &["two"])?.revision, 2);
    Ok(())
}

#[test]
fn nothing_is_recorded_that_a_restart_could_not_serve() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let history = open(folder.path())?;
    history.serve(["order", "user"].map(String::from).into(), &[], "")?;
    for service in ["order", "taken-out"] {
        history.record(service, service.as_bytes(), "", How::Swap, FILE)?;
    }
    swap(&history, &["two", "three"])?;
    // One that is not live is not needed.
    fs::remove_file(component_file(folder.path(), "two"))?;
    swap(&history, &["four"])?;
    // Nobody comes up with that of a service which the manifest has not.
    fs::remove_file(component_file(folder.path(), "taken-out"))?;
    swap(&history, &["two"])?;
    let (lost, aside) = (component_file(folder.path(), "order"), folder.path().join("aside"));
    fs::rename(&lost, &aside)?;
    let error = failure(history.record("user", b"five", "", How::Swap, FILE))?;
    assert!(matches!(&error, HistoryError::LostComponent { service, path } if service == "order" && *path == lost));
    fs::rename(&aside, &lost)?;
    swap(&history, &["five"])?;
    fs::remove_file(&lost)?;
    history.record("order", b"six", "", How::Swap, FILE)?;
    Ok(())
}

#[test]
fn a_look_needs_no_lock_and_leaves_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let missing = folder.path().join(".dovetail");
    assert_eq!(peek(&missing)?.live("user"), None);
    assert!(!missing.exists());
    let history = open(folder.path())?;
    let live = swap(&history, &["one", "two"])?;
    // What a sweep would remove.
    fs::write(folder.path().join("history.json.tmp"), "{")?;
    let before = files(folder.path())?;
    let look = peek(folder.path())?;
    assert_eq!(look.at_start("user", FILE), AtStart::Recorded(live.clone()));
    assert_eq!(look.component(&live.digest)?, b"two");
    assert_eq!(swap(&look, &["three"])?.revision, 3);
    assert_eq!(look.component(&digest_of(b"three"))?, b"three");
    drop(look);
    assert_eq!(files(folder.path())?, before);
    assert_eq!(history.live("user"), Some(live));
    Ok(())
}

#[test]
fn a_history_that_no_host_wrote_is_refused() -> Result<()> {
    let folder = tempfile::tempdir()?;
    swap(&open(folder.path())?, &["one", "two"])?;
    let path = folder.path().join("history.json");
    let whole = fs::read_to_string(&path)?;
    let digest = digest_of(b"two");
    let cases = [
        (String::new(), "EOF while parsing"),
        (whole[..whole.len() / 2].to_owned(), "EOF while parsing"),
        (whole.replace("\"version\": 2", "\"version\": 3"), "has version 3, and this Dovetail knows version 2"),
        (whole.replace("\"version\"", "\"versions\""), "missing field `version`"),
        (whole.replace("\"revision\": 2", "\"revision\": 0"), "revisions that are not newest first"),
        (whole.replace("\"revision\": 2", "\"revision\": 1"), "revisions that are not newest first"),
        (whole.replace("\"revision\": 1", "\"revision\": 0"), "the revision 0, which cannot be"),
        (whole.replace("\"revision\": 2", &format!("\"revision\": {}", u64::MAX)), "which cannot be"),
        (whole.replace(&digest, "../../secret"), "the digest \"../../secret\", which is no SHA-256"),
        (whole.replace("        1\n", "        7\n"), "a way back to revision 7"),
        (whole.replace("        1\n", "        2\n"), "a way back that does not lead back"),
        (
            r#"{"version":2,"services":{"user":{"file":"","entries":[],"back":[],"changed":1}}}"#.into(),
            "\"user\" has no entries",
        ),
    ];
    for (text, reason) in cases {
        assert_ne!(text, whole, "{reason}");
        fs::write(&path, &text)?;
        for tried in [open(folder.path()), peek(folder.path())] {
            let said = failure(tried)?.to_string();
            assert!(said.contains(reason), "{said}");
            assert!(said.contains("history.json") && said.contains("remove it, and the components"), "{said}");
        }
        assert_eq!(fs::read_to_string(&path)?, text, "it is left as it was");
        assert!(component_file(folder.path(), "one").exists(), "so is the rest");
    }
    // What the message says helps.
    fs::remove_file(&path)?;
    assert_eq!(open(folder.path())?.at_start("user", FILE), AtStart::File);
    Ok(())
}

#[test]
fn a_component_is_what_its_digest_says() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let history = open(folder.path())?;
    let live = swap(&history, &["one"])?;
    let path = component_file(folder.path(), "one");
    fs::write(&path, "other")?;
    let said = failure(history.component(&live.digest))?.to_string();
    assert!(said.contains(&format!("{path:?} is damaged: its SHA-256 is {}", digest_of(b"other"))), "{said}");
    // It is mended by its bytes.
    swap(&history, &["one"])?;
    assert_eq!(history.component(&live.digest)?, b"one");
    fs::remove_file(&path)?;
    let said = failure(history.component(&live.digest))?.to_string();
    assert!(said.contains(&format!("there is no component {path:?}")), "{said}");
    fs::write(folder.path().join("secret.wasm"), "secret")?;
    for digest in ["", "../secret", &digest_of(b"secret").to_uppercase()] {
        let error = failure(history.component(digest))?;
        assert!(matches!(error, HistoryError::NoComponent { .. }), "{error}");
    }
    Ok(())
}

#[test]
fn components_that_no_entry_names_are_removed() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let history = open(folder.path())?;
    history.record("order", b"one", "", How::Swap, FILE)?;
    swap(&history, &["one", "two", "three", "four", "five", "six"])?;
    assert_eq!(kept(folder.path())?, digests(&["one", "three", "four", "five", "six"]), "another service has one");
    history.record("order", b"six", "", How::Swap, FILE)?;
    assert_eq!(kept(folder.path())?, digests(&["one", "three", "four", "five", "six"]), "it can be rolled back");
    for number in 0..17 {
        history.record(&format!("service-{number:02}"), b"seven", "", How::Swap, FILE)?;
    }
    history.serve(["user".into()].into(), &[], "")?;
    drop(history);
    let history = open(folder.path())?;
    let named = ["user", "order"].into_iter().map(String::from).chain((0..17).map(|it| format!("service-{it:02}")));
    let named: BTreeSet<_> = named.flat_map(|it| history.entries(&it)).map(|entry| entry.digest).collect();
    assert_eq!(kept(folder.path())?, named);
    Ok(())
}

#[test]
fn what_a_host_left_unfinished_is_removed_at_the_next_start() -> Result<()> {
    let folder = tempfile::tempdir()?;
    swap(&open(folder.path())?, &["one"])?;
    let before = files(folder.path())?;
    let components = folder.path().join("components");
    for left in [
        folder.path().join("history.json.tmp"),
        components.join(format!("{}.wasm", digest_of(b"two"))),
        components.join(format!("{}.wasm.tmp", digest_of(b"one"))),
    ] {
        fs::write(left, "half")?;
    }
    open(folder.path())?;
    assert_eq!(files(folder.path())?, before);
    // What is not ours stays.
    fs::write(components.join("notes.wasm"), "")?;
    open(folder.path())?;
    assert!(components.join("notes.wasm").exists());
    Ok(())
}

#[test]
fn a_write_that_fails_changes_nothing() -> Result<()> {
    let two = digest_of(b"two");
    let in_the_way = ["history.json.tmp", "history.json", &format!("components/{two}.wasm.tmp")];
    for (name, first) in in_the_way.into_iter().flat_map(|name| [(name, true), (name, false)]) {
        let folder = tempfile::tempdir()?;
        let history = open(folder.path())?;
        if !first {
            swap(&history, &["one"])?;
        }
        let (entries, start) = (history.entries("user"), history.at_start("user", FILE));
        // Even root cannot write a file where a folder is.
        let (path, aside) = (folder.path().join(name), folder.path().join("aside"));
        let _ = fs::rename(&path, &aside);
        fs::create_dir_all(path.join("in the way"))?;
        let error = failure(history.record("user", b"two", "", How::Swap, "another file"))?;
        assert!(error.to_string().contains(&format!("{path:?}")), "{error}");
        assert_eq!(history.entries("user"), entries, "{name}");
        assert_eq!(history.at_start("user", FILE), start, "{name}");
        assert_eq!(history.at_start("user", "another file"), AtStart::File, "{name}");
        fs::remove_dir_all(&path)?;
        let _ = fs::rename(&aside, &path);
        // And goes on when it can.
        assert_eq!(swap(&history, &["two"])?.revision, entries.len() as u64 + 1);
        let live = history.live("user");
        drop(history);
        assert_eq!(open(folder.path())?.live("user"), live, "{name}");
    }
    Ok(())
}

pub(super) fn swap(history: &History, components: &[&str]) -> Result<Entry> {
    let recorded = components.iter().map(|it| history.record("user", it.as_bytes(), "", How::Swap, FILE));
    Ok(recorded.last().context("there is one")??)
}

/// Opens the history that is in this folder itself.
pub(super) fn open(path: &Path) -> Result<History, HistoryError> {
    History::open(path, Path::new(""))
}

fn peek(path: &Path) -> Result<History, HistoryError> {
    History::peek(path, Path::new(""))
}

fn failure<T>(tried: Result<T, HistoryError>) -> Result<HistoryError> {
    tried.err().ok_or_else(|| anyhow!("nothing was refused"))
}

fn component_file(folder: &Path, component: &str) -> PathBuf {
    folder.join("components").join(format!("{}.wasm", digest_of(component.as_bytes())))
}

fn digests(components: &[&str]) -> BTreeSet<String> {
    components.iter().map(|it| digest_of(it.as_bytes())).collect()
}

/// The digests by which the files of components are called.
pub(super) fn kept(folder: &Path) -> Result<BTreeSet<String>> {
    let names = files(&folder.join("components"))?.into_keys();
    names.map(|it| it.strip_suffix(".wasm").map(Into::into).with_context(|| format!("{it} is left"))).collect()
}

/// The files in a folder and the folders in it, and what is in them.
fn files(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let (entry, path) = entry.map(|entry| (entry.file_name(), entry.path()))?;
        let name = entry.to_string_lossy().into_owned();
        match path.is_dir() {
            true => found.extend(files(&path)?.into_iter().map(|(inside, bytes)| (format!("{name}/{inside}"), bytes))),
            false => drop(found.insert(name, fs::read(&path)?)),
        }
    }
    Ok(found)
}
