//! Many processes at once, some of which end in the middle.

use std::collections::BTreeSet;
use std::thread;

use super::disk::{Disk, Process, Random};
use crate::bucket::Bucket;
use crate::disk::Folder;

const THREADS: u64 = 8;

/// Let each thread do this with its number, and give back what each has.
pub fn all_at_once<T: Send>(each: impl Fn(u64) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let each = &each;
        let threads: Vec<_> = (0..THREADS).map(|n| scope.spawn(move || each(n))).collect();
        threads.into_iter().map(|thread| thread.join().expect("it does not panic")).collect()
    })
}

/// Counts in one bucket by many threads, some instances of which are new.
pub fn count_densely<D: Folder>(longest_log: u64, each: u64, folder: impl Fn() -> D + Sync) {
    let sums = all_at_once(|n| {
        let mut bucket = Bucket::new(folder(), longest_log);
        let mut sums = Vec::new();
        for round in 0..each {
            if (round + n) % 5 == 0 {
                bucket = Bucket::new(folder(), longest_log);
            }
            sums.push(bucket.increment("n", 1).expect("it counts"));
        }
        sums
    });
    assert!(sums.iter().all(|sums| sums.is_sorted()), "a thread saw the counter go back");
    let all: BTreeSet<u64> = sums.into_iter().flatten().collect();
    assert!(all.into_iter().eq(1..=THREADS * each));
}

#[test]
fn increments_are_dense_whatever_is_merged() {
    for longest_log in [60, 500, 5000] {
        let disk = Disk::default();
        count_densely(longest_log, 60, || disk.process());
    }
}

#[test]
fn increments_are_unique_whoever_ends() {
    for seed in 0..20 {
        let disk = Disk::default();
        if seed % 2 == 0 {
            disk.tear(17);
        }
        let counted = all_at_once(|n| {
            let mut random = Random(seed << 40 | n << 20);
            let (mut sums, mut tried) = (Vec::new(), 0);
            for _ in 0..15 {
                let process = disk.mortal(5 + random.below(150));
                let mut bucket = Bucket::new(process.clone(), 200);
                while !process.is_over() {
                    tried += 1;
                    sums.extend(bucket.increment("n", 1).ok());
                }
            }
            (sums, tried)
        });
        let tried: u64 = counted.iter().map(|(_, tried)| tried).sum();
        let sums: Vec<u64> = counted.into_iter().flat_map(|(sums, _)| sums).collect();
        let unique: BTreeSet<u64> = sums.iter().copied().collect();
        assert_eq!(unique.len(), sums.len(), "an id was given twice");
        let last = Bucket::new(disk.process(), 200).increment("n", 0).expect("it can be read");
        assert!(unique.last().is_none_or(|most| *most <= last), "an acknowledged increment is lost");
        assert!(sums.len() as u64 <= last && last <= tried, "{} of {tried} counted, but {last}", sums.len());
    }
}

#[test]
fn a_batch_is_seen_whole_or_not_at_all() {
    let disk = Disk::default();
    let keys: Vec<String> = (0..9).map(|n| format!("k{n}")).collect();
    all_at_once(|n| {
        let mut random = Random(n << 30);
        let mut bucket = Bucket::new(disk.process(), 2000);
        for round in 0..40 {
            if n % 2 == 0 {
                // Larger than a frame, too, so that it lies in parts between others.
                let value = format!("{n} {round} ").repeat(if round % 8 == 0 { 2000 } else { 3 });
                let entries: Vec<_> = keys.iter().map(|key| (key.clone(), value.clone().into_bytes())).collect();
                let process = disk.mortal(if random.below(3) == 0 { 30 } else { u64::MAX });
                let _ = Bucket::new(process, 2000).set_many(&entries);
            }
            let found = bucket.get_many(keys.clone()).expect("it can be read");
            let values: BTreeSet<_> = found.into_iter().map(|entry| entry.map(|(_, value)| value)).collect();
            assert_eq!(values.len(), 1, "a batch was torn");
        }
    });
}

#[test]
fn what_was_acknowledged_is_seen_by_everybody() {
    let disk = Disk::default();
    all_at_once(|n| {
        let (mut writer, mut reader) = (Bucket::new(disk.process(), 300), Bucket::new(disk.process(), 300));
        for round in 0..40u64 {
            let key = format!("k{n}");
            writer.set_many(&[(key.clone(), round.to_le_bytes().to_vec())]).expect("it writes");
            let seen = |bucket: &mut Bucket<Process>| bucket.get(&key).expect("it can be read");
            assert_eq!(seen(&mut reader), Some(round.to_le_bytes().to_vec()));
            assert_eq!(seen(&mut Bucket::new(disk.process(), 300)), Some(round.to_le_bytes().to_vec()));
        }
    });
}

#[test]
fn whoever_slept_through_merges_goes_on_where_the_others_are() {
    let disk = Disk::default();
    let mut slow = Bucket::new(disk.process(), 100);
    assert_eq!(slow.increment("n", 1), Ok(1));
    let mut expected = 1;
    for pause in 1..20 {
        let mut quick = Bucket::new(disk.process(), 100);
        for _ in 0..pause {
            expected += 1;
            assert_eq!(quick.increment("n", 1), Ok(expected));
        }
        expected += 1;
        assert_eq!(slow.increment("n", 1), Ok(expected));
    }
}
