//! What a service goes through, wherever its history is kept.

use std::{collections::BTreeSet, path::Path, thread};

use anyhow::{Context, Result};

use super::{AtStart, Entry, History, HistoryError, How, digest_of};

const FILE: &str = "the digest of the manifest's file";

#[test]
fn nothing_is_recorded_at_first() {
    let history = History::in_memory();
    assert_eq!(history.at_start("user", FILE), AtStart::File);
    assert_eq!(history.live("user"), None);
    assert_eq!(history.before_live("user"), None);
    assert_eq!(history.entries("user"), []);
}

#[test]
fn an_entry_says_what_was_recorded() -> Result<()> {
    let history = History::in_memory();
    let entry = history.record("user", b"one", "dovetail/0.1.0 (anna@laptop)", How::Canary, FILE)?;
    assert_eq!(entry.revision, 1);
    assert_eq!(entry.digest, digest_of(b"one"));
    assert_eq!(entry.size, 3);
    assert_eq!(entry.by, "dovetail/0.1.0 (anna@laptop)");
    assert_eq!(entry.how, How::Canary);
    assert_eq!(history.live("user"), Some(entry.clone()));
    let shown = serde_json::to_value(&entry)?;
    assert_eq!(shown["how"], "canary");
    assert_eq!(shown["since"], entry.since.to_string());
    Ok(())
}

#[test]
fn who_swaps_cannot_fill_the_history() -> Result<()> {
    let entry = History::in_memory().record("user", b"one", &"é".repeat(20_000), How::Swap, FILE)?;
    assert_eq!(entry.by, "é".repeat(200));
    Ok(())
}

#[test]
fn the_manifests_file_wins_when_it_changes() -> Result<()> {
    let history = History::in_memory();
    history.record("user", b"one", "", How::Manifest, &digest_of(b"one"))?;
    let live = history.record("user", b"two", "", How::Swap, &digest_of(b"one"))?;
    assert_eq!(history.at_start("user", &digest_of(b"one")), AtStart::Recorded(live));
    assert_eq!(history.at_start("user", &digest_of(b"three")), AtStart::File);
    let live = history.record("user", b"three", "", How::Manifest, &digest_of(b"three"))?;
    assert_eq!(history.at_start("user", &digest_of(b"three")), AtStart::Recorded(live));
    assert_eq!(history.at_start("user", &digest_of(b"one")), AtStart::File, "the file was put back");
    Ok(())
}

#[test]
fn what_is_live_keeps_its_revision() -> Result<()> {
    let history = History::in_memory();
    swap(&history, &["one", "two"])?;
    let live = history.record("user", b"two", "somebody else", How::Manifest, "another file")?;
    assert_eq!(shown(&history), ["2 two", "1 one"]);
    assert_eq!(live.how, How::Swap);
    assert_eq!(history.at_start("user", "another file"), AtStart::Recorded(live));
    Ok(())
}

#[test]
fn each_service_has_its_own_revisions() -> Result<()> {
    let history = History::in_memory();
    swap(&history, &["one", "two"])?;
    assert_eq!(history.record("order", b"two", "", How::Swap, FILE)?.revision, 1);
    assert_eq!(shown(&history), ["2 two", "1 one"]);
    Ok(())
}

#[test]
fn files_of_many_services_are_recorded_at_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let history = open(folder.path())?;
    swap(&history, &["one", "two"])?;
    // Two services may have the same file, and one may have it already.
    let files: [(&str, &[u8]); 3] = [("order", b"two"), ("stock", b"two"), ("user", b"three")];
    history.serve(files.map(|(service, _)| service.to_owned()).into(), &files, "dovetail up")?;
    drop(history);
    let history = open(folder.path())?;
    assert_eq!(shown(&history), ["3 three", "2 two", "1 one"]);
    for (service, component) in files {
        let live = history.live(service).context("it was recorded")?;
        assert_eq!((live.digest.clone(), live.how), (digest_of(component), How::Manifest));
        assert_eq!(history.component(&live.digest)?, component);
        assert_eq!(history.at_start(service, &digest_of(component)), AtStart::Recorded(live));
    }
    Ok(())
}

#[test]
fn rollbacks_in_a_row_go_further_back() -> Result<()> {
    let history = History::in_memory();
    swap(&history, &["one", "two", "three"])?;
    assert_eq!(roll_back(&history)?, "4 two");
    assert_eq!(roll_back(&history)?, "5 one");
    assert_eq!(history.before_live("user"), None, "there was nothing before the first");
    // Three can be taken back, whatever was taken back before.
    swap(&history, &["two", "three", "four", "five"])?;
    assert_eq!(["10 four", "11 three", "12 two"], [(); 3].map(|()| roll_back(&history).unwrap_or_default()));
    assert_eq!(history.before_live("user"), None);
    Ok(())
}

#[test]
fn a_swap_after_a_rollback_is_taken_back_to_it() -> Result<()> {
    let history = History::in_memory();
    swap(&history, &["one", "two", "three"])?;
    assert_eq!(roll_back(&history)?, "4 two");
    swap(&history, &["five"])?;
    assert_eq!(roll_back(&history)?, "6 two");
    assert_eq!(roll_back(&history)?, "7 one");
    Ok(())
}

