//! How much a bucket takes and gives, and what its files look like.

use super::disk::Disk;
use crate::Error;
use crate::bounds::MOST_BYTES;
use crate::bucket::{Bucket, KEYS_PER_PAGE};
use crate::names;

fn keys(count: usize) -> Vec<(String, Vec<u8>)> {
    (0..count).rev().map(|n| (format!("k{n}"), vec![n as u8; n % 50])).collect()
}

#[test]
fn keys_are_listed_in_pages() {
    for (count, longest_log) in [0, 1, KEYS_PER_PAGE, KEYS_PER_PAGE + 1, 2 * KEYS_PER_PAGE + 7]
        .into_iter()
        .flat_map(|count| [(count, 1000), (count, 30_000), (count, 1 << 30)])
    {
        let disk = Disk::default();
        let mut bucket = Bucket::new(disk.process(), longest_log);
        let entries = keys(count);
        entries.chunks(500).for_each(|some| bucket.set_many(some).expect("they are set"));
        let (mut listed, mut cursor, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = bucket.list_keys(cursor).expect("it can be read");
            listed.extend(page.keys);
            pages += 1;
            cursor = page.cursor;
            if cursor.is_none() {
                break;
            }
            // What comes and goes meanwhile changes nothing for those that stay.
            bucket.set_many(&[("k0".into(), b"new".into()), (format!("new {pages}"), vec![])]).expect("it is set");
            bucket.delete_many(&[format!("new {pages}")]).expect("it is deleted");
        }
        assert!(listed.iter().eq(entries.iter().map(|(key, _)| key)), "{count} in the order they were set");
        assert_eq!(pages, count.div_ceil(KEYS_PER_PAGE).max(1));
        for cursor in [1 << 62, u64::MAX] {
            let page = bucket.list_keys(Some(cursor)).expect("it can be read");
            assert_eq!((page.keys, page.cursor), (Vec::new(), None));
        }
    }
}

#[test]
fn each_of_many_keys_is_found() {
    let disk = Disk::default();
    let mut bucket = Bucket::new(disk.process(), 10_000);
    let entries = keys(5000);
    entries.chunks(100).for_each(|some| bucket.set_many(some).expect("they are set"));
    let mut fresh = Bucket::new(disk.process(), 10_000);
    for (key, value) in &entries {
        assert_eq!(fresh.get(key).as_ref(), Ok(&Some(value.clone())), "{key}");
        assert_eq!(fresh.get(&format!("{key}x")), Ok(None));
    }
    assert_eq!(fresh.get_many(entries.iter().map(|(key, _)| key.clone()).collect()).map(|all| all.len()), Ok(5000));
}

#[test]
fn whoever_merges_makes_the_same_table() {
    let tables = [(); 2].map(|()| {
        let disk = Disk::default();
        let mut bucket = Bucket::new(disk.process(), 5000);
        keys(300).chunks(7).for_each(|some| bucket.set_many(some).expect("they are set"));
        let mut files = disk.files();
        files.retain(|name, _| names::parse(name).is_some_and(|(_, kind)| kind == names::Kind::Table));
        files
    });
    assert_eq!(tables[0].len(), 1);
    assert_eq!(tables[0], tables[1]);
}

#[test]
fn what_was_merged_is_removed() {
    let disk = Disk::default();
    disk.put(&names::draft(1, 77), b"left by someone who was ended");
    disk.put("notes.txt", b"not ours");
    let mut bucket = Bucket::new(disk.process(), 2000);
    keys(1000).chunks(10).for_each(|some| bucket.set_many(some).expect("they are set"));
    let files = disk.files();
    assert!(files.len() <= 3 && files.contains_key("notes.txt"), "{:?}", files.keys());
    let gone: Vec<String> = keys(1000).into_iter().map(|(key, _)| key).collect();
    gone.chunks(10).for_each(|some| bucket.delete_many(some).expect("they are deleted"));
    let bytes: usize = disk.files().values().map(Vec::len).sum();
    assert!(bytes < 5000, "what is deleted takes {bytes} bytes");
}

