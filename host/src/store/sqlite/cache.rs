//! Values that were read lately, as the database has them.
//!
//! SQLite keeps pages in memory, and to find a value in them takes some
//! microseconds still; here it takes a hash. Keys without a value are kept, too: most
//! of what a service looks for is not there. What is read for the first time is not kept:
//! where each key is as likely as another, to put it in and another out is work for nothing.

use std::hash::BuildHasher;
use std::mem;

use bytes::Bytes;
use hashlink::{DefaultHashBuilder, LruCache};

/// The most bytes that are kept, keys and values with what each entry takes besides.
const MOST: usize = 8 << 20;

/// The largest value that is kept, in bytes: one must not drive out thousands.
const LARGEST: usize = 16 << 10;

/// What an entry takes beside its key and its value, about.
const OVERHEAD: usize = 128;

/// How many keys that were read are known to have been: twice as many as there is room
/// for, of 128 bytes each.
const READ_LATELY: usize = 1 << 16;

/// What the database has of some keys. Whoever writes to the database says so here
/// before anybody is answered from it again.
pub struct Cache {
    /// Under bucket and key in one.
    values: LruCache<String, Option<Bytes>>,
    bytes: usize,
    /// For the key that is looked up.
    name: String,
    read: ReadLately,
}

/// A part of the hash of each key that was read lately, where the rest of it says.
struct ReadLately {
    hasher: DefaultHashBuilder,
    places: Box<[u32]>,
}

impl Cache {
    /// An empty cache.
    pub fn new() -> Cache {
        Cache { values: LruCache::new_unbounded(), bytes: 0, name: String::new(), read: ReadLately::new() }
    }

    /// What the database has under a key, if that is known.
    pub fn get(&mut self, bucket: &str, key: &str) -> Option<Option<Bytes>> {
        self.name(bucket, key);
        self.values.get(&self.name).cloned()
    }

    /// The database has this value under the key, or none, as was just read there.
    pub fn offer(&mut self, bucket: &str, key: &str, value: Option<&[u8]>) {
        self.name(bucket, key);
        if self.read.again(&self.name) {
            self.put(bucket, key, value.map(Bytes::copy_from_slice));
        }
    }

    /// The database has this value under the key, or none.
    fn put(&mut self, bucket: &str, key: &str, value: Option<Bytes>) {
        self.name(bucket, key);
        if value.as_ref().is_some_and(|value| value.len() > LARGEST) {
            return self.remove();
        }
        self.bytes += size(&self.name, value.as_ref());
        if let Some(before) = self.values.insert(self.name.clone(), value) {
            self.bytes -= size(&self.name, before.as_ref());
        }
        while self.bytes > MOST
            && let Some((name, value)) = self.values.remove_lru()
        {
            self.bytes -= size(&name, value.as_ref());
        }
    }

    /// The same, if the key is here: what nobody asks for need not be.
    pub fn update(&mut self, bucket: &str, key: &str, value: Option<&Bytes>) {
        self.name(bucket, key);
        if self.values.contains_key(&self.name) {
            self.put(bucket, key, value.cloned());
        }
    }

    /// What the database has is in doubt.
    pub fn clear(&mut self) {
        self.values.clear();
        self.bytes = 0;
    }

    fn remove(&mut self) {
        if let Some(before) = self.values.remove(&self.name) {
            self.bytes -= size(&self.name, before.as_ref());
        }
    }

    /// No name of a bucket has a NUL.
    fn name(&mut self, bucket: &str, key: &str) {
        self.name.clear();
        self.name.push_str(bucket);
        self.name.push('\0');
        self.name.push_str(key);
    }
}

impl ReadLately {
    fn new() -> ReadLately {
        ReadLately { hasher: DefaultHashBuilder::default(), places: vec![0; READ_LATELY].into() }
    }

    /// Notes that a key is read, and says whether it was lately.
    fn again(&mut self, name: &str) -> bool {
        let hash = self.hasher.hash_one(name);
        let (place, rest) = (hash as usize % READ_LATELY, (hash >> 32) as u32);
        mem::replace(&mut self.places[place], rest) == rest
    }
}

fn size(name: &str, value: Option<&Bytes>) -> usize {
    name.len() + value.map_or(0, Bytes::len) + OVERHEAD
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(bytes: usize) -> Option<Bytes> {
        Some(vec![b'x'; bytes].into())
    }

    #[test]
    fn what_was_put_is_found_under_its_bucket_and_key_alone() {
        let mut cache = Cache::new();
        cache.put("b", "k", value(1));
        cache.put("b", "none", None);
        assert_eq!(cache.get("b", "k"), Some(value(1)));
        assert_eq!(cache.get("b", "none"), Some(None), "it is known to have no value");
        assert_eq!(cache.get("b", "other"), None);
        assert_eq!(cache.get("bk", ""), None);
    }

    #[test]
    fn what_is_read_twice_is_kept() {
        let mut cache = Cache::new();
        cache.offer("b", "k", Some(b"x"));
        assert_eq!(cache.get("b", "k"), None);
        cache.offer("b", "k", Some(b"x"));
        assert_eq!(cache.get("b", "k"), Some(value(1)));
        cache.offer("b", "k", None);
        assert_eq!(cache.get("b", "k"), Some(None));
        for key in 0..READ_LATELY / 2 {
            cache.offer("b", &key.to_string(), Some(b"x"));
        }
        assert_eq!(cache.values.len(), 1, "a key was read once");
    }

    #[test]
    fn an_update_replaces_and_adds_nothing() {
        let mut cache = Cache::new();
        cache.put("b", "k", value(1));
        cache.update("b", "k", None);
        cache.update("b", "other", value(1).as_ref());
        assert_eq!(cache.get("b", "k"), Some(None));
        assert_eq!(cache.get("b", "other"), None);
    }

    #[test]
    fn a_value_that_grows_too_large_is_not_answered_as_it_was() {
        let mut cache = Cache::new();
        cache.put("b", "k", value(LARGEST));
        cache.update("b", "k", value(LARGEST + 1).as_ref());
        assert_eq!(cache.get("b", "k"), None);
        assert_eq!(cache.bytes, 0);
    }

    #[test]
    fn what_is_used_stays_and_the_bound_is_kept() {
        let mut cache = Cache::new();
        cache.put("b", "used", value(1));
        for key in 0..2 * MOST / LARGEST {
            cache.put("b", &key.to_string(), value(LARGEST));
            assert_eq!(cache.get("b", "used"), Some(value(1)));
            assert!(cache.bytes <= MOST);
        }
        assert_eq!(cache.get("b", "0"), None, "it made room");
        let counted: usize = cache.values.iter().map(|(name, value)| size(name, value.as_ref())).sum();
        assert_eq!(cache.bytes, counted);
    }
}
