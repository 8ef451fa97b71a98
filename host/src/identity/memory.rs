//! Who was found to ask by what was brought, so that it is not verified each time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashlink::LruCache;
use ring::digest::{SHA256, digest};

use super::now;
use crate::capability::identity::Identity;

/// How many are remembered; those longest unused are forgotten first.
const MOST: usize = 8192;

/// By what it is remembered: SHA-256 of what was brought, which is kept nowhere itself.
pub type Print = [u8; 32];

/// What was verified.
pub struct Memory {
    /// Protects what is remembered, each with the number of the keys that verified it: held to
    /// look it up, and to add to it.
    known: Mutex<LruCache<Print, (u64, Arc<Identity>)>>,
}

impl Memory {
    /// With nothing in it.
    pub fn new() -> Memory {
        Memory { known: Mutex::new(LruCache::new(MOST)) }
    }

    /// Who asks with what has this print, if that was verified by the keys of this number and
    /// has not ended since.
    pub fn get(&self, print: &Print, keys: u64) -> Option<Arc<Identity>> {
        let mut known = self.known();
        let (by, identity) = known.get(print)?;
        let is_good = *by == keys && identity.expires.is_none_or(|end| now() < end);
        if is_good {
            return Some(identity.clone());
        }
        known.remove(print);
        None
    }

    /// Remember who it is.
    pub fn put(&self, print: Print, keys: u64, identity: Arc<Identity>) {
        self.known().insert(print, (keys, identity));
    }

    fn known(&self) -> MutexGuard<'_, LruCache<Print, (u64, Arc<Identity>)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// By what it is remembered that was brought.
pub fn print(brought: &[u8]) -> Print {
    let mut print = Print::default();
    print.copy_from_slice(digest(&SHA256, brought).as_ref());
    print
}
