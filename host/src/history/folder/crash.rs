//! Hosts that die while they record something.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::{
    Folder, Ledger, Place,
    tests::{FILE, kept, open, swap},
};
use crate::history::{Entry, How, digest_of, step::Step};

/// A host dies before each step and in the middle of each write.
#[test]
fn a_host_that_dies_leaves_the_old_or_the_new() -> Result<()> {
    let five = ["one", "two", "three", "four", "five"];
    let cases: [(&[&str], &str, How); 4] = [
        (&[], "one", How::Manifest),
        (&["one"], "two", How::Swap),
        // One is dropped.
        (&five[..4], "five", How::Swap),
        // The component is there already.
        (&five[..3], "two", How::Rollback),
    ];
    for (before, component, how) in cases {
        let mut step = 0;
        while survives(before, component, how, step).with_context(|| format!("{component}, step {step}"))? {
            step += 1;
        }
        assert!(step > 3, "{component}: {step} steps");
    }
    Ok(())
}

/// Whether there is such a step; if so, that nothing is lost by dying there.
fn survives(before: &[&str], component: &str, how: How, step: usize) -> Result<bool> {
    let folder = tempfile::tempdir()?;
    let history = open(folder.path())?;
    if !before.is_empty() {
        swap(&history, before)?;
    }
    let old = history.live("user");
    drop(history);
    let Some(renamed) = die(folder.path(), component, how, step)? else { return Ok(false) };
    let history = open(folder.path())?;
    let live = history.live("user");
    let revision = live.as_ref().map_or(0, |live| live.revision);
    if renamed {
        assert_eq!(live.map(|live| live.digest), Some(digest_of(component.as_bytes())));
        assert_eq!(revision, before.len() as u64 + 1);
    } else {
        assert_eq!(live, old, "before step {step}");
    }
    let mut named = BTreeSet::new();
    for entry in history.entries("user") {
        history.component(&entry.digest)?;
        named.insert(entry.digest);
    }
    assert_eq!(kept(folder.path())?, named, "before step {step}");
    assert!(!folder.path().join("history.json.tmp").exists(), "before step {step}");
    assert_eq!(swap(&history, &["six"])?.revision, revision + 1);
    Ok(true)
}

/// Takes the steps of a record before one, which is done by half if it is a
/// write. Says whether the ledger was renamed by then; none if there is no such
/// step, nor one before it.
fn die(path: &Path, component: &str, how: How, step: usize) -> Result<Option<bool>> {
    let folder = found(path)?;
    let mut ledger = folder.ledger()?;
    let digest = digest_of(component.as_bytes());
    ledger.record("user", Entry::new(digest.clone(), component.len() as u64, "", how), FILE);
    let steps = folder.steps(&ledger, &BTreeMap::from([(digest, component.as_bytes())]))?;
    let Some((taken, left)) = steps.split_at_checked(step) else { return Ok(None) };
    taken.iter().try_for_each(|step| step.take(&folder))?;
    if let Some(Step::Write(name, bytes)) = left.first() {
        fs::write(path.join(name), &bytes[..bytes.len() / 2])?;
    }
    let is_rename = |step: &Step| matches!(step, Step::Rename(_, to) if to.ends_with("history.json"));
    Ok(Some(taken.iter().any(is_rename)))
}

#[test]
fn components_are_on_the_disk_before_their_entries() -> Result<()> {
    let folder = tempfile::tempdir()?;
    drop(open(folder.path())?);
    let new = ["one", "two"].map(|component| (digest_of(component.as_bytes()), component.as_bytes()));
    let new = BTreeMap::from(new);
    let steps = found(folder.path())?.steps(&Ledger::default(), &new)?;
    let order = steps.iter().map(|step| match step {
        Step::Write(to, _) => ("write", to),
        Step::Rename(_, to) => ("rename to", to),
        Step::Sync(folder) => ("sync", folder),
    });
    let order: Vec<_> = order.map(|(step, path)| (step, path.clone())).collect();
    let components = PathBuf::from("components");
    let [one, other] = [0, 1].map(|place| new.keys().nth(place).map(|digest| format!("{digest}.wasm")));
    let (one, other) = (one.unwrap_or_default(), other.unwrap_or_default());
    let expected = [
        ("write", components.join(format!("{one}.tmp"))),
        ("rename to", components.join(one)),
        ("write", components.join(format!("{other}.tmp"))),
        ("rename to", components.join(other)),
        ("sync", components),
        ("write", PathBuf::from("history.json.tmp")),
        ("rename to", PathBuf::from("history.json")),
        ("sync", PathBuf::new()),
    ];
    assert_eq!(order, expected);
    Ok(())
}

fn found(path: &Path) -> Result<Folder> {
    Folder::open(&Place::new(path, Path::new("")))?.context("the folder is there")
}