#[test]
fn a_component_that_comes_again_is_no_rollback() -> Result<()> {
    let history = History::in_memory();
    swap(&history, &["one", "two", "one"])?;
    assert_eq!(roll_back(&history)?, "4 two");
    assert_eq!(roll_back(&history)?, "5 one");
    Ok(())
}

#[test]
fn a_rollback_to_something_else_is_like_a_swap() -> Result<()> {
    let history = History::in_memory();
    swap(&history, &["one", "two"])?;
    history.record("user", b"three", "", How::Rollback, FILE)?;
    assert_eq!(roll_back(&history)?, "4 two");
    Ok(())
}

#[test]
fn three_revisions_are_kept_before_the_live_one() -> Result<()> {
    let history = History::in_memory();
    swap(&history, &["one", "two", "three", "four", "five"])?;
    assert_eq!(shown(&history), ["5 five", "4 four", "3 three", "2 two"]);
    assert!(history.component(&digest_of(b"one")).is_err(), "nothing leads to it");
    assert_eq!(history.component(&digest_of(b"two"))?, b"two");
    // And those that further rollbacks go to.
    assert_eq!(roll_back(&history)?, "6 four");
    assert_eq!(shown(&history), ["6 four", "5 five", "4 four", "3 three", "2 two"]);
    assert_eq!(roll_back(&history)?, "7 three");
    assert_eq!(shown(&history), ["7 three", "6 four", "5 five", "4 four", "2 two"]);
    assert_eq!(roll_back(&history)?, "8 two");
    assert_eq!(shown(&history), ["8 two", "7 three", "6 four", "5 five"]);
    Ok(())
}

#[test]
fn services_that_are_gone_are_remembered_for_a_while() -> Result<()> {
    let history = History::in_memory();
    let services: Vec<_> = (0..20).map(|number| format!("service-{number:02}")).collect();
    for service in &services {
        history.record(service, service.as_bytes(), "", How::Manifest, FILE)?;
    }
    let here: BTreeSet<_> = services[18..].iter().cloned().collect();
    history.serve(here.clone(), &[], "")?;
    let kept = services.iter().filter(|service| history.live(service).is_some());
    assert_eq!(kept.count(), 18, "two that are here and 16 that are not");
    assert!(here.iter().all(|service| history.live(service).is_some()));
    let forgotten: Vec<_> = services.iter().filter(|service| history.live(service).is_none()).collect();
    assert_eq!(forgotten, ["service-00", "service-01"], "those that changed first, whatever the clock said");
    assert!(forgotten.iter().all(|service| history.component(&digest_of(service.as_bytes())).is_err()));
    Ok(())
}

#[test]
fn services_change_beside_each_other() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let history = open(folder.path())?;
    let swaps = |service: String| {
        let revisions = (1..=5).map(|number| {
            let component = format!("{service} {number}");
            history.record(&service, component.as_bytes(), "", How::Swap, FILE).map(|entry| entry.revision)
        });
        revisions.collect::<Result<Vec<_>, _>>()
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|number| scope.spawn(move || swaps(format!("service-{number}")))).collect();
        for thread in threads {
            assert!(matches!(thread.join(), Ok(Ok(revisions)) if revisions == [1, 2, 3, 4, 5]));
        }
    });
    let before: Vec<_> = (0..4).map(|number| history.entries(&format!("service-{number}"))).collect();
    drop(history);
    let history = open(folder.path())?;
    let after: Vec<_> = (0..4).map(|number| history.entries(&format!("service-{number}"))).collect();
    assert_eq!(after, before);
    for entry in after.iter().flatten() {
        history.component(&entry.digest)?;
    }
    Ok(())
}

fn swap(history: &History, components: &[&str]) -> Result<()> {
    for component in components {
        history.record("user", component.as_bytes(), "", How::Swap, FILE)?;
    }
    Ok(())
}

/// What a caller does, and what is live then.
fn roll_back(history: &History) -> Result<String> {
    let to = history.before_live("user").context("there is something to go back to")?;
    let live = history.record("user", &history.component(&to.digest)?, "", How::Rollback, FILE)?;
    assert_eq!((&live.digest, live.how), (&to.digest, How::Rollback));
    assert_eq!(history.live("user").as_ref(), Some(&live));
    Ok(show(&live))
}

fn shown(history: &History) -> Vec<String> {
    history.entries("user").iter().map(show).collect()
}

/// The revision, and what its component is.
fn show(entry: &Entry) -> String {
    let components = ["one", "two", "three", "four", "five"];
    let found = components.iter().find(|it| digest_of(it.as_bytes()) == entry.digest);
    format!("{} {}", entry.revision, found.unwrap_or(&"?"))
}

/// Opens the history that is in this folder itself.
fn open(path: &Path) -> Result<History, HistoryError> {
    History::open(path, Path::new(""))
}
