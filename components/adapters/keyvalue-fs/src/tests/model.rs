//! What a bucket answers is what a simple one would.

use std::collections::BTreeMap;

use super::disk::{Disk, Process, Random};
use crate::Error;
use crate::bucket::{Bucket, Page};

/// What one call may do.
#[derive(Clone, Debug)]
pub enum Call {
    SetMany(Vec<(String, Vec<u8>)>),
    DeleteMany(Vec<String>),
    Increment(String, u64),
}

/// A bucket that is as simple as can be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    /// Each key, with how many keys were there when it came.
    keys: BTreeMap<String, (u64, Vec<u8>)>,
    came: u64,
}

impl Model {
    /// Do it, and say what an increment answers.
    pub fn apply(&mut self, call: &Call) -> Option<u64> {
        match call {
            Call::SetMany(entries) => entries.iter().for_each(|(key, value)| self.set(key, value.clone())),
            Call::DeleteMany(keys) => keys.iter().for_each(|key| drop(self.keys.remove(key))),
            Call::Increment(key, delta) => {
                let text = self.get(key).map_or_else(|| Some("0".to_owned()), |value| String::from_utf8(value).ok());
                let sum = text?.parse::<u64>().ok()?.checked_add(*delta)?;
                if *delta > 0 {
                    self.set(key, sum.to_string().into_bytes());
                }
                return Some(sum);
            }
        }
        Some(0)
    }

    pub fn get(&self, key: &str) -> Option<Vec<u8>> {
        self.keys.get(key).map(|(_, value)| value.clone())
    }

    /// The keys in the order in which they came.
    pub fn keys(&self) -> Vec<String> {
        let mut keys: Vec<_> = self.keys.iter().map(|(key, (came, _))| (*came, key.clone())).collect();
        keys.sort();
        keys.into_iter().map(|(_, key)| key).collect()
    }

    fn set(&mut self, key: &str, value: Vec<u8>) {
        let came = self.keys.get(key).map_or(self.came, |(came, _)| *came);
        self.came += 1;
        self.keys.insert(key.to_owned(), (came, value));
    }
}

/// Some call, on few keys, so that they meet.
pub fn some_call(random: &mut Random) -> Call {
    let key = |random: &mut Random| {
        ["", "a", "b", "订", "a/b", "..", "last", "\u{ff}\0"][random.below(8) as usize].to_owned()
    };
    let value = |random: &mut Random| match random.below(6) {
        0 => Vec::new(),
        1 => vec![random.below(256) as u8; random.below(600) as usize],
        2 => u64::MAX.to_string().into_bytes(),
        _ => random.below(100).to_string().into_bytes(),
    };
    match random.below(6) {
        0 => Call::DeleteMany((0..random.below(4)).map(|_| key(random)).collect()),
        1 | 2 => Call::Increment(key(random), random.below(4)),
        _ => Call::SetMany((0..random.below(4)).map(|_| (key(random), value(random))).collect()),
    }
}

/// Let the bucket do it.
pub fn call(bucket: &mut Bucket<Process>, call: &Call) -> Result<u64, Error> {
    match call {
        Call::SetMany(entries) => bucket.set_many(entries).map(|()| 0),
        Call::DeleteMany(keys) => bucket.delete_many(keys).map(|()| 0),
        Call::Increment(key, delta) => bucket.increment(key, *delta),
    }
}

/// All keys of a bucket, in its order, and their values.
pub fn all(bucket: &mut Bucket<Process>) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let Page { keys, cursor } = bucket.list_keys(None)?;
    assert_eq!(cursor, None, "a page holds them all");
    Ok(bucket.get_many(keys)?.into_iter().flatten().collect())
}

/// All that is in the model.
pub fn expected(model: &Model) -> Vec<(String, Vec<u8>)> {
    model.keys().into_iter().filter_map(|key| model.get(&key).map(|value| (key, value))).collect()
}

#[test]
fn a_bucket_answers_as_the_model_does() {
    for (seed, longest_log) in (0..60).zip([40, 200, 1000, 1 << 20].into_iter().cycle()) {
        let (disk, mut random) = (Disk::default(), Random(seed << 32));
        if seed % 3 == 0 {
            disk.tear(5);
        }
        // Of several processes each knows what the others did.
        let mut buckets: Vec<_> = (0..3).map(|_| Bucket::new(disk.process(), longest_log)).collect();
        let mut model = Model::default();
        for _ in 0..200 {
            if random.below(10) == 0 {
                buckets[0] = Bucket::new(disk.process(), longest_log);
            }
            let bucket = &mut buckets[random.below(3) as usize];
            let next = some_call(&mut random);
            assert_eq!(call(bucket, &next).ok(), model.apply(&next), "{next:?}");
            let bucket = &mut buckets[random.below(3) as usize];
            assert_eq!(all(bucket).expect("it can be read"), expected(&model), "after {next:?}");
        }
        let tables = disk.files().keys().filter(|name| name.ends_with(".table")).count();
        assert_eq!(tables, usize::from(longest_log < 1 << 20), "{:?}", disk.files().keys());
    }
}
