//! What is kept, what is not believed, and what there is room for.

use std::{fs, os::unix};

use super::*;
use crate::engine::{Effort, compile};

const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

fn digest() -> String {
    hex(&Sha256::digest(COMPONENT))
}

/// Whether the component is taken from the cache.
fn is_kept(engine: &Engine, cache: &CodeCache) -> bool {
    compile(engine, cache, &digest(), COMPONENT, Effort::Full).expect("it is a component").from_cache
}

#[test]
fn an_entry_that_is_not_as_it_was_written_is_replaced() {
    type Spoil = fn(&mut Vec<u8>);
    let spoilt: [(&str, Spoil); 9] = [
        ("empty", |entry| entry.clear()),
        ("another format", |entry| entry[MARK.len() - 2] += 1),
        ("only a mark", |entry| entry.truncate(MARK.len())),
        ("half a seal", |entry| entry.truncate(MARK.len() + SEAL / 2)),
        ("another seal", |entry| entry[MARK.len()] ^= 1),
        ("no code", |entry| entry.truncate(MARK.len() + SEAL)),
        ("one bit of the code", |entry| entry[MARK.len() + SEAL + 1000] ^= 1),
        ("cut off", |entry| entry.truncate(entry.len() - 1)),
        ("more behind it", |entry| entry.push(0)),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let (engine, cache) = (Engine::default(), CodeCache::open(folder.path()).expect("it is ours"));
    let path = folder.path().join(entry_name(&engine, &digest()).expect("a digest"));
    assert!(!is_kept(&engine, &cache));
    for (what, spoil) in spoilt {
        let mut entry = fs::read(&path).expect("it was kept");
        spoil(&mut entry);
        fs::write(&path, entry).expect("it can be written");
        assert!(!is_kept(&engine, &cache), "{what}");
        assert!(is_kept(&engine, &cache), "{what}: it was replaced");
    }
}

#[test]
fn code_that_wasmtime_refuses_is_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let (engine, cache) = (Engine::default(), CodeCache::open(folder.path()).expect("it is ours"));
    let name = entry_name(&engine, &digest()).expect("a digest");
    let code = b"no code of wasmtime";
    fs::write(folder.path().join(&name), [MARK, &seal(&name, code), code].concat()).expect("it can be written");
    assert!(!is_kept(&engine, &cache));
    assert!(is_kept(&engine, &cache));
}

#[test]
fn an_entry_counts_only_under_its_own_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let (engine, cache) = (Engine::default(), CodeCache::open(folder.path()).expect("it is ours"));
    is_kept(&engine, &cache);
    let path = |digest: &str| folder.path().join(entry_name(&engine, digest).expect("a digest"));
    let other = "0".repeat(64);
    fs::rename(path(&digest()), path(&other)).expect("it is there");
    assert!(cache.get(&engine, &other).is_none());
}

#[test]
fn a_link_in_place_of_an_entry_is_not_followed_but_replaced() {
    let (folder, elsewhere) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("another"));
    let (engine, cache) = (Engine::default(), CodeCache::open(folder.path()).expect("it is ours"));
    is_kept(&engine, &cache);
    let path = folder.path().join(entry_name(&engine, &digest()).expect("a digest"));
    let moved = elsewhere.path().join("code");
    fs::rename(&path, &moved).expect("it was kept");
    unix::fs::symlink(&moved, &path).expect("there is room");
    let before = fs::read(&moved).expect("it is there");
    assert!(!is_kept(&engine, &cache));
    assert!(fs::symlink_metadata(&path).expect("it is there").is_file());
    assert!(is_kept(&engine, &cache));
    assert_eq!(fs::read(&moved).expect("it is there"), before, "nothing is written through the link");
}

#[test]
fn other_settings_have_entries_of_their_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = CodeCache::open(folder.path()).expect("it is ours");
    type Set = fn(&mut wasmtime::Config);
    let settings: [Set; 3] = [
        |config| {
            config.epoch_interruption(true);
        },
        |config| {
            config.epoch_interruption(false);
        },
        |config| {
            config.concurrency_support(false);
        },
    ];
    let engines = settings.map(|set| {
        move || {
            let mut config = wasmtime::Config::new();
            set(&mut config);
            Engine::new(&config).expect("an engine")
        }
    });
    for engine in &engines {
        assert!(!is_kept(&engine(), &cache));
    }
    for engine in &engines {
        assert!(is_kept(&engine(), &cache), "an engine of the same settings");
    }
}

#[test]
fn only_a_digest_names_an_entry() {
    let engine = Engine::default();
    assert!(entry_name(&engine, &digest()).is_some());
    for wrong in ["", "../up", &"A".repeat(64), &"a".repeat(63), &format!("{}/", "a".repeat(63))] {
        assert_eq!(entry_name(&engine, wrong), None, "{wrong}");
    }
}

#[test]
fn a_folder_that_was_removed_is_made_again() {
    let above = tempfile::tempdir().expect("a folder");
    let path = above.path().join("code");
    let (engine, cache) = (Engine::default(), CodeCache::open(&path).expect("it is ours"));
    assert!(!is_kept(&engine, &cache));
    fs::remove_dir_all(&path).expect("it is ours");
    assert!(!is_kept(&engine, &cache), "what was there is lost");
    assert!(is_kept(&engine, &cache));
    assert!(is_kept(&engine, &CodeCache::open(&path).expect("it is ours")), "another host finds it");
}

#[test]
fn nothing_is_kept_without_a_folder() {
    let (engine, cache) = (Engine::default(), CodeCache::none());
    assert!(!is_kept(&engine, &cache));
    assert!(!is_kept(&engine, &cache));
}

#[test]
fn an_app_of_many_services_has_room_for_each() {
    let folder = tempfile::tempdir().expect("a folder");
    let (engine, cache) = (Engine::default(), CodeCache::open(folder.path()).expect("it is ours"));
    let component = Component::from_binary(&engine, COMPONENT).expect("it is a component");
    let digest = |number: usize| format!("{number:064x}");
    let put = |numbers: std::ops::Range<usize>| {
        numbers.for_each(|number| cache.put(&engine, &digest(number), &component));
        fs::read_dir(folder.path()).expect("it is there").count()
    };
    assert_eq!(put(0..BOUNDS.entries + 2), BOUNDS.entries);
    cache.make_room(BOUNDS.entries);
    cache.make_room(1);
    assert_eq!(put(0..BOUNDS.entries + 2), BOUNDS.entries + 2);
    assert!((0..BOUNDS.entries + 2).all(|number| cache.get(&engine, &digest(number)).is_some()));
}
