//! The exports: `wasi:keyvalue`, one instance's open buckets.

use std::cell::RefCell;

use crate::bindings::exports::wasi::keyvalue::store::{self, Bucket as Handle, BucketBorrow, GuestBucket, KeyResponse};
use crate::bindings::exports::wasi::keyvalue::{atomics, batch};
use crate::bucket::{Bucket, Entry, LONGEST_LOG};
use crate::preopen::BucketFolder;
use crate::{Adapter, Error, bounds};

/// An open bucket. An instance does one call at a time, and none within another,
/// so that it is never borrowed twice.
pub struct Open(RefCell<Bucket<BucketFolder>>);

impl store::Guest for Adapter {
    type Bucket = Open;

    fn open(identifier: String) -> Result<Handle, store::Error> {
        bounds::bucket(&identifier)?;
        let bucket = Bucket::new(BucketFolder::open(&identifier)?, LONGEST_LOG);
        Ok(Handle::new(Open(RefCell::new(bucket))))
    }
}

impl GuestBucket for Open {
    fn get(&self, key: String) -> Result<Option<Vec<u8>>, store::Error> {
        Ok(self.0.borrow_mut().get(&key)?)
    }

    fn set(&self, key: String, value: Vec<u8>) -> Result<(), store::Error> {
        Ok(self.0.borrow_mut().set_many(&[(key, value)])?)
    }

    fn delete(&self, key: String) -> Result<(), store::Error> {
        Ok(self.0.borrow_mut().delete_many(&[key])?)
    }

    fn exists(&self, key: String) -> Result<bool, store::Error> {
        Ok(self.0.borrow_mut().get(&key)?.is_some())
    }

    fn list_keys(&self, cursor: Option<u64>) -> Result<KeyResponse, store::Error> {
        let page = self.0.borrow_mut().list_keys(cursor)?;
        Ok(KeyResponse { keys: page.keys, cursor: page.cursor })
    }
}

impl atomics::Guest for Adapter {
    fn increment(bucket: BucketBorrow<'_>, key: String, delta: u64) -> Result<u64, store::Error> {
        Ok(bucket.get::<Open>().0.borrow_mut().increment(&key, delta)?)
    }
}

impl batch::Guest for Adapter {
    fn get_many(bucket: BucketBorrow<'_>, keys: Vec<String>) -> Result<Vec<Option<Entry>>, store::Error> {
        Ok(bucket.get::<Open>().0.borrow_mut().get_many(keys)?)
    }

    fn set_many(bucket: BucketBorrow<'_>, entries: Vec<Entry>) -> Result<(), store::Error> {
        Ok(bucket.get::<Open>().0.borrow_mut().set_many(&entries)?)
    }

    fn delete_many(bucket: BucketBorrow<'_>, keys: Vec<String>) -> Result<(), store::Error> {
        Ok(bucket.get::<Open>().0.borrow_mut().delete_many(&keys)?)
    }
}

impl From<Error> for store::Error {
    fn from(error: Error) -> Self {
        Self::Other(error.to_string())
    }
}