#[test]
fn a_damaged_table_is_named() {
    let disk = Disk::default();
    let mut bucket = Bucket::new(disk.process(), 500);
    keys(100).chunks(10).for_each(|some| bucket.set_many(some).expect("they are set"));
    let files = disk.files();
    let (name, table) = files.iter().find(|(name, _)| name.ends_with(".table")).expect("there is a table");
    for damaged in [&table[..table.len() - 1], &table[1..], b"", &table[table.len() - 10..]] {
        let disk = disk.copy();
        disk.put(name, damaged);
        let error = Bucket::new(disk.process(), 500).get("k1");
        assert_eq!(error, Err(Error::Damaged { file: name.clone() }));
    }
}

#[test]
fn damage_is_no_panic() {
    let disk = Disk::default();
    let mut bucket = Bucket::new(disk.process(), 300);
    keys(30).chunks(3).for_each(|some| bucket.set_many(some).expect("they are set"));
    for (name, bytes) in disk.files() {
        for at in 0..bytes.len() {
            let disk = disk.copy();
            let damaged: Vec<u8> =
                bytes.iter().enumerate().map(|(n, byte)| byte ^ if n == at { 0xff } else { 0 }).collect();
            disk.put(&name, &damaged);
            let mut bucket = Bucket::new(disk.process(), 300);
            let _ = (bucket.list_keys(None), bucket.get("k7"), bucket.increment("n", 1));
            let _ = bucket.set_many(&keys(10));
        }
    }
}

#[test]
fn a_full_disk_refuses_and_harms_nothing() {
    let disk = Disk::default();
    let mut bucket = Bucket::new(disk.process(), 200);
    for round in 1..40 {
        assert_eq!(bucket.increment("n", 1), Ok(round));
        disk.fill(true);
        let set = bucket.set_many(&[("k".into(), vec![7; 10])]);
        assert!(matches!(set, Err(Error::Disk { .. })), "{set:?}");
        // The last byte may have found room.
        let found = bucket.get("k").expect("it can be read");
        assert!(found.is_none_or(|value| value == [7; 10]));
        assert_eq!(bucket.increment("n", 0), Ok(round));
        disk.fill(false);
    }
}

#[test]
fn what_exceeds_a_call_is_refused() {
    let mut bucket = Bucket::new(Disk::default().process(), 1 << 30);
    let refused = |result: Result<(), Error>| matches!(result, Err(Error::OutOfBounds { .. }));
    let value = |length: usize| vec![7; length];
    assert_eq!(bucket.set_many(&[("k".repeat(1024), value(1 << 20))]), Ok(()));
    assert!(refused(bucket.set_many(&[("k".repeat(1025), value(0))])));
    assert!(refused(bucket.set_many(&[("k".into(), value((1 << 20) + 1))])));
    assert!(refused(bucket.delete_many(&vec![String::new(); 10_001])));
    assert!(refused(bucket.get(&"k".repeat(1025)).map(drop)));
    let many: Vec<_> = (0..16).map(|n| (format!("{n:x}"), value((1 << 20) - 1))).collect();
    assert_eq!(bucket.set_many(&many), Ok(()));
    assert_eq!(many.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>(), MOST_BYTES);
    let mut keys: Vec<String> = many.into_iter().map(|(key, _)| key).collect();
    assert_eq!(bucket.get_many(keys.clone()).map(|all| all.len()), Ok(16));
    keys.push("k".repeat(1024));
    assert!(refused(bucket.get_many(keys).map(drop)));
}

#[test]
fn counters_refuse_what_does_not_fit() {
    let mut bucket = Bucket::new(Disk::default().process(), 400);
    for text in ["", "x", "-1", "+1", " 1", "1.5", "18446744073709551616", "\u{ff}"] {
        bucket.set_many(&[("n".into(), text.into())]).expect("it is set");
        for delta in [0, 1] {
            assert_eq!(bucket.increment("n", delta), Err(Error::NotACounter { key: "n".into() }), "{text:?}");
        }
        assert_eq!(bucket.get("n"), Ok(Some(text.into())));
    }
    bucket.delete_many(&["n".into()]).expect("it is deleted");
    assert_eq!(bucket.increment("n", u64::MAX - 1), Ok(u64::MAX - 1));
    assert_eq!(bucket.increment("n", 1), Ok(u64::MAX));
    let overflow = Error::Overflow { key: "n".into(), value: u64::MAX, delta: 1 };
    assert_eq!(bucket.increment("n", 1), Err(overflow));
    assert_eq!(bucket.increment("n", 0), Ok(u64::MAX));
    assert_eq!(bucket.increment("new", 0), Ok(0));
    assert_eq!(bucket.get("new"), Ok(None), "a delta of 0 wrote");
}
